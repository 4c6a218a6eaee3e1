"""One question, one answer: the items for a history, a basket or a product, in milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.predict.recommend.base import Recommender
from shopkeeper.predict.recommend.content import Content
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints
from shopkeeper.predict.recommend.similar import Neighbours

__all__ = ["Served", "answer_beside", "answer_history", "codes_of", "history_of", "one_of"]


@dataclass(frozen=True, slots=True)
class Served:
    """One place of an answer.

    Parameters
    ----------
    item
        Product id.
    score
        Of the method that found it; comparable within one answer only.
    reason
        Code of the reason (`reasons.TEXTS`).
    source
        Product of the history or basket the reason speaks of; None where none decides.
    """

    item: str
    score: float
    reason: str
    source: str | None = None


def one_of(surface: str, known: Sequence[str], **given: object) -> str:
    """Which of several questions was asked.

    Parameters
    ----------
    surface
        Asked for.
    known
        Surfaces there are.
    **given
        Arguments of which exactly one must be there.

    Returns
    -------
    str
        Name of the one that is there.

    Raises
    ------
    InputError
        If the surface is unknown, or not exactly one thing is given to answer for.
    """
    if surface not in known:
        raise InputError(
            f"there is no surface {surface!r}",
            next_step=f"choose one of {', '.join(known)}",
            surface=surface,
        )
    there = [name for name, value in given.items() if value is not None]
    if len(there) != 1:
        raise InputError(
            f"surface {surface!r} answers for one of {', '.join(given)}; "
            f"{len(there)} of them are given",
            next_step="give exactly one",
            surface=surface,
        )
    return there[0]


def codes_of(places: dict[str, int], items: Collection[str]) -> Ints:
    """Codes of the items the model knows; the others are left out.

    Parameters
    ----------
    places
        Code by id.
    items
        Ids.

    Returns
    -------
    numpy.ndarray
        In the given order.
    """
    found = [places[item] for item in items if item in places]
    return np.array(found, dtype=np.int64)


def history_of(codes: Ints, item_ids: pa.StringArray, *, basket: bool) -> Interactions:
    """A history made on the spot.

    Parameters
    ----------
    codes
        Items, oldest first; may be empty.
    item_ids
        Of the model.
    basket
        Whether they are one basket, so that their order says nothing.

    Returns
    -------
    Interactions
        One user without times.
    """
    steps = np.zeros(len(codes), np.int64) if basket else np.arange(len(codes), dtype=np.int64)
    order = np.lexsort((codes, steps))
    users = np.zeros(len(codes), dtype=np.int64)
    return Interactions(users, codes[order], steps[order], None, pa.array(["?"]), item_ids)


def best_of(scores: Floats, hidden: Ints, k: int) -> Ints:
    """The k best codes of one row of scores above 0.

    Parameters
    ----------
    scores
        Shape (items,).
    hidden
        Codes never answered.
    k
        How many.

    Returns
    -------
    numpy.ndarray
        Best first, equal scores by code.
    """
    shown = scores.copy()
    shown[hidden] = 0.0
    k = min(k, len(shown))
    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    near = np.argpartition(-shown, k - 1)[:k]
    near = near[shown[near] > 0]
    best: Ints = near[np.lexsort((near, -shown[near]))].astype(np.int64)
    return best


def answer_history(
    model: Recommender,
    fallback: Recommender | None,
    known: Interactions,
    hidden: Ints,
    k: int,
    *,
    only_own: bool = False,
) -> list[Served]:
    """Best items for one history, with the reason of each.

    Parameters
    ----------
    model
        That ranks.
    fallback
        Fills the answer up; None leaves it short.
    known
        One user, in the codes of the model.
    hidden
        Codes never answered.
    k
        Longest answer.
    only_own
        Nothing but items of the history.

    Returns
    -------
    list of Served
        Best first.
    """
    ids = model.item_ids
    scores = model.score(known)[0]
    if only_own:
        own = np.zeros_like(scores)
        own[known.items] = scores[known.items]
        scores = own
    best = best_of(scores, hidden, k)
    said = model.explain(known, np.zeros(len(best), np.int64), best)
    found = [
        Served(
            ids[code].as_py(),
            float(scores[code]),
            str(reason),
            ids[source].as_py() if source >= 0 else None,
        )
        for code, reason, source in zip(
            best.tolist(), said.codes.tolist(), said.sources.tolist(), strict=True
        )
    ]
    if fallback is None or len(found) >= k:
        return found
    popular = fallback.score(known)[0]
    more = best_of(popular, np.concatenate([hidden, best]), k - len(found))
    return found + [
        Served(ids[code].as_py(), float(popular[code]), fallback.reason) for code in more.tolist()
    ]


def answer_beside(
    together: Recommender,
    content: Recommender | None,
    item_ids: pa.StringArray,
    places: dict[str, int],
    named: Sequence[str],
    k: int,
    exclude: Collection[str],
) -> list[Served]:
    """What goes with products.

    Parameters
    ----------
    together
        Knows what is bought together.
    content
        Knows what is alike in words; None leaves it out.
    item_ids, places
        Ids and their codes.
    named
        Products asked about.
    k
        Longest answer.
    exclude
        Ids never answered.

    Returns
    -------
    list of Served
        Best first, without the products asked about.

    Raises
    ------
    NotFoundError
        If a product is unknown.
    """
    for one in named:
        if one not in places:
            raise NotFoundError(
                f"product {one!r} is not known to the recommender",
                next_step="train again with orders that contain it, or check the id",
                product_id=one,
            )
    codes = codes_of(places, named)
    total = np.zeros(len(item_ids), dtype=np.float32)
    if isinstance(together, Neighbours) and len(codes):
        rows = together.weights[codes].toarray()
        total += rows.sum(axis=0) / max(float(rows.max(initial=0.0)), 1e-12)
    if isinstance(content, Content) and len(codes):
        total += content.similar_items(codes).toarray().sum(axis=0)
    best = best_of(total, np.concatenate([codes_of(places, exclude), codes]), k)
    reason = "bought_together" if content is None else "alike"
    source = named[0] if len(named) == 1 else None
    return [
        Served(item_ids[code].as_py(), float(total[code]), reason, source) for code in best.tolist()
    ]
