"""Live profiles: each micro-batch changes identities, traits, timeline and permits at once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shopkeeper.apps.worker import profile_facts as pf
from shopkeeper.apps.worker.profile_facts import Live
from shopkeeper.apps.worker.profile_rebuild import Unsettled, both, history
from shopkeeper.apps.worker.profile_rules import definitions, judged_pairs
from shopkeeper.backends.runtime import Runtime
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.people import Statements, may_state
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.ports import ProfileUpdate
from shopkeeper.features.live.compiled import TraitSet, compile_traits
from shopkeeper.features.live.definition import MAX_WINDOW_S
from shopkeeper.features.live.engine import (
    NEVER,
    Fact,
    State,
    advance,
    merge,
)
from shopkeeper.unify.identifiers import Guards
from shopkeeper.unify.live import LiveIdentity
from shopkeeper.unify.sightings import Identities

log = logging.getLogger(__name__)

CONSUMER = "profiles"
DUE_AT_ONCE = 2_000
"""Customers whose time has come that one transaction changes."""
REBUILT_AT_ONCE = 500
REBUILD_US = 3_000_000
"""How often, and how many, live sections are made anew between batches."""
RECENT = 5_000
"""Live sections kept in memory, those written last."""
LOOK_US = 5_000_000
"""How often other definitions are looked for."""


@dataclass(slots=True)
class Applied:
    """What one micro-batch changed.

    Parameters
    ----------
    events
        Events that changed a profile.
    skipped
        Events that an earlier batch applied.
    invalid
        Events marked as invalid traffic; they change nothing.
    nobody
        Events that name nobody (``user:0``).
    customers
        Customers whose live section was written.
    merged
        Customers that turned out to be another one: old to new.
    created
        Identifiers that became known or moved.
    """

    events: int = 0
    skipped: int = 0
    invalid: int = 0
    nobody: int = 0
    customers: tuple[str, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    created: int = 0


class LiveProfiles:
    """The one writer of the live section.

    Parameters
    ----------
    runtime
        The open shop; profiles are written, state and lake only read.
    guards
        Limits of merging.
    """

    def __init__(self, runtime: Runtime, *, guards: Guards | None = None) -> None:
        self._runtime, self._store = runtime, runtime.profiles
        self._currency = runtime.settings.shop.currency
        self._country = runtime.settings.shop.country
        self._positions = self._store.positions(CONSUMER)
        self._generation = self._store.generation()
        self._decode = msgspec.json.Decoder(Live).decode
        self.traits: TraitSet = compile_traits(definitions(runtime))
        self._looked_us = self._rebuilt_us = 0
        self._statements = Statements()
        self._unsettled = Unsettled(self._positions)
        self._settled = self._generation
        self._recent: dict[str, Live] = {}
        joined, undone = judged_pairs(runtime)
        self._identity = LiveIdentity(self._store, guards, joined=joined, undone=undone)

    def position(self, partition: int) -> int:
        """First offset of a partition that is not applied yet, as it is stored now."""
        self._positions = self._store.positions(CONSUMER)
        return self._positions.get(partition, 0)

    def apply(
        self, events: Sequence[Arrived], positions: Mapping[int, int], now_us: int | None = None
    ) -> Applied:
        """Bring a micro-batch into the profiles, in one transaction with its positions.

        Parameters
        ----------
        events
            Admitted events of any partitions, each partition in order. Those below
            the stored position are skipped: they were applied before.
        positions
            First log offset not in the batch, by partition.
        now_us
            The moment; None takes the clock's.

        Returns
        -------
        Applied

        Raises
        ------
        ConflictError
            If another worker applied events of these partitions meanwhile.
        BusyError, StorageFullError, StoreError
            If the batch could not be stored; nothing of it is, apply it again.
        """
        now = to_us(self._runtime.clock.now()) if now_us is None else now_us
        self._notice_night()
        done = Applied()
        fresh = [x for x in events if x.offset >= self._positions.get(x.partition, 0)]
        if len(fresh) < len(events):
            # Applied by an earlier run, but perhaps not yet in the lake.
            again = {id(x) for x in fresh}
            self._unsettled.add([x for x in events if id(x) not in again], {})
        counted = [x for x in fresh if x.invalid is None]
        done.skipped, done.invalid = len(events) - len(fresh), len(fresh) - len(counted)
        try:
            seen = pf.sightings(counted, self._country)
            found = self._identity.observe(seen)
            by_customer: dict[str, list[Arrived]] = {}
            for event, sighting in zip(counted, seen, strict=True):
                customer = self._identity.customer(sighting.reference, sighting.device)
                if customer is None:
                    done.nobody += 1
                else:
                    by_customer.setdefault(customer, []).append(event)
            update = self._update(by_customer, found, positions, now)
            self._store.apply(update)
        except Exception:
            self._drop()
            raise
        self._remember(update.profiles)
        self._unsettled.add(counted, positions)
        self._positions.update({k: max(v, self._positions.get(k, 0)) for k, v in positions.items()})
        done.events = len(counted) - done.nobody
        done.customers = tuple(update.profiles)
        done.merged, done.created = found.merged, len(found.assigned)
        return done

    def tick(self, now_us: int) -> tuple[str, ...]:
        """Change what changes by time alone.

        Parameters
        ----------
        now_us
            The moment.

        Returns
        -------
        tuple of str
            Customers that were looked at; call again while it is not empty.
        """
        if now_us - self._looked_us >= LOOK_US:
            self._look(now_us)
        if now_us - self._rebuilt_us >= REBUILD_US:
            self._rebuilt_us = now_us
            try:
                self.rebuild(now_us)
            except ShopkeeperError as error:
                # They stay in the queue; what is due does not wait for them.
                log.warning("live sections are not rebuilt: %s", error)
        due = self._store.timers("live", now_us, limit=DUE_AT_ONCE)
        if not due:
            return ()
        customers = [x for _, x in due]
        try:
            update = self._update(
                {x: [] for x in customers}, Identities(), {}, now_us, at={x: t for t, x in due}
            )
            self._store.apply(update)
        except Exception:
            self._drop()
            raise
        self._remember(update.profiles)
        return tuple(customers)

    def rebuild(self, now_us: int, *, most: int = REBUILT_AT_ONCE) -> tuple[str, ...]:
        """Make live sections anew from the lake: of customers merged, split, or new here.

        Parameters
        ----------
        now_us
            The moment.
        most
            Customers at once.

        Returns
        -------
        tuple of str
            Customers done; empty if nobody waits, or the lake is too far behind.
        """
        self._notice_night()
        waiting = self._store.queued(limit=most)
        if not waiting or not self._unsettled.settle(self._runtime.tables):
            return ()
        self._settle_identities()
        named = self._store.identifiers_of(waiting)
        owner = {x: customer for customer, mine in named.items() for x in mine}
        past = history(self._runtime.tables, owner, now_us - MAX_WINDOW_S * 1_000_000)
        stored = self._read(waiting)
        profiles: dict[str, Live] = {}
        for customer in waiting:
            mine = set(named.get(customer, ()))
            events = both(past.get(customer, []), self._unsettled.of(mine, mine))
            if events:
                profiles[customer] = Live()
                self._advance(profiles[customer], events, now_us)
        due = {k: v.state.due_us for k, v in profiles.items()}
        update = ProfileUpdate(
            "live",
            profiles=profiles,
            removed=[x for x in waiting if x not in profiles],
            timers={k: None if v >= NEVER else v for k, v in due.items()},
            changes=pf.rebuilt_changes(profiles, stored, now_us),
            rebuilt=waiting,
        )
        self._store.apply(update)
        return tuple(waiting)

    def _settle_identities(self) -> None:
        """After a night, identifiers that came since it looked are judged by what it learned."""
        if self._settled == self._generation:
            return
        found = self._identity.settle(self._store.arrived_since())
        concerned = {*found.split, *found.merged, *found.merged.values()}
        self._store.apply(
            ProfileUpdate(
                "live", identifiers=found.assigned, links=found.links, known=found.known,
                rebuild=sorted(concerned),
            )
        )  # fmt: skip
        self._settled = self._generation

    def _update(
        self,
        by_customer: Mapping[str, Sequence[Arrived]],
        found: Identities,
        positions: Mapping[int, int],
        now_us: int,
        at: Mapping[str, int] | None = None,
    ) -> ProfileUpdate:
        everyone = sorted({*by_customer, *found.merged, *found.merged.values()})
        live = self._read(everyone)
        touched = set(by_customer)
        unknown = [x for x in by_customer if x not in live]
        # Who is new here but not to the shop has a past in the lake.
        newcomers = list(self._store.stored_many(unknown, ["base"])) if unknown else []
        for old, new in sorted(found.merged.items()):
            other = live.pop(old, None)
            if other is not None:
                mine = live.get(new)
                live[new] = other if mine is None else pf.merged(mine, other, self._join)
                live[new].state.due_us = -1
                touched.add(new)
        profiles: dict[str, Live] = {}
        timers: dict[str, int | None] = {}
        changes: list[tuple[str, int, Mapping[str, Any]]] = []
        for customer in sorted(touched):
            profile = live.get(customer) or Live()
            changed, due_us = self._advance(profile, by_customer.get(customer, ()), now_us)
            profiles[customer] = profile
            timers[customer] = None if due_us >= NEVER else due_us
            if changed:
                values = {k: [v, profile.traits[k][0]] for k, v in changed.items()}
                moment = at[customer] if at else now_us
                changes.append((customer, moment, {"type": "traits", "traits": values}))
        for old, new in sorted(found.merged.items()):
            changes.append((new, now_us, {"type": "merged", "from": old}))
        return ProfileUpdate(
            "live",
            profiles=profiles,
            removed=sorted(found.merged),
            identifiers=found.assigned,
            timers=timers,
            changes=changes,
            positions={(CONSUMER, k): v for k, v in positions.items()},
            after={(CONSUMER, k): self._positions.get(k, 0) for k in positions},
            known=found.known,
            links=found.links,
            rebuild=sorted({*found.split, *newcomers}),
        )

    def _read(self, customers: Sequence[str]) -> dict[str, Live]:
        """Live sections; those written last are still in memory."""
        found = {x: self._recent.pop(x) for x in customers if x in self._recent}
        unread = [x for x in customers if x not in found]
        rows = self._store.stored_many(unread, ["live"]) if unread else {}
        for customer, stored in rows.items():
            found[customer] = self._decode(stored["live"])
        return found

    def _remember(self, written: Mapping[str, Live]) -> None:
        """Keep what was stored, the last written last; nobody else writes the section."""
        self._recent.update(written)
        for customer in list(self._recent)[: max(0, len(self._recent) - RECENT)]:
            del self._recent[customer]

    def _drop(self) -> None:
        """After a failure nothing in memory is known to be what is stored."""
        self._recent.clear()
        self._identity.forget()
        self._positions = self._store.positions(CONSUMER)

    def _advance(
        self, profile: Live, events: Iterable[Arrived], now_us: int
    ) -> tuple[dict[str, Any], int]:
        facts: list[Fact] = []
        lines = []
        for event in events:
            if event.kind in pf.ORDER_KINDS and not pf.first_told(profile, event):
                continue
            facts.append(pf.facts_of(self.traits, event, self._currency))
            lines.append(pf.line_of(event))
            if event.traits:
                pf.state_on(profile, event)
            if may_state(event):
                pf.permit_on(profile, self._statements.stated(event), event.occurred_us)
        if lines:
            profile.timeline = pf.lines_merged(profile.timeline, lines)
        state = profile.state
        state.values = profile.traits
        _, changed, due_us = advance(self.traits, state, facts, now_us)
        profile.traits, state.values = state.values, {}
        profile.updated_us = now_us
        return changed, due_us

    def _join(self, state: State, other: State) -> State:
        return merge(self.traits, state, other)

    def _notice_night(self) -> None:
        """After identities were loaded anew, nothing remembered of them holds."""
        generation = self._store.generation()
        if generation != self._generation:
            joined, undone = judged_pairs(self._runtime)
            self._identity.forget(joined=joined, undone=undone)
            self._recent.clear()
            self._generation = generation

    def _look(self, now_us: int) -> None:
        """Other definitions hold from now on; values follow when a profile is next touched."""
        self._looked_us = now_us
        traits = compile_traits(definitions(self._runtime))
        if traits.digest != self.traits.digest:
            log.info("live traits: %d definitions from now on", len(traits.traits))
            self.traits = traits
