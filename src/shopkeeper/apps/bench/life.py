"""Bench of model life: planted faults are caught and replaced without a person, and how soon."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from shopkeeper.apps.bench.life_line import (
    TASK,
    Line,
    again_life,
    fit_line,
    join,
    predict_again,
    train_again,
)
from shopkeeper.apps.bench.life_world import (
    HORIZON_DAYS,
    Hands,
    World,
    day,
    night,
    open_world,
    purchases,
)
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.flows.learn import paired_at, run_learn, settle
from shopkeeper.apps.flows.learn_drift import find_drift_of
from shopkeeper.apps.flows.learn_events import events, of
from shopkeeper.apps.flows.learn_settle import CHALLENGER, CHAMPION, promote
from shopkeeper.apps.flows.predict import predict_churn
from shopkeeper.apps.flows.task import keep
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import PlanError
from shopkeeper.core.ports import StoredModel
from shopkeeper.predict.history import DAY_US

__all__ = ["run"]

PROTOCOL = (
    f"shops simulated day by day, horizon {HORIZON_DAYS} days; nights learn + predict, nobody "
    "looks on"
)
CHANGED_ON, SOON, LATER, LAST = 200, 245, 275, 305
QUIET_RUNS = 20
SPOILED = 3.0
"""Noise on the standardised weights; costs more than 15 % of the skill."""

Scene = Callable[[Runtime, Hands], dict[str, float]]


def run(options: BenchOptions) -> list[BenchRow]:
    """Plant a change, a spoiled champion, a worse challenger and a bad promotion; count what is done.

    Parameters
    ----------
    options
        ``seed``; ``customers`` is the size of the simulated shops (1,500), ``methods`` keeps some
        of `drift`, `degraded`, `worse challenger`, `bad promotion`, `no change`, `churn`.

    Returns
    -------
    list of BenchRow
        1 for what was caught or done, 0 for what was not; false alarms as a share of nights;
        seconds from new data to a promoted model.
    """
    join()
    size = options.customers or 1_500
    scenes: dict[str, Callable[[int, int], dict[str, float]]] = {
        "drift": _drift, "degraded": _degraded, "worse challenger": _worse,
        "bad promotion": _bad, "no change": _quiet, "churn": _churn,
    }  # fmt: skip
    rows: list[BenchRow] = []
    for name, scene in scenes.items():
        if options.methods and name not in options.methods:
            continue
        with measure() as took:
            found = scene(size, options.seed)
        rows += [
            BenchRow("life", "simulated shops", PROTOCOL, name, metric, value, n=size,
                     seconds=took.seconds, peak_mb=took.peak_mb, seed=options.seed)
            for metric, value in found.items()
        ]  # fmt: skip
    return rows


def looked(runtime: Runtime, as_of: datetime) -> object:
    """The step of the night that looks at champions.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        The moment.
    """
    return run_learn(runtime, as_of=as_of)


def _shop(size: int, seed: int, changed: int | None, scene: Scene) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        rows = purchases(World(size, LAST, changed, seed))
        runtime, clock = open_world(Path(folder) / "shop", rows)
        try:
            return scene(runtime, clock)
        finally:
            runtime.close()


def _did(runtime: Runtime, task: str, *acts: str) -> float:
    return float(bool(of(events(runtime.tables, task), *acts)))


def _drift(size: int, seed: int) -> dict[str, float]:
    def scene(runtime: Runtime, clock: Hands) -> dict[str, float]:
        night(runtime, clock, CHANGED_ON, looked, predict_again)
        first = runtime.models.get(TASK, CHAMPION).version
        for at in (SOON, LATER, LAST):
            night(runtime, clock, at, looked, predict_again)
            if runtime.models.get(TASK, CHAMPION).version != first:
                break
        replaced = runtime.models.get(TASK, CHAMPION).version != first
        return {
            "caught": _did(runtime, TASK, "drifted"), "retrained": _did(runtime, TASK, "trained"),
            "promoted": float(replaced and _did(runtime, TASK, "promoted")),
        }  # fmt: skip

    return _shop(size, seed, CHANGED_ON, scene)


def _degraded(size: int, seed: int) -> dict[str, float]:
    def scene(runtime: Runtime, clock: Hands) -> dict[str, float]:
        clock.moment = day(CHANGED_ON)
        spoiled = plant(runtime, clock, SPOILED)
        for at in (SOON - 10, SOON, LATER):
            night(runtime, clock, at, looked, predict_again)
            if runtime.models.get(TASK, CHAMPION).version != spoiled.version:
                break
        found = of(events(runtime.tables, TASK), "degraded", version=spoiled.version)
        lost = [1.0 - x.evidence["skill"] / x.evidence["expected"] for x in found]
        return {
            "caught": float(bool(found)), "skill_lost": max(lost, default=float("nan")),
            "promoted": float(runtime.models.get(TASK, CHAMPION).version != spoiled.version),
        }  # fmt: skip

    return _shop(size, seed, None, scene)


def _worse(size: int, seed: int) -> dict[str, float]:
    def scene(runtime: Runtime, clock: Hands) -> dict[str, float]:
        night(runtime, clock, CHANGED_ON, predict_again)
        good = runtime.models.get(TASK, CHAMPION)
        clock.moment = day(CHANGED_ON + HORIZON_DAYS)
        bad = fit_line(runtime, TASK, to_us(day(CHANGED_ON))).spoiled(SPOILED, seed)
        _challenge(runtime, clock, good, bad)
        held = runtime.models.get(TASK, CHAMPION).version == good.version
        return {"held": float(held and _did(runtime, TASK, "held"))}

    return _shop(size, seed, None, scene)


def _bad(size: int, seed: int) -> dict[str, float]:
    def scene(runtime: Runtime, clock: Hands) -> dict[str, float]:
        night(runtime, clock, CHANGED_ON - HORIZON_DAYS, predict_again)
        good = runtime.models.get(TASK, CHAMPION)
        clock.moment = day(CHANGED_ON)
        model = fit_line(runtime, TASK, to_us(clock.moment)).spoiled(SPOILED, seed)
        card = {"name": "again:line", "as_of_us": to_us(clock.moment)}
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder))
            bad = runtime.models.save(
                TASK, "again:line", Path(folder), card, created_at=clock.now()
            )
        said = ("证据曾经偏好它", "The evidence of that day favoured it")
        promote(runtime, bad, clock.moment, said, {})
        night(runtime, clock, CHANGED_ON + HORIZON_DAYS, looked)
        back = runtime.models.get(TASK, CHAMPION).version == good.version
        try:
            promote(runtime, bad, clock.moment, said, {})
            stays_out = 0.0
        except PlanError:
            stays_out = 1.0
        return {"rolled_back": float(back), "stays_retired": stays_out}

    return _shop(size, seed, None, scene)


def _quiet(size: int, seed: int) -> dict[str, float]:
    drift, degraded, nights = 0, 0, 0
    for number in range(QUIET_RUNS):

        def scene(runtime: Runtime, clock: Hands) -> dict[str, float]:
            night(runtime, clock, CHANGED_ON, predict_again)
            champion = runtime.models.get(TASK, CHAMPION)
            clock.moment = day(SOON)
            night(runtime, clock, SOON, looked)
            opened = Line.load(champion.folder)
            asked = find_drift_of(runtime, champion, again_life(), opened, day(SOON))
            return {
                "nights": float(asked is not None),
                "drift": float(asked is not None and bool(asked.alarmed)),
                "degraded": _did(runtime, TASK, "degraded"),
            }

        found = _shop(size, seed + 1_000 + number, None, scene)
        nights, drift = nights + int(found["nights"]), drift + int(found["drift"])
        degraded += int(found["degraded"])
    return {
        "false_alarm_rate": drift / max(nights, 1), "nights": float(nights),
        "false_degraded_rate": degraded / QUIET_RUNS,
    }  # fmt: skip


def _churn(size: int, seed: int) -> dict[str, float]:
    def scene(runtime: Runtime, clock: Hands) -> dict[str, float]:
        night(runtime, clock, CHANGED_ON, predict_churn)
        first = runtime.models.get("churn", CHAMPION).version
        with measure() as took:
            night(runtime, clock, SOON, looked, predict_churn)
        promoted = runtime.models.get("churn", CHAMPION).version != first
        return {
            "caught": _did(runtime, "churn", "drifted", "degraded"), "promoted": float(promoted),
            "seconds_to_promoted": took.seconds if promoted else float("nan"),
        }  # fmt: skip

    return _shop(size, seed, CHANGED_ON, scene)


def plant(runtime: Runtime, clock: Hands, noise: float) -> StoredModel:
    """Make a spoiled model champion, with the card of the good one.

    Parameters
    ----------
    runtime
        The open shop.
    clock
        Says the moment.
    noise
        Added to its weights.
    """
    new = train_again(runtime, clock.moment, spoil=noise)
    return keep(runtime, TASK, new.name, new.model.save, new.card)


def _challenge(runtime: Runtime, clock: Hands, good: StoredModel, bad: Line) -> None:
    """Store a challenger trained before the window, and let the two settle on it."""
    cut_us = to_us(clock.moment) - HORIZON_DAYS * DAY_US
    life = again_life()
    said = life.said(runtime, bad, cut_us)
    pair = paired_at(runtime, life, good, said, cut_us, to_us(clock.moment), float(HORIZON_DAYS))
    with tempfile.TemporaryDirectory() as folder:
        bad.save(Path(folder))
        card = {"name": "again:line", "as_of_us": cut_us}
        kept = runtime.models.save(TASK, "again:line", Path(folder), card, created_at=clock.now())
    runtime.models.alias(TASK, CHALLENGER, kept.version)
    assert np.isfinite(pair.challenger).all()
    settle(runtime, TASK, pair, clock.moment)
