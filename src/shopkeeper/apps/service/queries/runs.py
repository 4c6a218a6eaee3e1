"""Runs of flows: what was done when, and starting the next."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import Row, func, select

from shopkeeper.apps.service import labels, paging
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import day_of, utc
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.runs import Run, RunPage, RunStatus, RunStep
from shopkeeper.core import state
from shopkeeper.core.errors import NotFoundError

LOG = logging.getLogger(__name__)
NEVER_RAN = NextStep(
    text=Text(
        zh="还没有运行过。装载数据后运行一次完整闭环，就能看到预测、分群和计划。",
        en="Nothing has run yet. Load data and run the loop once to see scores and a plan.",
    ),
    action=Text(zh="运行闭环", en="Run the loop"),
    link="/runs",
    command="shopkeeper run nightly",
)


def runs(shop: OpenShop, *, cursor: str | None, limit: int) -> RunPage:
    """Runs, newest first.

    Parameters
    ----------
    shop
        The open shop.
    cursor
        From the page before.
    limit
        Rows a page holds.

    Returns
    -------
    RunPage
    """
    offset = paging.decode("runs", cursor)
    table = state.runs
    query = select(table).order_by(table.c.started_at.desc(), table.c.run_id)
    with shop.state.connect() as connection:
        found = connection.execute(query.limit(limit + 1).offset(offset)).all()
        total = connection.execute(select(func.count()).select_from(table)).scalar_one()
    page, after = paging.cut("runs", found, offset, limit)
    steps = _steps(shop, [row.run_id for row in page])
    return RunPage(
        items=[_run(shop, row, steps.get(row.run_id, [])) for row in page],
        next_cursor=after,
        total=total,
        next_step=None if total else NEVER_RAN,
    )


def run(shop: OpenShop, run_id: str) -> Run:
    """One run with its steps.

    Parameters
    ----------
    shop
        The open shop.
    run_id
        Which run.

    Returns
    -------
    Run

    Raises
    ------
    NotFoundError
        If there is no such run.
    """
    with shop.state.connect() as connection:
        row = connection.execute(select(state.runs).where(state.runs.c.run_id == run_id)).first()
    if row is None:
        raise NotFoundError(
            f"there is no run {run_id!r}", next_step="See /api/v1/runs", run_id=run_id
        )
    return _run(shop, row, _steps(shop, [run_id]).get(run_id, []))


def _steps(shop: OpenShop, run_ids: list[str]) -> dict[str, list[RunStep]]:
    table = state.run_steps
    query = select(table).where(table.c.run_id.in_(run_ids)).order_by(table.c.position)
    with shop.state.connect() as connection:
        found = connection.execute(query).all()
    answer: dict[str, list[RunStep]] = {}
    for row in found:
        answer.setdefault(row.run_id, []).append(_step(row))
    return answer


def _step(row: Row[tuple[object, ...]]) -> RunStep:
    detail = row.detail or {}
    started, seconds = utc(row.started_at), row.seconds
    ended = started + dt.timedelta(seconds=seconds) if started and seconds is not None else None
    return RunStep(
        step=row.step,
        stage=row.step,
        label=labels.named(labels.STAGES, row.step),
        status=row.status,
        started_at=started,
        finished_at=ended,
        seconds=seconds,
        rows=detail.get("rows") if isinstance(detail.get("rows"), int) else None,
        message=detail.get("error"),
    )


def _run(shop: OpenShop, row: Row[tuple[object, ...]], steps: list[RunStep]) -> Run:
    started, ended = utc(row.started_at), utc(row.ended_at)
    status: RunStatus = row.status
    return Run(
        run_id=row.run_id,
        flow=row.flow,
        as_of=day_of(shop, utc(row.as_of)),
        status=status,
        started_at=started,
        finished_at=ended,
        seconds=(ended - started).total_seconds() if started and ended else None,
        message=row.error,
        steps=steps,
    )


def latest_run(shop: OpenShop) -> Run | None:
    """The run started last.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Run or None
    """
    page = runs(shop, cursor=None, limit=1)
    return page.items[0] if page.items else None
