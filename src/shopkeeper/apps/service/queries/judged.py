"""Scores and segments as the pages show them: latest moment, chosen model, names beside codes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import reduce
from operator import or_

import ibis

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import names
from shopkeeper.apps.service.queries.reading import Record, among, at_latest, rows
from shopkeeper.apps.service.schemas.customers import Label
from shopkeeper.core import columns as c
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import SCORES, SEGMENTS


@dataclass(frozen=True, slots=True)
class ScoreHead:
    """The statement of one kind that counts now.

    Parameters
    ----------
    kind
        What is stated (``churn``, ``expected_spend`` …).
    model
        Whose statement.
    version
        Version of the model.
    as_of
        Latest moment of that model's statements.
    horizon_days
        How far ahead they reach.
    """

    kind: str
    model: str
    version: str
    as_of: dt.datetime
    horizon_days: int | None


def score_heads(shop: OpenShop) -> dict[str, ScoreHead]:
    """The model and moment that count for every kind of score.

    The champion's statements count where the model store names one, otherwise those of the
    latest moment (and, among equals, of the first model by name).

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    dict of str to ScoreHead
        By kind; empty before the first scoring.
    """

    def ask() -> dict[str, ScoreHead]:
        table = shop.tables.table(SCORES)
        found = rows(
            shop,
            table.group_by([c.KIND, c.MODEL, c.MODEL_VERSION]).aggregate(
                as_of=table[c.AS_OF].max(), horizon=table[c.HORIZON_DAYS].max()
            ),
        )
        champions = _champions(shop)
        found.sort(key=lambda row: (-row["as_of"].timestamp(), row["model"]))
        heads: dict[str, ScoreHead] = {}
        for row in found:
            head = ScoreHead(
                row["kind"], row["model"], row["model_version"], row["as_of"], row["horizon"]
            )
            known = heads.get(head.kind)
            promoted = head.version in champions and known is not None
            if known is None or (promoted and known.version not in champions):
                heads[head.kind] = head
        return heads

    return shop.remember("score_heads", (SCORES,), ask)


def _champions(shop: OpenShop) -> set[str]:
    return {model.version for model in shop.models.versions() if "champion" in model.aliases}


def chosen_scores(shop: OpenShop, kind: str) -> ibis.Table | None:
    """Scores of one kind that count now.

    Parameters
    ----------
    shop
        The open shop.
    kind
        What is stated.

    Returns
    -------
    ibis.Table or None
        Unbound expression with the columns of SCORES; ``None`` before the first scoring.
    """
    head = score_heads(shop).get(kind)
    if head is None:
        return None
    table = shop.tables.table(SCORES)
    return table.filter(of_head(table, head))


def of_head(table: ibis.Table, head: ScoreHead) -> ibis.Value:
    """Condition that a score belongs to the statement that counts.

    Parameters
    ----------
    table
        Scores.
    head
        Kind, model, version and moment.

    Returns
    -------
    ibis.Value
        Boolean.
    """
    moment = ibis.literal(head.as_of, type=table[c.AS_OF].type())
    same_model = (table[c.MODEL] == head.model) & (table[c.MODEL_VERSION] == head.version)
    return (table[c.KIND] == head.kind) & same_model & (table[c.AS_OF] == moment)


def scores_of(shop: OpenShop, ids: list[str]) -> dict[str, dict[str, Record]]:
    """Scores that count now, of given customers.

    Parameters
    ----------
    shop
        The open shop.
    ids
        Customer ids, at most a page.

    Returns
    -------
    dict
        Row of SCORES by customer and kind.
    """
    heads = score_heads(shop)
    if not heads or not ids:
        return {}
    table = shop.tables.table(SCORES)
    counting = reduce(or_, [of_head(table, head) for head in heads.values()])
    found = rows(shop, table.filter(among(table[c.CUSTOMER_ID], ids) & counting))
    answer: dict[str, dict[str, Record]] = {}
    for row in found:
        answer.setdefault(row["customer_id"], {})[row["kind"]] = row
    return answer


def places_of(shop: OpenShop, ids: list[str]) -> dict[str, dict[str, str]]:
    """Places of given customers in every scheme at the latest moment.

    Parameters
    ----------
    shop
        The open shop.
    ids
        Customer ids, at most a page.

    Returns
    -------
    dict
        Segment code by customer and scheme.
    """
    table = at_latest(shop, SEGMENTS)
    if table is None or not ids:
        return {}
    mine = table.filter(among(table[c.CUSTOMER_ID], ids))
    answer: dict[str, dict[str, str]] = {}
    for row in rows(shop, mine[[c.CUSTOMER_ID, c.SCHEME, c.LABEL]]):
        answer.setdefault(row["customer_id"], {})[row["scheme"]] = row["label"]
    return answer


def place(places: dict[str, str], scheme: str) -> Label | None:
    """One place with its name.

    Parameters
    ----------
    places
        Segment code by scheme.
    scheme
        The asked scheme.

    Returns
    -------
    Label or None
        ``None`` when the customer has no place in it.
    """
    code = places.get(scheme)
    return None if code is None else Label(key=code, name=names.segment(scheme, code))


def band(kind: str, code: str | None) -> Label | None:
    """Band of a score with its name.

    Parameters
    ----------
    kind
        What is stated.
    code
        Band as stored.

    Returns
    -------
    Label or None
    """
    return None if code is None else Label(key=code, name=names.band(kind, code))


def head_of(shop: OpenShop, kind: str) -> ScoreHead:
    """The statement of a kind that counts, which must be there.

    Parameters
    ----------
    shop
        The open shop.
    kind
        What is stated.

    Returns
    -------
    ScoreHead

    Raises
    ------
    NotFoundError
        If nothing of the kind was ever scored.
    """
    head = score_heads(shop).get(kind)
    if head is None:
        raise NotFoundError(
            f"nothing of the kind {kind!r} has been scored",
            next_step="Run the loop: shopkeeper run nightly",
            kind=kind,
        )
    return head
