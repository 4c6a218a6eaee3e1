"""A small shop whose customers change their behaviour on a known day, as PURCHASES rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import PURCHASES

Floats = npt.NDArray[np.float64]

START = datetime(2024, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
BASE_US = int(START.timestamp()) * 1_000_000
HORIZON_DAYS = 30


@dataclass(frozen=True, slots=True)
class World:
    """What the shop is like.

    Parameters
    ----------
    customers
        Everybody who ever comes; they come evenly over the whole time.
    days
        Length of the history.
    changed_on
        Day from which spenders stay away, small baskets come twice as often and every basket is
        larger; None changes nothing.
    seed
        Decides everything random.
    """

    customers: int = 1_500
    days: int = 420
    changed_on: int | None = None
    seed: int = 1


def day(number: float) -> datetime:
    """Moment at which a day of the world begins.

    Parameters
    ----------
    number
        Days since its start.
    """
    return START + timedelta(days=number)


def purchases(world: World) -> pa.Table:
    """Rows of PURCHASES.

    Every customer buys at an own pace while alive; pace, life and basket are drawn independently
    of each other, so that before the change only the rhythm tells who comes again.

    Parameters
    ----------
    world
        What the shop is like.
    """
    random = np.random.default_rng(world.seed)
    n = world.customers
    joined = random.uniform(0.0, world.days, n)
    pace = random.gamma(1.5, 1.0 / 18.0, n) + 1 / 120.0
    leaves = joined + random.exponential(200.0, n)
    basket = np.exp(random.normal(8.5, 0.6, n))
    spender = basket > np.median(basket)
    changed = float(world.changed_on) if world.changed_on is not None else np.inf
    who, when = [np.arange(n)], [joined]
    at, now = np.arange(n), joined.copy()
    while len(at):
        gap = random.exponential(1.0, len(at))
        now = _next(now, gap, pace[at], np.where(spender[at], 0.08, 2.0), changed)
        alive = (now < world.days) & (now < leaves[at])
        at, now = at[alive], now[alive]
        who.append(at)
        when.append(now)
    code, moment = np.concatenate(who), np.concatenate(when)
    amount = basket[code] * np.exp(random.normal(0.0, 0.25, len(code)))
    amount = np.where(moment >= changed, amount * 1.4, amount)
    return _rows(code, moment, amount)


def _next(now: Floats, gap: Floats, pace: Floats, factor: Floats, changed: float) -> Floats:
    """Time of the next purchase where the pace is multiplied from one day on."""
    if not np.isfinite(changed):
        return now + gap / pace
    before = np.maximum(changed - now, 0.0) * pace
    late = np.maximum(now, changed) + np.maximum(gap - before, 0.0) / (pace * factor)
    return np.where(gap < before, now + gap / pace, late)


def _rows(code: npt.NDArray[np.int64], moment: Floats, amount: Floats) -> pa.Table:
    by = np.lexsort((code, moment))
    ts_us = BASE_US + (moment[by] * DAY_US).astype(np.int64)
    occurred = pa.array(ts_us, pa.timestamp("us", tz="UTC"))
    n = len(by)
    rows = {
        "order_id": pa.array([f"o{at:07d}" for at in range(n)]),
        "customer_id": pa.array([f"c{one:06d}" for one in code[by].tolist()]),
        "kind": pa.array(["sale"] * n), "occurred_at": occurred, "ts_us": pa.array(ts_us),
        "day": pc.cast(occurred.cast(pa.timestamp("us")), pa.date32()),
        "month": pc.strftime(occurred, "%Y-%m"), "dow": pc.day_of_week(occurred, count_from_zero=False),
        "hour": pc.hour(occurred), "amount_minor": amount[by].astype(np.int64) + 1,
        "currency": pa.array(["CNY"] * n),
    }  # fmt: skip
    return PURCHASES.cast(pa.table(rows), fill=True)


class Hands:
    """A clock that stands at the moment the shop pretends.

    Parameters
    ----------
    now
        The moment.
    """

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment


def open_world(folder: Path, rows: pa.Table, **flags: object) -> tuple[Runtime, Hands]:
    """A shop that knows these purchases.

    Parameters
    ----------
    folder
        Where it is kept.
    rows
        Rows of PURCHASES; a night sees those before its moment only.
    **flags
        Settings by dotted key, dots written as double underscores.
    """
    named = {key.replace("__", "."): value for key, value in flags.items()}
    settings = load_settings(
        flags={
            "store.folder": str(folder), "shop.time_zone": "UTC",
            "predict.horizon_days": HORIZON_DAYS, **named,
        }
    )  # fmt: skip
    clock = Hands(START)
    runtime = open_runtime(settings, clock=clock)
    runtime.tables.append(PURCHASES, rows)
    return runtime, clock


def night(
    runtime: Runtime, clock: Hands, number: float, *steps: Callable[[Runtime, datetime], object]
) -> None:
    """Do some steps as of the beginning of a day.

    Parameters
    ----------
    runtime
        The open shop.
    clock
        Its clock, moved there.
    number
        The day.
    *steps
        What is done, in this order.
    """
    clock.moment = day(number)
    for step in steps:
        step(runtime, clock.moment)
