"""What the stages need of the world, as small protocols.

``backends`` implements them; ``backends.open`` chooses. A function takes the one
port it needs. What a back end cannot do is a field of its capabilities, read
before the work starts and never discovered by exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

import ibis
import pyarrow as pa

from shopkeeper.core.tables import TableContract

Scalar = str | int | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a table store can do.

    Parameters
    ----------
    name
        Which back end this is.
    time_travel
        Whether earlier versions can be read.
    transactions
        Whether a commit is atomic and can carry a token that makes it happen once.
    distributed
        Whether expressions run on more than one machine.
    """

    name: str
    time_travel: bool
    transactions: bool
    distributed: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """What one write did.

    Parameters
    ----------
    table
        Table written.
    version
        Version after the write; the current one if nothing was written.
    rows
        Rows written or removed.
    repeated
        True if the token was already known, so that nothing was written.
    """

    table: str
    version: int
    rows: int
    repeated: bool = False


@runtime_checkable
class TableStore(Protocol):
    """Tables under contract, with atomic commits and time travel."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""
        ...

    def table(self, contract: TableContract) -> ibis.Table:
        """Unbound expression of a table; no access happens.

        For ``FEATURES`` and other tables with further columns the *stored*
        schema is used when the table exists.
        """
        ...

    def exists(self, contract: TableContract) -> bool:
        """Whether anything was ever written to the table."""
        ...

    def version(self, contract: TableContract) -> int:
        """Latest version of the table; -1 if it was never written."""
        ...

    def count(self, contract: TableContract) -> int:
        """Rows in the table, from file statistics where they exist."""
        ...

    def run(self, expr: ibis.Table, inputs: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Compute an expression over the stored tables.

        Parameters
        ----------
        expr
            Built from :meth:`table` expressions and, for small extra data,
            ``ibis.table(schema, name=...)`` of the names in ``inputs``. A table
            that was never written counts as empty.
        inputs
            Arrow tables by the name used in the expression.

        Returns
        -------
        pa.Table
            Types as the expression declares them.
        """
        ...

    def stream(
        self,
        expr: ibis.Table,
        inputs: Mapping[str, pa.Table] | None = None,
        *,
        batch_rows: int = 100_000,
    ) -> Iterator[pa.RecordBatch]:
        """As :meth:`run`, in batches of bounded memory."""
        ...

    def materialise(
        self,
        expr: ibis.Table,
        contract: TableContract,
        inputs: Mapping[str, pa.Table] | None = None,
        *,
        where: Mapping[str, Scalar] | None = None,
    ) -> Commit:
        """Compute an expression and replace the table, or the rows matching ``where``, by it.

        The result is cast to the contract and streamed to disk in bounded
        memory; readers see the old rows until the one atomic commit.
        """
        ...

    def append(
        self,
        contract: TableContract,
        rows: pa.Table | pa.RecordBatchReader,
        *,
        token: tuple[str, int] | None = None,
        after: int | None = None,
    ) -> Commit:
        """Add rows in one atomic commit.

        Parameters
        ----------
        contract
            Table; created on first use.
        rows
            Cast to the contract (missing optional columns become null).
        token
            ``(writer, number)``: a commit whose number is not above the
            writer's last committed one is skipped and reported as repeated.
        after
            Number the writer must have committed last, or -1 for none; only with
            ``token``.

        Raises
        ------
        ConflictError
            If ``after`` is given and another number was committed last: somebody
            else took over the writer's work.
        """
        ...

    def committed(self, contract: TableContract, writer: str) -> int:
        """Number of the last token that a writer committed; -1 if none."""
        ...

    def replace(
        self, contract: TableContract, rows: pa.Table, *, where: Mapping[str, Scalar] | None = None
    ) -> Commit:
        """Replace the table, or only the rows matching ``where``, in one commit."""
        ...

    def merge(self, contract: TableContract, rows: pa.Table) -> Commit:
        """Insert rows and overwrite those with an equal key (the last of equal keys wins)."""
        ...

    def delete(self, contract: TableContract, where: Mapping[str, Scalar]) -> Commit:
        """Remove the rows whose columns equal the given values."""
        ...

    def as_of(self, versions: Mapping[str, int]) -> Self:
        """A read-only view in which the named tables stand at earlier versions."""
        ...

    def snapshot(self) -> Self:
        """A read-only view pinned to the current version of every table."""
        ...

    def maintain(self, contract: TableContract) -> None:
        """Compact small files."""
        ...


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One payload on its way into the log.

    Parameters
    ----------
    key
        Decides the partition; entries of one key keep their order.
    payload
        What is stored, as it is.
    """

    key: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One accepted payload as it lies in the log."""

    partition: int
    offset: int
    key: str
    payload: bytes
    received_us: int


@dataclass(frozen=True, slots=True)
class LogCapabilities:
    """What an event log can do.

    Parameters
    ----------
    name
        Which back end this is.
    lag
        Whether the end of a partition is known, so that a lag can be told.
    erase
        Whether single payloads can be rewritten or removed before they expire.
    shared
        Whether several machines may read and write it.
    """

    name: str
    lag: bool
    erase: bool
    shared: bool


class LogReader(Protocol):
    """One member of a consumer: partitions are divided among the members that live."""

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions this member holds now."""
        ...

    def poll(self, *, limit: int = 1000, timeout_s: float = 1.0) -> Sequence[LogRecord]:
        """The next records of the held partitions, each partition in order.

        Waits up to ``timeout_s`` for the first one; gains and losses of
        partitions are told (``gained``, ``lost``) inside this call.
        """
        ...

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Confirm everything before the offset of each partition; never goes backwards.

        Raises
        ------
        ConflictError
            If a partition is not held any more; nothing is confirmed.
        """
        ...

    def close(self) -> None:
        """Give the partitions back."""
        ...


class EventLog(Protocol):
    """Durable, ordered, partitioned log; a confirmed payload is on disk."""

    partitions: int

    @property
    def capabilities(self) -> LogCapabilities:
        """What this log can do."""
        ...

    def partition_of(self, key: str) -> int:
        """Partition that a key belongs to."""
        ...

    def submit(
        self, entries: Sequence[LogEntry], *, received_us: int
    ) -> Future[Sequence[tuple[int, int]]]:
        """Queue entries for the next group commit.

        Groups become durable in the order in which they were submitted. When one
        fails, everything queued behind it at that moment fails with it.

        Returns
        -------
        concurrent.futures.Future
            Partition and offset of each entry, once all of them are durable.
            Without entries: resolves when everything submitted before is durable.

        Raises
        ------
        BusyError
            At once, if the queue is full; its ``retry_after_s`` says when to try again.
        """
        ...

    def append(
        self, key: str, payloads: Sequence[bytes], *, received_us: int
    ) -> Sequence[tuple[int, int]]:
        """Append under one key; returns (partition, offset) of each once durable."""
        ...

    def pressure(self) -> float:
        """How full the queue of unconfirmed payloads is, 0 to 1."""
        ...

    def read(self, partition: int, offset: int, *, limit: int = 1000) -> Sequence[LogRecord]:
        """Records of a partition from an offset on, in order."""
        ...

    def reader(
        self,
        consumer: str,
        *,
        gained: Callable[[int], int | None] | None = None,
        lost: Callable[[int], None] | None = None,
    ) -> LogReader:
        """Join the readers of a consumer.

        Parameters
        ----------
        consumer
            Name of the consumer.
        gained
            Called with a partition before its first record is handed out; returns
            the offset to start at, None for the first unconfirmed one.
        lost
            Called before a partition is given to another member, so that the work on it
            can be ended; after the fact if this member was taken for dead.
        """
        ...

    def head(self, partition: int) -> int:
        """Offset the next payload of the partition will get."""
        ...

    def committed(self, consumer: str, partition: int) -> int:
        """First offset the consumer has not yet confirmed."""
        ...

    def commit(self, consumer: str, partition: int, offset: int) -> None:
        """Confirm everything before ``offset``; never goes backwards."""
        ...

    def expire(self, before_us: int) -> int:
        """Remove records received earlier that every consumer confirmed; how many."""
        ...

    def rewrite(self, partition: int, change: Callable[[LogRecord], bytes | None]) -> int:
        """Replace payloads in place, for erasure; how many changed.

        ``change`` returns the payload to keep, or None to empty it (offsets stay).
        """
        ...

    def close(self) -> None:
        """Release files."""
        ...


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


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One version of a model in the store."""

    task: str
    version: str
    model: str
    created_at: datetime
    aliases: tuple[str, ...]
    card: Mapping[str, Any]
    folder: Path


class ModelStore(Protocol):
    """Versions, aliases and cards; the files are in declared formats, never pickles."""

    def save(
        self, task: str, model: str, folder: Path, card: Mapping[str, Any], *, created_at: datetime
    ) -> StoredModel:
        """Take over the files of ``folder``; the version is the digest of their content."""
        ...

    def get(self, task: str, version_or_alias: str) -> StoredModel:
        """One version.

        Raises
        ------
        NotFoundError
            If neither a version nor an alias has that name.
        """
        ...

    def versions(self, task: str | None = None) -> Sequence[StoredModel]:
        """All versions, newest first."""
        ...

    def alias(self, task: str, alias: str, version: str) -> None:
        """Point an alias (``champion``, ``challenger``) at a version."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one channel, ready to send."""

    key: str
    channel: str
    to: str
    subject: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the channel said about a message."""

    key: str
    status: Literal["sent", "repeated", "refused"]
    detail: str
    sent_at: datetime


class Sender(Protocol):
    """Sends one message of one channel; a repeated key is never sent twice."""

    channel: str

    def send(self, message: Message, *, now: datetime) -> Receipt:
        """Hand over the message durably, or refuse it with the reason."""
        ...


class Clock(Protocol):
    """Where ``apps`` get the time from; stages get it as an argument."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        ...
