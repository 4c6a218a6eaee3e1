"""After the night: identities and nightly facts go into the profiles, range by range."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import ibis
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.freshness import BASE
from shopkeeper.apps.flows.live_profile import Base
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import columns as c
from shopkeeper.core import tables as t
from shopkeeper.core.clock import to_us
from shopkeeper.core.ports import ProfileStore, ProfileUpdate, TableStore
from shopkeeper.core.tables import TableContract
from shopkeeper.unify import identifiers as ids
from shopkeeper.unify.identify import WITH_REFERENCES
from shopkeeper.unify.live_load import known_identities, known_links

RANGE = 50_000
"""Customers whose facts are in memory at once."""
STORED_AT_ONCE = 2_000
"""Profiles of one transaction: live micro-batches are stored in between."""
NOT_FACTS = frozenset({c.CUSTOMER_ID, c.EVIDENCE, c.ATTRIBUTES, c.UPDATED_AT})
SECOND = 1_000_000
Rows = Mapping[str, list[Any]]


@dataclass(frozen=True, slots=True)
class BaseReport:
    """What a refresh wrote.

    Parameters
    ----------
    customers
        Base sections written.
    removed
        Base sections of customers that are no more.
    identifiers, moved, gone, links
        Identities loaded; those of another customer than before; of nobody now; links.
    seconds
        Time taken, by part.
    """

    customers: int
    removed: int
    identifiers: int
    moved: int
    gone: int
    links: int
    seconds: Mapping[str, float] = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def refresh_profiles(runtime: Runtime, *, as_of: datetime) -> BaseReport:
    """Bring the night's identities and facts into the profiles.

    Parameters
    ----------
    runtime
        The lake is read, the profiles are written.
    as_of
        The moment of the night.

    Returns
    -------
    BaseReport
        Running again on the same lake writes the same sections.
    """
    seconds = {}
    started = time.perf_counter()
    identifiers, moved, gone, links = refresh_identities(runtime)
    seconds["identities"] = round(time.perf_counter() - started, 3)
    started = time.perf_counter()
    customers, removed = refresh_base(runtime, as_of=as_of)
    seconds["base"] = round(time.perf_counter() - started, 3)
    return BaseReport(customers, removed, identifiers, moved, gone, links, seconds)


def refresh_identities(runtime: Runtime) -> tuple[int, int, int, int]:
    """Take over who answers to what, streamed.

    Parameters
    ----------
    runtime
        The lake is read, the profiles are written.

    Returns
    -------
    tuple of int
        Identifiers loaded, moved, gone, and links.
    """
    tables, store = runtime.tables, runtime.profiles
    people = tables.table(t.CUSTOMERS)
    refs = ids.references([tables.table(x) for x in WITH_REFERENCES])
    # Links first: an identity that moves is judged again by them.
    links = store.load_links(_columns(tables, known_links(people, tables.table(t.EVENTS), refs)))
    load = store.load_identities(
        _columns(tables, known_identities(tables.table(t.IDENTITIES), people))
    )
    return load.identifiers, load.moved, load.gone, links


def refresh_base(runtime: Runtime, *, as_of: datetime) -> tuple[int, int]:
    """Write the base section of every customer, and remove those of customers that are no more.

    Parameters
    ----------
    runtime
        The lake is read, the profiles are written.
    as_of
        The moment of the night.

    Returns
    -------
    tuple of int
        Sections written and removed.
    """
    tables, store = runtime.tables, runtime.profiles
    latest = _Latest.of(runtime)
    written = removed = 0
    for low, high in _ranges(tables):
        sections = _sections(tables, latest, low, high, to_us(as_of))
        stored = _stored_between(store, low, high)
        gone = [x for x in stored if x not in sections]
        names = list(sections)
        for start in range(0, len(names), STORED_AT_ONCE):
            part = {x: sections[x] for x in names[start : start + STORED_AT_ONCE]}
            store.apply(ProfileUpdate("base", profiles=part))
        for start in range(0, len(gone), STORED_AT_ONCE):
            store.apply(ProfileUpdate("base", removed=gone[start : start + STORED_AT_ONCE]))
        written, removed = written + len(sections), removed + len(gone)
    store.apply(ProfileUpdate("base", positions={(BASE, 0): to_us(as_of)}))
    return written, removed


@dataclass(frozen=True, slots=True)
class _Latest:
    """Which statements count: by kind of score model, version and moment; moments of others."""

    scores: tuple[tuple[str, str, str, datetime], ...]
    segments: Mapping[str, datetime]
    audiences: Mapping[str, datetime]

    @classmethod
    def of(cls, runtime: Runtime) -> _Latest:
        tables = runtime.tables
        champions = {x.version for x in runtime.models.versions() if "champion" in x.aliases}
        scores = tables.table(t.SCORES)
        rows = tables.run(
            scores.group_by([c.KIND, c.MODEL, c.MODEL_VERSION]).aggregate(
                as_of=scores[c.AS_OF].max()
            )
        ).to_pylist()
        # The champion's statement counts, else the latest, else the first by name.
        rows.sort(
            key=lambda x: (
                x["model_version"] not in champions, -x["as_of"].timestamp(), x["model"],
            )
        )  # fmt: skip
        heads: dict[str, tuple[str, str, str, datetime]] = {}
        for row in rows:
            head = (row["kind"], row["model"], row["model_version"], row["as_of"])
            heads.setdefault(row["kind"], head)
        return cls(
            tuple(heads.values()),
            _newest(tables, t.SEGMENTS, str(c.SCHEME)),
            _newest(tables, t.AUDIENCE_MEMBERS, str(c.AUDIENCE_ID)),
        )


def _newest(tables: TableStore, contract: TableContract, by: str) -> dict[str, datetime]:
    table = tables.table(contract)
    rows = tables.run(table.group_by(by).aggregate(newest=table[c.AS_OF].max()))
    return dict(zip(rows[by].to_pylist(), rows["newest"].to_pylist(), strict=True))


def _columns(tables: TableStore, expr: ibis.Table) -> Iterator[Rows]:
    for batch in tables.stream(expr):
        names = batch.schema.names
        yield {x: batch.column(i).to_pylist() for i, x in enumerate(names)}


def _ranges(tables: TableStore) -> Iterator[tuple[str, str | None]]:
    """Half-open ranges of customer ids that together hold every id there can be."""
    table = tables.table(t.PROFILES)
    found = tables.run(table.select(c.CUSTOMER_ID))[str(c.CUSTOMER_ID)]
    ordered = pc.sort_indices(found)[RANGE::RANGE]
    bounds = ["", *found.take(ordered).to_pylist()]
    yield from zip(bounds, [*bounds[1:], None], strict=True)


def _within(table: ibis.Table, low: str, high: str | None) -> ibis.Table:
    rows = table.filter(table[c.CUSTOMER_ID] >= low)
    return rows if high is None else rows.filter(rows[c.CUSTOMER_ID] < high)


def _stored_between(store: ProfileStore, low: str, high: str | None) -> list[str]:
    found: list[str] = []
    after = low
    while True:
        page = store.ids("base", after=after, limit=10_000)
        inside = [x for x in page if high is None or x < high]
        found += inside
        if len(inside) < 10_000:
            return found
        after = page[-1] + "\x00"


def _sections(
    tables: TableStore, latest: _Latest, low: str, high: str | None, as_of_us: int
) -> dict[str, Base]:
    def rows(expr: ibis.Table) -> pa.Table:
        return tables.run(_within(expr, low, high))

    found: dict[str, Base] = {}
    profiles = rows(tables.table(t.PROFILES))
    for customer, traits in _facts(profiles):
        found[customer] = Base(as_of_us=as_of_us, traits=traits)
    _add_permits(found, rows(tables.table(t.PERMITS)))
    _add_segments(found, rows(_at(tables.table(t.SEGMENTS), str(c.SCHEME), latest.segments)))
    members = _at(tables.table(t.AUDIENCE_MEMBERS), str(c.AUDIENCE_ID), latest.audiences)
    _add_audiences(found, rows(members))
    scores = tables.table(t.SCORES)
    for kind, model, version, moment in latest.scores:
        mine = scores.filter(
            (scores[c.KIND] == kind)
            & (scores[c.MODEL] == model)
            & (scores[c.MODEL_VERSION] == version)
            & (scores[c.AS_OF] == ibis.literal(moment))
        )
        _add_scores(found, rows(mine), kind, to_us(moment))
    return found


def _at(table: ibis.Table, by: str, moments: Mapping[str, datetime]) -> ibis.Table:
    if not moments:
        return table.limit(0)
    wanted = [(table[by] == k) & (table[c.AS_OF] == ibis.literal(v)) for k, v in moments.items()]
    return table.filter(ibis.or_(*wanted))


def _facts(rows: pa.Table) -> Iterator[tuple[str, dict[str, list[Any]]]]:
    names = [str(x) for x in t.PROFILES.columns if x not in NOT_FACTS]
    columns = [rows[x].to_pylist() for x in names]
    customers, evidence = rows[str(c.CUSTOMER_ID)].to_pylist(), rows[str(c.EVIDENCE)].to_pylist()
    further = rows[str(c.ATTRIBUTES)].to_pylist()
    for customer, why, more, *values in zip(customers, evidence, further, *columns, strict=True):
        origins = msgspec.json.decode(why) if why else {}
        traits = {
            name: _fact(value, origins.get(name))
            for name, value in zip(names, values, strict=True)
            if value is not None
        }
        for name, value in _attributes(more).items():
            traits.setdefault(name, _fact(value, origins.get(str(c.ATTRIBUTES))))
        yield customer, traits


def _fact(value: Any, origin: Mapping[str, Any] | None) -> list[Any]:
    if isinstance(value, date):  # a datetime is one too
        value = value.isoformat()
    if origin is None:
        return [value, None, None]
    seconds = origin.get("at")
    return [value, None if seconds is None else seconds * SECOND, origin.get("source")]


def _attributes(text: str | None) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text) if text else {}
    except msgspec.DecodeError:
        return {}  # a source's free field; it stays in the lake as it came
    return found if isinstance(found, dict) else {}


def _add_permits(found: Mapping[str, Base], rows: pa.Table) -> None:
    for row in rows.select(
        ["customer_id", "purpose", "channel", "status", "status_at"]
    ).to_pylist():
        base = found.get(row["customer_id"])
        if base is not None:
            at = row["status_at"]
            key = f"{row['purpose']}/{row['channel']}"
            base.permits[key] = [row["status"], None if at is None else to_us(at)]


def _add_segments(found: Mapping[str, Base], rows: pa.Table) -> None:
    for row in rows.select(["customer_id", "scheme", "label", "version"]).to_pylist():
        base = found.get(row["customer_id"])
        if base is not None:
            base.segments[row["scheme"]] = [row["label"], row["version"]]


def _add_audiences(found: Mapping[str, Base], rows: pa.Table) -> None:
    for row in rows.select(["customer_id", "audience_id", "version", "as_of"]).to_pylist():
        base = found.get(row["customer_id"])
        if base is not None:
            base.audiences[row["audience_id"]] = [to_us(row["as_of"]), row["version"]]


def _add_scores(found: Mapping[str, Base], rows: pa.Table, kind: str, as_of_us: int) -> None:
    names = ("value", "unit", "horizon_days", "low", "high", "band", "risk", "model",
             "model_version")  # fmt: skip
    for row in rows.to_pylist():
        base = found.get(row["customer_id"])
        if base is None:
            continue
        score = {x: row[x] for x in names if row[x] is not None}
        score["as_of_us"] = as_of_us
        if row["reasons"]:
            score["reasons"] = msgspec.Raw(row["reasons"].encode())
        base.scores[kind] = score
