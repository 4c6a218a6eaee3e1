"""One search over customers, audiences, plans, indicators, models, tables and pages."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries import customers, meanings, names
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.overview import SearchHit, SearchResult
from shopkeeper.core import state
from shopkeeper.core.tables import ALL

MOST_EACH = 8


def search(shop: OpenShop, q: str) -> SearchResult:
    """What matches a few words.

    Parameters
    ----------
    shop
        The open shop.
    q
        An id, an identifier, or part of a name in either language; case does not matter.

    Returns
    -------
    SearchResult
        Pages, audiences, plans, models, indicators and tables, then customers.
    """
    word = q.strip().lower()
    if not word:
        return SearchResult(query=q, items=[])
    items = [
        *_first(_stages(word)),
        *_first(_audiences(shop, word)),
        *_first(_plans(shop, word)),
        *_first(_models(shop, word)),
        *_first(_indicators(word)),
        *_first(_tables(word)),
        *_customers(shop, q),
    ]
    return SearchResult(query=q, items=items)


def _first(hits: Iterator[SearchHit]) -> list[SearchHit]:
    return [hit for _, hit in zip(range(MOST_EACH), hits, strict=False)]


def _matches(word: str, *texts: str) -> bool:
    return any(word in text.lower() for text in texts)


def _stages(word: str) -> Iterator[SearchHit]:
    for stage, name in labels.STAGES.items():
        if stage != "learn" and _matches(word, stage, name.zh, name.en):
            link = "/customers" if stage in {"unify", "features"} else f"/{stage}"
            yield SearchHit(kind="page", key=stage, label=name, detail=None, link=link)


def _audiences(shop: OpenShop, word: str) -> Iterator[SearchHit]:
    table = state.audiences
    with shop.state.connect() as connection:
        found = connection.execute(select(table).order_by(table.c.updated_at.desc())).all()
    for row in found:
        if _matches(word, row.audience_id, row.name, row.description):
            yield SearchHit(
                kind="audience",
                key=row.audience_id,
                label=Text(zh=row.name, en=row.name),
                detail=Text(zh="人群包", en="Audience"),
                link=f"/segment/audiences/{row.audience_id}",
            )


def _plans(shop: OpenShop, word: str) -> Iterator[SearchHit]:
    table = state.plans
    with shop.state.connect() as connection:
        found = connection.execute(select(table).order_by(table.c.created_at.desc())).all()
    for row in found:
        if _matches(word, row.plan_id):
            yield SearchHit(
                kind="plan",
                key=row.plan_id,
                label=Text(zh=f"计划 {row.plan_id}", en=f"Plan {row.plan_id}"),
                detail=None,
                link=f"/decide/plans/{row.plan_id}",
            )


def _models(shop: OpenShop, word: str) -> Iterator[SearchHit]:
    for model in shop.models.versions():
        label = labels.named(names.TASKS, model.task)
        if _matches(word, model.task, model.model, model.version, label.zh, label.en):
            yield SearchHit(
                kind="model",
                key=model.version,
                label=label,
                detail=names.method(model.model),
                link=f"/predict/models/{model.task}/{model.version}",
            )


def _indicators(word: str) -> Iterator[SearchHit]:
    for key in meanings.metric_order():
        described = meanings.metric(key, None)
        if _matches(word, key, described.name.zh, described.name.en):
            yield SearchHit(
                kind="indicator",
                key=key,
                label=described.name,
                detail=described.definition,
                link=f"/measure?indicator={key}",
            )


def _tables(word: str) -> Iterator[SearchHit]:
    for name, contract in ALL.items():
        label = labels.named(labels.TABLES, name)
        if _matches(word, name, label.zh, label.en):
            yield SearchHit(
                kind="table",
                key=name,
                label=label,
                detail=Text(zh=contract.zh, en=contract.en),
                link=f"/govern/dictionary?table={name}",
            )


def _customers(shop: OpenShop, q: str) -> list[SearchHit]:
    page = customers.customers(
        shop, search=q, segment=None, sort="-value", cursor=None, limit=MOST_EACH
    )
    return [
        SearchHit(
            kind="customer",
            key=row.customer_id,
            label=Text(
                zh=row.display_name or row.customer_id, en=row.display_name or row.customer_id
            ),
            detail=Text(zh=f"客户 {row.customer_id}", en=f"Customer {row.customer_id}"),
            link=f"/customers/{row.customer_id}",
        )
        for row in page.items
    ]
