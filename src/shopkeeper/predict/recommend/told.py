"""Lists and neighbours as rows, each with its reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.core.tables import RECOMMENDATIONS
from shopkeeper.predict.recommend.again import own_pairs
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.interactions import DAY_US, Interactions, Ints
from shopkeeper.predict.recommend.rank import Lists

__all__ = ["Said", "list_rows", "reason_column", "said_of"]

_SOURCED = ("often_after", "bought_together", "alike")
_UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Reasons of many recommendations, one a row.

    Parameters
    ----------
    codes
        Code of the reason.
    sources
        Item of the history it comes from, or -1.
    days
        Days since that item was bought (or this one, for what is due); -1 is not known.
    times
        Times the item was bought before; -1 is not said.
    every
        Usual gap in days; -1 is not said.
    """

    codes: np.ndarray[tuple[int], np.dtype[np.object_]]
    sources: Ints
    days: Ints
    times: Ints
    every: Ints


def said_of(
    model: Recommender,
    fallback: Recommender,
    lists: Lists,
    histories: Interactions,
    as_of_us: int | None,
) -> Said:
    """Reasons of lists, from the model that made them and what is known of the histories.

    Parameters
    ----------
    model
        That ranked the items.
    fallback
        That filled the lists up.
    lists
        In the item codes of the model.
    histories
        The lists were made from.
    as_of_us
        Microseconds UTC; None leaves days out.

    Returns
    -------
    Said
        A reason without its product falls back to popularity.
    """
    known = histories.for_items(model.item_ids)
    found = model.explain(histories, lists.users, lists.items)
    # RecentPopularity gives less than 1 to what nobody bought within its window.
    asked = np.where(lists.scores >= 1, fallback.reason, "popular")
    codes = np.where(lists.filled, asked, found.codes).astype(object)
    sources = np.where(lists.filled, _UNKNOWN, found.sources)
    codes[np.isin(codes.astype(str), _SOURCED) & (sources < 0)] = "popular"
    pairs = own_pairs(known)
    key = pairs.users * known.n_items + pairs.items
    first, last = _moments(known, key)
    own = _place(key, lists.users * known.n_items + lists.items)
    heard = _place(key, lists.users * known.n_items + np.maximum(sources, 0))
    personal = np.isin(codes.astype(str), ("buy_again", "due"))
    place = np.where(personal, own, np.where(sources >= 0, heard, _UNKNOWN))
    codes[personal & (own < 0)] = "popular"
    times = np.where(own >= 0, pairs.times[own] if len(key) else 0, _UNKNOWN)
    days = np.full(len(codes), _UNKNOWN, dtype=np.int64)
    every = days.copy()
    if last is not None and first is not None and as_of_us is not None and len(key):
        days = np.where(place >= 0, (as_of_us - last[place]) // DAY_US, _UNKNOWN)
        gap = (last - first) / np.maximum(pairs.times - 1, 1) / DAY_US
        every = np.where((place >= 0) & (pairs.times[place] > 1), np.rint(gap[place]), _UNKNOWN)
    # Long overdue is not due: only the count is told.
    codes[(codes == "due") & ((every < 1) | (days < 0) | (days > 3 * every))] = "buy_again"
    return Said(codes, sources, days, times, every.astype(np.int64))


def _moments(known: Interactions, key: Ints) -> tuple[Ints | None, Ints | None]:
    """First and last time of each pair; None without times."""
    if known.times is None:
        return None, None
    place = np.searchsorted(key, known.users * known.n_items + known.items)
    first = np.full(len(key), np.iinfo(np.int64).max)
    last = np.full(len(key), np.iinfo(np.int64).min)
    np.minimum.at(first, place, known.times)
    np.maximum.at(last, place, known.times)
    return first, last


def _place(keys: Ints, wanted: Ints) -> Ints:
    if len(keys) == 0:
        return np.full(len(wanted), _UNKNOWN, dtype=np.int64)
    place = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
    return np.where(keys[place] == wanted, place, _UNKNOWN).astype(np.int64)


def reason_column(said: Said, item_ids: pa.StringArray) -> pa.Array:
    """Reasons as JSON text, one a row.

    Parameters
    ----------
    said
        What to tell.
    item_ids
        Ids behind the sources.

    Returns
    -------
    pyarrow.Array
        Strings; each is made once for all rows that say the same.
    """
    names, which = np.unique(said.codes.astype(str), return_inverse=True)
    sourced = np.isin(names, _SOURCED)[which]
    personal = np.isin(names, ("buy_again", "due"))[which]
    columns = [
        which,
        np.where(sourced, said.sources, _UNKNOWN),
        np.where(sourced | (names[which] == "due"), said.days, _UNKNOWN),
        np.where(personal, said.times, _UNKNOWN),
        np.where(names[which] == "due", said.every, _UNKNOWN),
    ]
    alike, index = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    texts = []
    # One step a distinct reason, not a row.
    for code, source, days, times, every in alike.tolist():
        reason: dict[str, Any] = {"code": str(names[code])}
        if source >= 0:
            reason["product_id"] = item_ids[source].as_py()
        told = {"days": days, "times": times, "every": every}
        reason |= {key: value for key, value in told.items() if value >= 0}
        texts.append(json.dumps([reason], ensure_ascii=False))
    return pa.array(texts, pa.string()).take(index.ravel())


def list_rows(
    model: Recommender,
    fallback: Recommender,
    kind: str,
    lists: Lists,
    histories: Interactions,
    *,
    as_of: datetime,
    model_version: str,
) -> pa.Table:
    """Rows of RECOMMENDATIONS.

    Parameters
    ----------
    model, fallback
        That ranked and that filled.
    kind
        ``new``, ``again`` or ``next_basket``.
    lists
        In the item codes of the model.
    histories
        The lists were made from.
    as_of
        The moment of the recommendation, with time zone.
    model_version
        Written to every row.

    Returns
    -------
    pyarrow.Table
        In the order of the lists.
    """
    n = len(lists.users)
    names = np.where(lists.filled, fallback.name, model.name).astype(object)
    said = said_of(model, fallback, lists, histories, int(as_of.timestamp() * 1_000_000))
    columns = {
        "customer_id": histories.user_ids.take(lists.users),
        "as_of": pa.array([as_of], pa.timestamp("us", tz="UTC")).take(np.zeros(n, np.int64)),
        "kind": pa.array(np.full(n, kind, dtype=object), pa.string()),
        "rank": pa.array(lists.ranks),
        "product_id": model.item_ids.take(lists.items),
        "score": pa.array(lists.scores),
        "model": pa.array(names, pa.string()),
        "model_version": pa.array(np.full(n, model_version, dtype=object), pa.string()),
        "reasons": reason_column(said, model.item_ids),
    }
    return RECOMMENDATIONS.cast(pa.table(columns))
