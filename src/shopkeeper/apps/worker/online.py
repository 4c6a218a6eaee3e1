"""Online features: whom something happened to gets features, scores and audiences anew.

``touch`` takes in rows and says who waits; rounds work off those who wait longest. One
round costs a fixed part and a small part a customer, so rounds grow with the load and
freshness degrades gradually instead of breaking.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.worker.online_engine import Computed, OnlineEngine
from shopkeeper.apps.worker.online_judge import Audiences, Known, Scorer
from shopkeeper.apps.worker.online_tables import (
    LOADED_TABLES,
    history_folder,
    open_history,
    owned_rows,
    prime,
)
from shopkeeper.backends.embedded.history import History
from shopkeeper.backends.embedded.history_file import OWNER
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import ConflictError, StoreError
from shopkeeper.core.ports import ProfileUpdate
from shopkeeper.core.ports import Section as Part
from shopkeeper.core.tables import TableContract
from shopkeeper.features.library_index import all_features
from shopkeeper.features.online.section import (
    Change,
    Section,
    Standing,
    changes_of,
    feature_values,
    read_before,
)
from shopkeeper.features.online.waiting import Freshness, Waiting

log = logging.getLogger(__name__)

SECTION: Part = "features"
MOST_AT_ONCE = 4_000
"""Customers of one round."""
LOOK_US = 5_000_000
"""How often models, audiences and the base are looked at anew."""
IN_LAKE_US = 600_000_000
"""Rows that arrived so long before are in the lake when a new base is built from it."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did.

    Parameters
    ----------
    customers
        Customers worked off.
    removed
        Of these, customers without any rows left, whose section is gone.
    changes
        Changes told to subscribers.
    seconds
        Wall time.
    """

    customers: int = 0
    removed: int = 0
    changes: int = 0
    seconds: float = 0.0


class OnlineFeatures:
    """The one writer of the section ``features`` between two nights.

    Parameters
    ----------
    runtime
        The open shop.
    pause_s
        Least time between the starts of two rounds: what one round costs is paid at most
        so often.
    memory_mb
        Memory of the engine.
    """

    def __init__(self, runtime: Runtime, *, pause_s: float = 0.5, memory_mb: int = 1024) -> None:
        self._runtime, self._pause_s = runtime, pause_s
        self._audiences = Audiences(runtime)
        self._scorer = Scorer(runtime)
        self.history: History = open_history(history_folder(runtime))
        self._engine = OnlineEngine(
            runtime.tables, runtime.profiles, self.history, memory_mb=memory_mb
        )
        self._names = [x.name for x in all_features()]
        self._waiting = Waiting()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._looked_us = -LOOK_US
        # Who has rows of the future alone has no section that could hold a timer.
        self._later: dict[str, tuple[int, int, int]] = {}
        self._resume()

    def _resume(self) -> None:
        """Whom the history knows as not worked off waits again."""
        for customer, (since, stamp) in self.history.pending().items():
            self._waiting.add({customer: stamp}, at_us=since)

    # --- what arrives ------------------------------------------------------------------------

    def touch(
        self,
        tables: Mapping[str, pa.Table],
        customer_of: Mapping[str, str],
        *,
        moved: Iterable[str] = (),
        whole: Iterable[str] = (),
        at_us: int | None = None,
    ) -> int:
        """Take in rows that arrived, durably; their customers wait for the next round.

        Parameters
        ----------
        tables
            Rows of ORDERS, ORDER_LINES, EVENTS and TOUCHES by table name, as they are
            written to the lake; others are left alone. A row replaces one with the same key.
        customer_of
            Customer by reference (``customer_ref``, ``anonymous_id:…``); those that are not
            named are looked up.
        moved
            Customers who gained or lost a reference or device, by a merge or a login.
        whole
            Tables whose rows are all there is of their orders now, after an order changed.
        at_us
            When they came; None takes the clock.

        Returns
        -------
        int
            Customers who now wait.

        Raises
        ------
        StoreError
            If the rows could not be kept; touch again.
        """
        now = to_us(self._runtime.clock.now()) if at_us is None else at_us
        known: dict[str, TableContract] = {x.name: x for x, _, _ in LOADED_TABLES}
        rows = self.history.completed(
            {k: owned_rows(v, known[k]) for k, v in tables.items() if k in known},
            whole=whole,
        )
        owners = sorted({x for y in rows.values() for x in pc.unique(y[OWNER]).to_pylist()})
        strangers = [x for x in owners if x not in customer_of]
        customers = {customer_of[x] for x in owners if x in customer_of}
        customers |= {*self._engine.customers_of(strangers).values(), *moved}
        touched = self.history.add(rows, customers, at_us=now)
        self._waiting.add(touched, at_us=now)
        return len(touched)

    def again(self, customers: Iterable[str], *, at_us: int | None = None) -> None:
        """Customers wait for a round though nothing arrived.

        Parameters
        ----------
        customers
            Customer ids.
        at_us
            Since when; None takes the clock.
        """
        now = to_us(self._runtime.clock.now()) if at_us is None else at_us
        self._waiting.add(dict.fromkeys(customers, 0), at_us=now)

    # --- rounds ------------------------------------------------------------------------------

    def round(self, now_us: int, *, most: int = MOST_AT_ONCE) -> Round:
        """Work off those who wait longest.

        Parameters
        ----------
        now_us
            The moment their features are of.
        most
            Customers at once.

        Returns
        -------
        Round

        Raises
        ------
        StoreError
            If the profiles could not be stored; the customers wait again.
        """
        started = time.perf_counter()
        self._look(now_us)
        taken = self._waiting.take(most)
        if not taken:
            return Round()
        try:
            update = self.update(list(taken), now_us)
            self._runtime.profiles.apply(update)
        except Exception:
            self._waiting.put_back(taken)
            raise
        later = {x: due for x, due in update.timers.items() if due and x in update.removed}
        self._later.update({x: (due, *taken[x]) for x, due in later.items()})
        self.history.done({x: stamp for x, (_, stamp) in taken.items() if x not in later})
        self._waiting.told(taken, at_us=to_us(self._runtime.clock.now()))
        return Round(
            len(taken), len(update.removed), len(update.changes), time.perf_counter() - started
        )

    def update(self, customers: Sequence[str], now_us: int) -> ProfileUpdate:
        """The sections of some customers at a moment; nothing is stored.

        Parameters
        ----------
        customers
            Customer ids.
        now_us
            The moment.

        Returns
        -------
        ProfileUpdate
            Customers without any row before the moment are among the removed.
        """
        computed = self._engine.compute(customers, now_us)
        sections = self._sections(computed, now_us)
        stored = self._runtime.profiles.stored_many(list(customers), [SECTION, "base"])
        changes: list[Change] = []
        for customer in customers:
            told = stored.get(customer, {})
            before = read_before(told.get(SECTION), told.get("base"))
            changes += changes_of(customer, sections.get(customer) or Section(now_us), before)
        gone = sorted(set(customers) - set(sections))
        return ProfileUpdate(
            SECTION,
            profiles={x: msgspec.structs.asdict(y) for x, y in sections.items()},
            removed=gone,
            timers=self._timers(computed, now_us),
            changes=changes,
        )

    def _sections(self, computed: Computed, now_us: int) -> dict[str, Section]:
        rows = computed.resolved
        scores = self._scorer.scores(rows["purchases"], rows["activity"], now_us)
        customers = computed.features["customer_id"].to_pylist()
        standing: dict[str, Known] = {}
        wanted = self._audiences.sections()
        if wanted:
            stored = self._runtime.profiles.stored_many(customers, wanted)
            standing = {x: Known.read(y) for x, y in stored.items()}
        members = self._audiences.members(computed, scores, standing, now_us)
        values = feature_values(computed.features, self._names)
        return {
            customer: Section(
                now_us,
                features,
                scores.get(customer, {}),
                {x: Standing(now_us, version) for x, version in members[customer].items()},
            )
            for customer, features in zip(customers, values, strict=True)
        }

    def _timers(self, computed: Computed, now_us: int) -> dict[str, int | None]:
        """Rows dated later than now count from their moment on."""
        due: dict[str, int | None] = dict.fromkeys(computed.features["customer_id"].to_pylist())
        for table in computed.resolved.values():
            later = table.filter(pc.greater_equal(table["ts_us"], now_us))
            for customer, at in zip(
                later["customer_id"].to_pylist(), later["ts_us"].to_pylist(), strict=True
            ):
                before = due.get(customer)
                due[customer] = at + 1 if before is None else min(before, at + 1)
        return due

    def _look(self, now_us: int) -> None:
        for customer in self._runtime.profiles.due(SECTION, now_us):
            self._waiting.add({customer: 0}, at_us=now_us)
        for customer in [x for x, (due, *_) in self._later.items() if due <= now_us]:
            due, _, stamp = self._later.pop(customer)
            self._waiting.add({customer: stamp}, at_us=due)
        if now_us - self._looked_us < LOOK_US:
            return
        self._looked_us = now_us
        self._scorer.refresh()
        self._audiences.refresh()
        if self.history.reopen():  # a new base, built by the night
            self._resume()
        self.history.maintain()

    # --- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Work off rounds in a thread of its own until stopped."""
        self._thread = threading.Thread(target=self.run, name="online-features", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; who still waits is worked off after the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run(self) -> None:
        """Rounds until :meth:`stop`; a failed round is repeated after a while."""
        if not self.history.primed:
            self.prime()
        self._engine.plan()
        while not self._stop.is_set():
            began = time.monotonic()
            pause = self._pause_s
            try:
                done = self.round(to_us(self._runtime.clock.now()))
                if done.customers >= MOST_AT_ONCE:
                    pause = 0.0
            except StoreError as error:
                log.warning("online features, again in 5 s: %s", error)
                pause = 5.0
            except Exception:
                log.exception("online features, again in 5 s")
                pause = 5.0
            self._stop.wait(max(pause - (time.monotonic() - began), 0.01))

    def prime(self) -> Mapping[str, int]:
        """Build the base of the history from the lake as it stands.

        Returns
        -------
        Mapping
            Rows by table.
        """
        now_us = to_us(self._runtime.clock.now())
        return prime(self.history, self._runtime.tables, keep_after_us=now_us - IN_LAKE_US)

    def freshness(self) -> Freshness:
        """How far the features are behind."""
        return self._waiting.freshness(to_us(self._runtime.clock.now()))

    def to_dict(self) -> dict[str, Any]:
        """Freshness and models, for JSON."""
        return {**asdict(self.freshness()), "models": dict(self._scorer.versions())}

    def close(self) -> None:
        """Stop and release."""
        self.stop()
        self._engine.close()
        self.history.close()


@contextmanager
def online_features(runtime: Runtime) -> Iterator[OnlineFeatures | None]:
    """Online features in a thread of their own, where the shop wants them.

    One process of a shop keeps the history. Another worker of the same shop goes on
    without: customers it reads events of are brought up to date by the night.

    Parameters
    ----------
    runtime
        Must stay open inside.

    Yields
    ------
    OnlineFeatures or None
        None if they are switched off or another process keeps them.
    """
    live = runtime.settings.live
    with ExitStack() as stack:
        online = None
        if live.online_features:
            try:
                stack.enter_context(exclusive(history_folder(runtime) / "writer.lock", wait_s=0))
                online = OnlineFeatures(runtime, pause_s=live.online_seconds)
                stack.callback(online.close)
                online.start()
            except ConflictError:
                log.warning("another worker keeps the online features; this one goes on without")
        yield online
