"""Kill everything under load and count: nothing acknowledged may be lost, nothing be doubled.

A generator sends events with known message ids to a real server process, and repeats a request
until it is acknowledged, as SDKs do. Real worker processes bring them to the lake. One process
after the other is killed with SIGKILL at random moments and started again at once. At the end
every acknowledged id must be in the lake exactly once.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from shopkeeper.apps.bench.durability_load import Generator
from shopkeeper.apps.bench.durability_processes import Fleet, free_port
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.apps.worker.stream import CONSUMER
from shopkeeper.backends.open import open_runtime
from shopkeeper.core import columns as c
from shopkeeper.core import state
from shopkeeper.core.errors import InputError, StoreError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.settings import Settings, load_settings
from shopkeeper.core.tables import EVENTS, QUARANTINE

KILLS = 50
DRAIN_S = 300.0
LINGER_S = 8.0
BETWEEN_S = {"sqlite": (0.2, 2.4), "kafka": (0.3, 4.2)}
WRITE_KEY = "durability-write-key"
SOURCE = "durability"
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was counted at the end.

    Parameters
    ----------
    kills
        Processes killed, by role.
    sent
        Distinct message ids sent at least once.
    acknowledged
        Those answered 200.
    in_lake
        Distinct ids in the lake.
    lost
        Acknowledged ids that are not in the lake.
    doubled
        Rows of the lake beyond the first of each id.
    quarantined
        Rows in quarantine.
    repeats
        Requests that were sent again.
    drained
        Whether everything was worked off in time.
    seconds
        Wall time with the draining.
    """

    kills: Mapping[str, int]
    sent: int
    acknowledged: int
    in_lake: int
    lost: int
    doubled: int
    quarantined: int
    repeats: int
    drained: bool
    seconds: float
    unexpected: int = 0
    examples: tuple[str, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """Whether the promise was kept."""
        broken = self.lost + self.doubled + self.quarantined + self.unexpected
        return self.drained and not broken


def run(options: BenchOptions) -> list[BenchRow]:
    """Figures of one run.

    Parameters
    ----------
    options
        ``kills``, ``log`` and ``seed`` count.

    Returns
    -------
    list of BenchRow
    """
    kind = options.log or "sqlite"
    kills = options.kills or KILLS
    with tempfile.TemporaryDirectory(prefix="durability-") as folder:
        found = torture(Path(folder), kills=kills, kind=kind, seed=options.seed, tell=_tell)
    figures: dict[str, float] = {
        "kills": sum(found.kills.values()),
        **{f"kills_{role}": count for role, count in found.kills.items()},
        "sent": found.sent,
        "acknowledged": found.acknowledged,
        "in_lake": found.in_lake,
        "lost": found.lost,
        "doubled": found.doubled,
        "quarantined": found.quarantined,
        "unexpected": found.unexpected,
        "repeats": found.repeats,
        "drained": int(found.drained),
    }
    return [
        BenchRow(
            "durability", "generated", f"kill -9 at random under load, {kind} log", "shopkeeper",
            metric, value, n=found.acknowledged, seconds=round(found.seconds, 1),
            seed=options.seed,
        )
        for metric, value in figures.items()
    ]  # fmt: skip


def torture(
    folder: Path,
    *,
    kills: int,
    kind: str = "sqlite",
    seed: int = 7,
    per_second: float = 800.0,
    between_s: tuple[float, float] | None = None,
    online: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run server, workers and load, kill, drain, count.

    Parameters
    ----------
    folder
        Empty; the shop is made in it.
    kills
        How many processes are killed.
    kind
        Log: ``sqlite`` or ``kafka``. The broker of the tests keeps its log in memory and is
        not killed.
    seed
        Decides who is killed and when.
    per_second
        Events sent a second, at most.
    between_s
        Shortest and longest time between kills; None takes what leaves the log's consumers
        time to divide their partitions again.
    online
        Whether workers compute online features too, which makes their start slow.
    tell
        Told how it goes on.

    Returns
    -------
    Outcome
    """
    chance = random.Random(seed)
    between = between_s or BETWEEN_S.get(kind, BETWEEN_S["sqlite"])
    started = time.monotonic()
    with ExitStack() as stack:
        flags = {
            "store.folder": str(folder / "shop"),
            "live.log": kind,
            "live.worker": False,
            "live.lake_seconds": 0.3,
            "live.online_features": online,
            **stack.enter_context(_broker(kind, folder)),
        }
        settings = load_settings(flags=flags)
        prepare_shop(settings)
        port = free_port()
        fleet = stack.enter_context(Fleet(flags, port, workers=WORKERS))
        load = Generator(port, WRITE_KEY, seed=seed, per_second=per_second)
        load.start()
        killed: Counter[str] = Counter()
        try:
            for number in range(kills):
                time.sleep(chance.uniform(*between))
                killed[fleet.kill(chance)] += 1
                if load.refused:
                    raise StoreError(
                        f"the server answered {load.refused} to a good request",
                        next_step="See its messages above; was the shop's folder removed?",
                        status=load.refused,
                    )
                if number % 25 == 24:
                    tell(f"{number + 1} kills, {len(load.acknowledged)} events acknowledged")
        finally:
            load.stop()
        tell("load ended, draining")
        drained = _drain(settings, load.acknowledged, DRAIN_S)
        fleet.stop()
        outcome = _counted(settings, load, killed, drained=drained, started=started)
    tell(str(outcome))
    return outcome


def prepare_shop(settings: Settings) -> None:
    """Create the shop and a source that may send.

    Parameters
    ----------
    settings
        Of the shop.
    """
    runtime = open_runtime(settings)
    try:
        with runtime.state.begin() as connection:
            connection.execute(
                insert(state.sources).values(
                    source_id=SOURCE, write_key=WRITE_KEY, kind="server", user_kind="user",
                    origins=[], enabled=True, settings={}, created_at=runtime.clock.now(),
                )
            )  # fmt: skip
    finally:
        runtime.close()


def _drain(settings: Settings, acknowledged: set[str], longest_s: float) -> bool:
    """Wait until the workers are done.

    The embedded log knows its end. The broker of the tests does not, so there the lake is
    watched until it has what was acknowledged, and then for a while longer.
    """
    runtime = open_runtime(settings)
    events, tables = runtime.log, runtime.tables
    deadline = time.monotonic() + longest_s

    def done() -> bool:
        if settings.live.log == "sqlite":
            parts = range(events.partitions)
            return all(events.committed(CONSUMER, x) >= events.head(x) for x in parts)
        return tables.count(EVENTS) >= len(acknowledged) and acknowledged <= _ids(tables).keys()

    try:
        while time.monotonic() < deadline:
            if done():
                time.sleep(0.0 if settings.live.log == "sqlite" else LINGER_S)
                return True
            time.sleep(0.5)
        return False
    finally:
        runtime.close()


def _counted(
    settings: Settings,
    load: Generator,
    killed: Mapping[str, int],
    *,
    drained: bool,
    started: float,
) -> Outcome:
    runtime = open_runtime(settings)
    try:
        rows = _ids(runtime.tables)
        quarantined = runtime.tables.count(QUARANTINE)
    finally:
        runtime.close()
    lost = load.acknowledged - rows.keys()
    doubled = {x: n for x, n in rows.items() if n > 1}
    unexpected = rows.keys() - load.sent
    return Outcome(
        kills=dict(killed),
        sent=len(load.sent),
        acknowledged=len(load.acknowledged),
        in_lake=len(rows),
        lost=len(lost),
        doubled=sum(doubled.values()) - len(doubled),
        quarantined=quarantined,
        repeats=load.repeats,
        drained=drained,
        seconds=time.monotonic() - started,
        unexpected=len(unexpected),
        examples=tuple(sorted([*lost, *doubled, *unexpected])[:10]),
    )


def _ids(tables: TableStore) -> Counter[str]:
    events = tables.table(EVENTS)
    found: Counter[str] = Counter()
    for batch in tables.stream(events.select(c.EVENT_ID)):
        found.update(batch.column(0).to_pylist())
    return found


@contextmanager
def _broker(kind: str, folder: Path) -> Iterator[dict[str, Any]]:
    """A Kafka-protocol broker for the run, and the settings that name it."""
    if kind == "sqlite":
        yield {}
        return
    if kind != "kafka":
        raise InputError(
            f"--log {kind!r} is not known", next_step="choose sqlite or kafka", option="--log"
        )
    from shopkeeper.apps.bench.durability_broker import broker

    with broker(folder) as address:
        yield {"live.brokers": address}


def _tell(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
