"""The whole loop for one moment, as steps that are each done once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis

from shopkeeper.apps.flows.decide import run_decide
from shopkeeper.apps.flows.features import run_features
from shopkeeper.apps.flows.govern import run_govern
from shopkeeper.apps.flows.learn import run_learn
from shopkeeper.apps.flows.measure import run_measure
from shopkeeper.apps.flows.online import refresh_online
from shopkeeper.apps.flows.predict import run_predict
from shopkeeper.apps.flows.profiles import refresh_profiles
from shopkeeper.apps.flows.segment import run_segment
from shopkeeper.apps.flows.steps import Progress, RunReport, Step, run_identity, run_steps
from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.apps.flows.verdicts import run_verdicts
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import day_start, to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.ids import content_id
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import (
    IDENTITY_EDGES,
    LOADED,
    ORDER_LINES,
    ORDERS,
    PURCHASES,
    QUALITY,
    SEGMENTS,
    TOUCHES,
)
from shopkeeper.govern.gates import Block, blocks

NIGHTLY = "nightly"
BACKFILL_DAYS = 30
"""How long before the first run customers are divided too, so that moves are seen at once."""


def default_as_of(store: TableStore, time_zone: str) -> datetime:
    """Start of the day after the last order: everything loaded is known.

    Parameters
    ----------
    store
        The lake.
    time_zone
        The shop's.

    Raises
    ------
    NotEnoughDataError
        If no order was ever loaded.
    """
    last = None
    for contract in (ORDERS, ORDER_LINES):
        table = store.table(contract)
        found = store.run(table.aggregate(last=table.day.max())).column("last")[0].as_py()
        last = max((x for x in (last, found) if x is not None), default=None)
    if last is None:
        raise NotEnoughDataError(
            "no order was ever loaded", next_step="Load some: shopkeeper collect PATH"
        )
    return day_start(last + timedelta(days=1), time_zone)


def nightly_inputs(store: TableStore, settings: Mapping[str, Any]) -> dict[str, object]:
    """What a nightly run depends on: loaded tables, merges people undid, and settings.

    Touches are left out: a run must not be new only because its own plan was sent.
    """
    versions = {c.name: store.version(c) for c in LOADED if c.name != TOUCHES.name}
    edges = store.table(IDENTITY_EDGES)
    undone = edges.filter(edges.undone_at.notnull()).select("edge_id").order_by("edge_id")
    ids = store.run(undone).column("edge_id").to_pylist()
    return {
        **versions,
        "undone merges": content_id(*ids),
        **{f"setting {k}": v for k, v in settings.items()},
    }


def run_nightly(
    runtime: Runtime, *, as_of: datetime, progress: Progress | None = None
) -> RunReport:
    """Govern, unify, features, learn, predict, segment, profiles, online, decide, measure.

    Idempotent: the same moment over the same data is one run, and a run that
    was interrupted goes on with its first unfinished step.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        The moment we pretend it is.
    progress
        Told before each step.

    Raises
    ------
    ShopkeeperError
        What a step raised, after the run was marked; run again to resume.
    """
    settings = runtime.settings.model_dump(mode="json", exclude={"service", "store"})
    inputs = nightly_inputs(runtime.tables, settings)
    run_id, _ = run_identity(NIGHTLY, as_of, inputs)

    def gated(stage: str, work: Callable[[], Mapping[str, Any]]) -> Step:
        def perform() -> Mapping[str, Any]:
            found = stopped(runtime, run_id).get(stage)
            return {"stopped": {"zh": found.zh, "en": found.en}} if found else work()

        return Step(stage, perform)

    def decide() -> Mapping[str, Any]:
        try:
            return run_decide(runtime, as_of=as_of).to_dict()
        except NotEnoughDataError as error:
            # A shop without offers still has its predictions and figures.
            return {"refused": str(error)}

    def learn() -> Mapping[str, Any]:
        # What is too strange to predict from is no evidence against a model either.
        if "predict" in stopped(runtime, run_id):
            return {}
        return run_learn(runtime, as_of=as_of).to_dict()

    def history() -> Mapping[str, Any]:
        if stopped(runtime, run_id).keys() & {"features", "segment"}:
            return {}
        return backfill(runtime, as_of, run_id)

    def online() -> Mapping[str, Any]:
        if "features" in stopped(runtime, run_id):
            return {}
        return refresh_online(runtime, as_of=as_of).to_dict()

    steps = [
        Step("govern", lambda: run_govern(runtime, as_of=as_of, run_id=run_id).to_dict()),
        gated("verdicts", lambda: run_verdicts(runtime, as_of=as_of).to_dict()),
        gated("unify", lambda: run_unify(runtime, as_of=as_of, run_id=run_id).to_dict()),
        Step("history", history),
        gated("features", lambda: run_features(runtime, as_of=as_of, run_id=run_id).to_dict()),
        Step("learn", learn),
        gated("predict", lambda: run_predict(runtime, as_of=as_of).to_dict()),
        gated("segment", lambda: run_segment(runtime, as_of=as_of, run_id=run_id).to_dict()),
        gated("profiles", lambda: refresh_profiles(runtime, as_of=as_of).to_dict()),
        Step("online", online),
        gated("decide", decide),
        gated("measure", lambda: run_measure(runtime, as_of=as_of, run_id=run_id).to_dict()),
    ]
    return run_steps(runtime.state, runtime.clock, NIGHTLY, as_of, inputs, steps, progress)


def stopped(runtime: Runtime, run_id: str) -> dict[str, Block]:
    """Stages that this run's quality findings stop, each with its first reason.

    Parameters
    ----------
    runtime
        The open shop; govern must have run.
    run_id
        The run.
    """
    quality = runtime.tables.table(QUALITY)
    rows = runtime.tables.run(quality.filter(quality.run_id == run_id))
    found: dict[str, Block] = {}
    for block in blocks(rows):
        found.setdefault(block.stage, block)
    return found


def backfill(runtime: Runtime, as_of: datetime, run_id: str) -> dict[str, Any]:
    """Segments of a month ago, where no earlier run has written any.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment of the run.
    run_id
        Run it belongs to.

    Returns
    -------
    dict
        The earlier moment and its customers; empty if there was nothing to do.
    """
    store = runtime.tables
    segments, purchases = store.table(SEGMENTS), store.table(PURCHASES)
    earlier = as_of - timedelta(days=BACKFILL_DAYS)
    before = segments.filter(segments.as_of < ibis.literal(as_of))
    known = store.run(before.aggregate(n=before.count()))
    past = purchases.filter(purchases.ts_us < ibis.literal(to_us(earlier)).cast("int64"))
    bought = store.run(past.aggregate(n=past.count()))
    if known.column("n")[0].as_py() or not bought.column("n")[0].as_py():
        return {}
    done = run_features(runtime, as_of=earlier, run_id=run_id)
    run_segment(runtime, as_of=earlier, run_id=run_id)
    return {"as_of": earlier.isoformat(), "customers": done.customers}
