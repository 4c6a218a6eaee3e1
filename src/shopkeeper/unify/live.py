"""Who somebody is, decided event by event: the answers that the nightly run will give too.

The rules are those of :mod:`shopkeeper.unify.match` and :mod:`shopkeeper.unify.graph`, applied
to the few references around the one that is new. A reference nobody knew is a customer of its
own; a device belongs to the one reference it was seen with, and to nobody but itself once
there are two; a phone or e-mail of a few references joins them within the guards, and joins
nobody once there are too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from shopkeeper.core.ports import Known, ProfileStore
from shopkeeper.unify import graph
from shopkeeper.unify.identifiers import CONTACT_KINDS, RULES, Guards, customer_id_of
from shopkeeper.unify.sightings import Identities, Sighting, blocked, own_customer

DEVICE = "anonymous_id"
NEIGHBOURS = 400
"""References looked at around a new one; what ties more together is left to the night."""
CACHED = 500_000
"""Identifiers and links remembered between batches."""
EDGES = pa.schema([("left", pa.string()), ("right", pa.string()), ("score", pa.float64())])
Pairs = frozenset[tuple[str, str]]


class LiveIdentity:
    """Resolves sightings against the stored identities; remembers what it has read.

    Parameters
    ----------
    store
        Read only; the caller stores what :meth:`observe` returns before it asks again.
    guards
        Limits of merging.
    joined, undone
        Pairs of identifiers that people joined, and that they took apart.
    """

    def __init__(
        self,
        store: ProfileStore,
        guards: Guards | None = None,
        *,
        joined: Pairs = frozenset(),
        undone: Pairs = frozenset(),
    ) -> None:
        self._store, self._guards = store, guards or Guards()
        self._joined, self._undone = joined, undone
        self._customers: dict[str, str] = {}
        self._links: set[tuple[str, str]] = set()
        self._by_reference: dict[str, set[str]] = {}
        self._by_contact: dict[str, set[str]] = {}
        self._known: dict[str, Known] = {}
        self._created: set[str] = set()

    def forget(self, *, joined: Pairs | None = None, undone: Pairs | None = None) -> None:
        """Read everything anew: the identities were loaded again, or a batch was not stored.

        Parameters
        ----------
        joined, undone
            As they stand now; None keeps them.
        """
        self._customers.clear()
        self._links.clear()
        self._joined = self._joined if joined is None else joined
        self._undone = self._undone if undone is None else undone

    def observe(self, sightings: Sequence[Sighting]) -> Identities:
        """Take in sightings in their order.

        Parameters
        ----------
        sightings
            Of one micro-batch.

        Returns
        -------
        Identities
            To be stored in the batch's transaction; :meth:`customer` already answers by it.
        """
        if len(self._customers) > CACHED or len(self._links) > CACHED:
            self.forget()
        self._start()
        self._read(sightings)
        found = Identities()
        for x in sightings:
            reference = x.reference
            if reference is None or own_customer(reference) or blocked(reference):
                # The device stands for itself until a reference that names somebody claims it.
                if x.device is not None and not blocked(x.device):
                    self._meet(found, x.device)
            else:
                self._take(found, x)
        return found

    def customer(self, reference: str | None, device: str | None) -> str | None:
        """Customer of an event whose sighting was observed.

        Parameters
        ----------
        reference, device
            As of the sighting.

        Returns
        -------
        str or None
            None if it names nobody.
        """
        if reference is not None:
            return own_customer(reference) or self._customers.get(reference)
        return None if device is None else self._customers.get(device)

    def settle(self, identifiers: Sequence[str]) -> Identities:
        """Judge identifiers again after the night moved others.

        Parameters
        ----------
        identifiers
            That live events brought and the night does not know yet.

        Returns
        -------
        Identities
            As :meth:`observe` returns it.
        """
        self.forget()
        self._start()
        found = Identities()
        done: set[str] = set()
        contacts = [x for x in identifiers if x.partition(":")[0] in CONTACT_KINDS]
        around = self._store.references_of(contacts, limit=self._most())
        starts = [*identifiers, *(x for refs in around.values() for x in refs)]
        for x in starts:
            if x not in done:
                done |= self._judge(found, x)
        return found

    def _start(self) -> None:
        self._by_reference, self._by_contact, self._known = {}, {}, {}
        self._created = set()

    def _read(self, sightings: Iterable[Sighting]) -> None:
        wanted: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        for x in sightings:
            for one in (x.reference, x.device):
                if one is not None and one not in self._customers:
                    wanted.add(one)
            if x.reference is not None:
                seen_with = x.contacts if x.device is None else (x.device, *x.contacts)
                pairs.update((x.reference, y) for y in seen_with)
        if wanted:
            self._customers.update(self._store.resolve(sorted(wanted)))
        unread = sorted({ref for ref, contact in pairs if (ref, contact) not in self._links})
        for ref, contacts in self._store.contacts_of(unread).items() if unread else ():
            self._links.update((ref, x) for x in contacts)

    def _meet(self, found: Identities, identifier: str) -> str:
        """Customer of an identifier; a new one is a customer of its own."""
        customer = self._customers.get(identifier)
        if customer is None:
            customer = customer_id_of(identifier)
            self._customers[identifier] = found.assigned[identifier] = customer
            self._created.add(customer)
        return customer

    def _take(self, found: Identities, x: Sighting) -> None:
        reference = x.reference or ""
        new = reference not in self._customers
        self._meet(found, reference)
        said = x.birth_date is not None or x.gender is not None
        if new or said:
            self._guard(found, reference, x, new=new)
        contacts = [] if x.device is None else [x.device]
        contacts += x.contacts
        if new and reference.partition(":")[0] in CONTACT_KINDS:
            contacts.append(reference)  # a phone that is a reference counts as its own
        fresh = [y for y in contacts if (reference, y) not in self._links and not blocked(y)]
        for contact in fresh:
            self._links.add((reference, contact))
            found.links.append((reference, contact))
            self._by_reference.setdefault(reference, set()).add(contact)
            self._by_contact.setdefault(contact, set()).add(reference)
        tying = [y for y in fresh if not self._claim(found, reference, y)]
        if tying or (said and not new):
            self._judge(found, reference, frozenset(tying))

    def _claim(self, found: Identities, reference: str, contact: str) -> bool:
        """Give a contact to the one reference it was seen with; False if there are others."""
        if contact == reference:
            return False
        stands = self._customers.get(contact)
        device = contact.startswith(DEVICE + ":")
        alone = customer_id_of(contact) if device else None
        if (stands is not None and stands != alone) or len(self._by_contact[contact]) > 1:
            return False
        # A device that nobody ever saw has no references; else they are looked up.
        unseen = device and (stands is None or stands in self._created)
        if not unseen and self._store.references_of([contact], limit=1):
            return False
        if (reference, contact) in self._undone or any(reference in x for x in self._joined):
            return False
        customer = self._customers[reference]
        self._customers[contact] = found.assigned[contact] = customer
        if stands is not None and stands not in self._created:
            found.merged[stands] = customer
        return True

    def _guard(self, found: Identities, reference: str, x: Sighting, *, new: bool) -> None:
        before = self._known.get(reference)
        if before is None and not new:
            before = self._store.known([reference]).get(reference)
        if before is None:
            after = Known(x.seen_us, x.birth_date, x.gender)
        else:
            after = Known(
                before.seen_us,
                x.birth_date if before.birth_date is None else before.birth_date,
                x.gender if before.gender is None else before.gender,
            )
        if after != before:
            self._known[reference] = found.known[reference] = after

    def _judge(
        self, found: Identities, start: str, fresh: frozenset[str] = frozenset()
    ) -> set[str]:
        """Resolve everything tied to a reference, and note who belongs to another customer now."""
        references, seen = self._around(start, fresh)
        edges, counts = self._edges(references, seen)
        everyone = sorted(references | {x for pair in edges for x in pair[:2]})
        roots = self._roots(edges, everyone)
        # Devices and contacts that many share are asked about, but tie nobody.
        belongs: dict[str, str | None] = {x: roots.get(x, x) for x in references}
        for contact, refs in counts.items():
            if contact in references:
                continue
            ties = [x for x in refs if x != contact and (x, contact) not in self._undone]
            if contact in roots:
                belongs[contact] = roots[contact]
            elif len(refs) == 1 and ties:
                belongs[contact] = roots.get(ties[0], ties[0])
            else:
                device = contact.partition(":")[0] == DEVICE
                belongs[contact] = contact if device else None
        for identifier, root in roots.items():
            belongs.setdefault(identifier, root)
        self._assign(found, {k: v and customer_id_of(v) for k, v in belongs.items()})
        return references

    def _around(self, start: str, fresh: frozenset[str]) -> tuple[set[str], dict[str, set[str]]]:
        """References tied to one by contacts that may tie, with the references of each contact.

        A contact that one more reference just made too many tied the others until now.
        """
        references, wave = {start}, [start]
        shared: dict[str, set[str]] = {}
        while wave and len(references) < NEIGHBOURS:
            reached = self._contacts_of(wave)
            asked = sorted({y for x in reached.values() for y in x if y not in shared})
            shared.update(self._references_of(asked))
            nearby = {
                ref
                for contact in asked
                if len(shared[contact]) <= self._limit(contact) + (contact in fresh)
                for ref in shared[contact]
            }
            joined = {b if a in wave else a for a, b in self._joined if a in wave or b in wave}
            wave = sorted((nearby | joined) - references)
            references.update(wave)
        return references, shared

    def _contacts_of(self, references: Sequence[str]) -> dict[str, set[str]]:
        stored = self._store.contacts_of(references)
        return {x: {*stored.get(x, ()), *self._by_reference.get(x, ())} for x in references}

    def _references_of(self, contacts: Sequence[str]) -> dict[str, set[str]]:
        stored = self._store.references_of(contacts, limit=self._most())
        return {x: {*stored.get(x, ()), *self._by_contact.get(x, ())} for x in contacts}

    def _most(self) -> int:
        return max(self._guards.limit(x) for x in RULES) + 1

    def _limit(self, contact: str) -> int:
        kind = contact.partition(":")[0]
        return self._guards.limit(kind) if kind in RULES else 0

    def _edges(
        self, references: set[str], shared: Mapping[str, set[str]]
    ) -> tuple[list[tuple[str, str, float]], Mapping[str, set[str]]]:
        edges = [
            (ref, contact, RULES[contact.partition(":")[0]].score)
            for contact, refs in shared.items()
            if 2 <= len(refs) <= self._limit(contact)
            for ref in refs
            if ref != contact and (ref, contact) not in self._undone
        ]
        edges += [(a, b, 1.0) for a, b in self._joined if a in references or b in references]
        return edges, shared

    def _roots(
        self, edges: Sequence[tuple[str, str, float]], everyone: Sequence[str]
    ) -> dict[str, str]:
        if not edges:
            return {}
        stored = {**self._store.known(everyone), **self._known}
        found = [(x, stored[x]) for x in everyone if x in stored]
        nodes = pa.table(
            [
                [x for x, _ in found],
                [y.seen_us for _, y in found],
                [y.birth_date for _, y in found],
                [y.gender for _, y in found],
            ],
            schema=graph.NODES,
        )
        columns = [list(x) for x in zip(*edges, strict=True)]
        resolution = graph.resolve(pa.table(columns, schema=EDGES), nodes, self._guards)
        rows = resolution.components
        pairs = zip(rows["identifier"].to_pylist(), rows["root"].to_pylist(), strict=True)
        return dict(pairs)

    def _assign(self, found: Identities, belongs: Mapping[str, str | None]) -> None:
        unread = sorted(x for x in belongs if x not in self._customers)
        if unread:
            self._customers.update(self._store.resolve(unread))
        moved: dict[str, set[str]] = {}
        for identifier, customer in belongs.items():
            before = self._customers.get(identifier)
            if before == customer:
                continue
            found.assigned[identifier] = customer
            if customer is None:
                del self._customers[identifier]
            else:
                self._customers[identifier] = customer
            if before is not None and customer is not None:
                moved.setdefault(before, set()).add(customer)
        for before, after in moved.items():
            self._note_move(found, before, after, belongs)

    def _note_move(
        self, found: Identities, before: str, after: set[str], belongs: Mapping[str, str | None]
    ) -> None:
        stays = {x for x, customer in belongs.items() if customer == before}
        stays |= {
            x
            for x in self._store.identifiers_of([before]).get(before, ())
            if self._customers.get(x, before) == before and x not in found.assigned
        }
        if len(after) == 1 and not stays:
            (target,) = after
            if before not in self._created:  # else it never had anything to bring along
                found.merged[before] = target
            for old, new in found.merged.items():
                if new == before:
                    found.merged[old] = target
            found.merged.pop(target, None)
        else:
            found.split |= {before, *after}
