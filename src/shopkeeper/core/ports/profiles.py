"""Profiles: what is known of one customer now, and who answers to which identifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Section = Literal["base", "live", "features"]
"""Parts of a profile, each with one writer: nightly facts, live state, online features."""


@dataclass(frozen=True, slots=True)
class Known:
    """What guards the merging of a reference.

    Parameters
    ----------
    seen_us
        When it was first known, microseconds UTC; None if that is not recorded.
    birth_date, gender
        What its sources agree on, as text; None if they do not, or say nothing.
    """

    seen_us: int | None = None
    birth_date: str | None = None
    gender: str | None = None


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """Everything one micro-batch changes in the profiles, stored in one transaction.

    Parameters
    ----------
    section
        Part of the profile that is written.
    profiles
        New content of the section by customer: what is written as a JSON object, a mapping or
        a ``msgspec.Struct``.
    removed
        Customers whose section goes (merged into another, or erased).
    identifiers
        Customer by identifier ``kind:value``, new or moved; None: names nobody any more.
    timers
        When the section next changes by time alone, microseconds UTC; None clears it. A
        timer belongs to a stored section; one of another customer is not kept.
    changes
        What to tell subscribers: customer, moment in microseconds, JSON object.
    positions
        First log offset not yet applied, by consumer and partition.
    after
        Positions that must hold before, by consumer and partition.
    known
        What guards the merging of references, by reference.
    links
        Pairs of a reference and a phone, e-mail or device that it was seen with.
    rebuild
        Customers that join the queue of live sections to be rebuilt.
    rebuilt
        Customers that leave it.
    """

    section: Section
    profiles: Mapping[str, Any] = field(default_factory=dict)
    removed: Sequence[str] = ()
    identifiers: Mapping[str, str | None] = field(default_factory=dict)
    timers: Mapping[str, int | None] = field(default_factory=dict)
    changes: Sequence[tuple[str, int, Mapping[str, Any]]] = ()
    positions: Mapping[tuple[str, int], int] = field(default_factory=dict)
    after: Mapping[tuple[str, int], int] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    links: Sequence[tuple[str, str]] = ()
    rebuild: Sequence[str] = ()
    rebuilt: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """One change as subscribers see it."""

    sequence: int
    customer_id: str
    at_us: int
    change: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IdentityLoad:
    """What a bulk load of identities did.

    Parameters
    ----------
    identifiers
        Rows loaded.
    moved
        Identifiers that belong to another customer than before.
    gone
        Identifiers of an earlier load that are nobody's now.
    """

    identifiers: int
    moved: int
    gone: int


class ProfileStore(Protocol):
    """One customer's latest traits, scores and counters by id, and who answers to what."""

    def get(self, customer_id: str) -> dict[str, Any] | None:
        """The stored profile, section by section, or None."""
        ...

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Profiles of those that exist, section by section, in the order asked for."""
        ...

    def stored(self, customer_id: str) -> dict[Section, bytes]:
        """The sections as they are stored: JSON, not decoded; empty if there is none."""
        ...

    def stored_many(
        self,
        customer_ids: Sequence[str],
        sections: Sequence[Section] = ("base", "live", "features"),
    ) -> dict[str, dict[Section, bytes]]:
        """As :meth:`stored`, of those that exist, in the order asked for."""
        ...

    def section(self, section: Section, customer_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """One section of those that have it."""
        ...

    def put_many(
        self, profiles: Mapping[str, Mapping[str, Any]], *, section: Section = "base"
    ) -> None:
        """Store whole sections, replacing earlier ones, in one transaction."""
        ...

    def apply(self, update: ProfileUpdate) -> None:
        """Store a micro-batch in one transaction; positions never go backwards.

        Raises
        ------
        ConflictError
            If a position of ``after`` is another now; nothing is stored then.
        """
        ...

    def resolve(self, identifiers: Sequence[str]) -> dict[str, str]:
        """Customer by identifier, of those that are known."""
        ...

    def identifiers_of(self, customer_ids: Sequence[str]) -> dict[str, list[str]]:
        """Identifiers by customer, sorted, of those that have any."""
        ...

    def known(self, references: Sequence[str]) -> dict[str, Known]:
        """What guards the merging of references, of those that are known."""
        ...

    def contacts_of(self, references: Sequence[str]) -> dict[str, list[str]]:
        """Phones, e-mails and devices that references were seen with, sorted."""
        ...

    def references_of(self, contacts: Sequence[str], *, limit: int = 100) -> dict[str, list[str]]:
        """References that phones, e-mails and devices were seen with, sorted; at most ``limit``."""
        ...

    def load_identities(self, rows: Iterable[Mapping[str, Sequence[Any]]]) -> IdentityLoad:
        """Take over the identities of the night, in bounded memory.

        Parameters
        ----------
        rows
            Columns by name, any number of chunks: ``identifier``, ``customer_id``,
            ``seen_us``, ``birth_date``, ``gender``. Identifiers of earlier loads that
            do not come again are removed; those that live events brought since stay.

        Returns
        -------
        IdentityLoad
            Customers that gained or lost an identifier are queued for rebuilding.
        """
        ...

    def load_links(self, rows: Iterable[Mapping[str, Sequence[Any]]]) -> int:
        """Add links in bulk (columns ``reference`` and ``contact``); how many came."""
        ...

    def generation(self) -> int:
        """Grows when identities are loaded or somebody is removed: read again what you remember."""
        ...

    def arrived_since(self, *, limit: int = 10_000) -> list[str]:
        """Identifiers that live events brought and no load of identities has named yet."""
        ...

    def queue(self, customer_ids: Sequence[str]) -> None:
        """Ask the writer of the live section to rebuild it for customers."""
        ...

    def queued(self, *, limit: int = 1000) -> list[str]:
        """Customers whose live section is to be rebuilt, the first asked for first."""
        ...

    def ids(self, section: Section, *, after: str = "", limit: int = 10_000) -> list[str]:
        """Customers that have a section, sorted, from ``after`` (included) on."""
        ...

    def position(self, consumer: str, partition: int) -> int:
        """First log offset not yet applied; 0 at the start."""
        ...

    def positions(self, consumer: str) -> dict[int, int]:
        """Positions of a consumer by partition, of those that were ever stored."""
        ...

    def due(self, section: Section, until_us: int, *, limit: int = 1000) -> Sequence[str]:
        """Customers whose timer of the section has come, earliest first."""
        ...

    def timers(
        self, section: Section, until_us: int, *, limit: int = 10_000
    ) -> Sequence[tuple[int, str]]:
        """Timers up to a moment with their customers, earliest first."""
        ...

    def changes(self, after: int, *, limit: int = 500) -> Sequence[ProfileChange]:
        """Changes after a sequence number, in order; old ones are dropped."""
        ...

    def last_change(self) -> int:
        """Sequence number of the latest change; 0 before the first."""
        ...

    def delete(self, customer_id: str) -> bool:
        """Remove one with identifiers, timers and changes; says whether it was there."""
        ...

    def count(self) -> int:
        """Customers that have at least one section."""
        ...
