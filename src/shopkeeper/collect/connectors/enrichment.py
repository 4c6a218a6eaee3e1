"""Attributes from outside: brought to one shape, scored, and refused below their contract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect import dates
from shopkeeper.collect.connectors.kinds import Enrichment
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.text import plain
from shopkeeper.core import columns as c
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import MappingError

SHAPE = ("key_kind", "key", "name", "text", "value", "valid_from", "basis", "cost", "currency")


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the contract that was not met."""

    field: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Score:
    """What an enrichment is worth before anybody uses it.

    Parameters
    ----------
    keys
        Distinct keys it has.
    ours
        Distinct keys we have of that kind.
    matched
        Of ours, those it has a value for.
    coverage
        ``matched / ours``; 0 if we have none.
    age_days
        Age of its newest value; None if it states no time.
    cost_per_key
        Price of the delivery by matched key, in whole currency units; None without match.
    basis
        Legal basis stated.
    faults
        What does not meet the contract; empty means it is admitted.
    examples
        Keys of theirs that are none of ours.
    """

    keys: int
    ours: int
    matched: int
    coverage: float
    age_days: float | None
    cost_per_key: float | None
    basis: str
    faults: tuple[Fault, ...]
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def tall(rows: pa.Table, config: Enrichment, *, now: dt.datetime, currency: str) -> pa.Table:
    """One row for each key and value.

    Parameters
    ----------
    rows
        One row for each key, a column for each value.
    config
        Which column is what.
    now
        Moment from which values hold that state none.
    currency
        Of the cost.

    Returns
    -------
    pa.Table
        Text columns of :data:`SHAPE`; empty values left out.

    Raises
    ------
    MappingError
        If a column that the definition names is not there.
    """
    headers = [str(x) for x in rows.column_names]
    special = [config.key, *([config.valid_from] if config.valid_from else [])]
    values = list(config.values) or [x for x in headers if x not in special]
    absent = sorted({*special, *values} - set(headers))
    if absent or not values:
        raise MappingError(
            f"the delivery has no column {', '.join(absent) or 'with values'}; it has "
            f"{', '.join(headers[:40])}",
            next_step="Correct key, values or valid_from in the definition",
            missing=absent,
        )
    keys = plain(rows.column(config.key))
    since = pa.repeat(pa.scalar(now.isoformat()), rows.num_rows)
    if config.valid_from:
        since = plain(rows.column(config.valid_from))
    parts = []
    for name in values:
        text = plain(rows.column(name))
        number = pc.if_else(pc.match_substring_regex(text, r"^-?\d+(\.\d+)?$"), text, None)
        part = {"key": keys, "text": text, "value": number, "valid_from": since}
        fixed = {
            "key_kind": config.key_kind, "name": name, "basis": config.basis,
            "cost": str(config.cost), "currency": currency,
        }  # fmt: skip
        columns = part | {k: pa.repeat(pa.scalar(v), len(text)) for k, v in fixed.items()}
        parts.append(pa.table({k: columns[k] for k in SHAPE}).filter(pc.is_valid(text)))
    return pa.concat_tables(parts).combine_chunks()


def mapping(source: str, time_zone: str) -> SourceMapping:
    """How rows of :func:`tall` become rows of the table."""
    columns = {x: (x,) for x in SHAPE if x != "cost"}
    return SourceMapping(
        "enrichments", {**columns, str(c.COST_MINOR): ("cost",)}, source=source, time_zone=time_zone
    )


def score(
    rows: pa.Table,
    config: Enrichment,
    ours: pa.Array,
    *,
    now: dt.datetime,
    time_zone: str,
    cost: float,
) -> Score:
    """Hold a delivery against its contract.

    Parameters
    ----------
    rows
        From :func:`tall`.
    config
        With the contract.
    ours
        Our distinct keys of that kind, as text.
    now
        The moment.
    time_zone
        Of times that state none.
    cost
        Price of the delivery in whole currency units.

    Returns
    -------
    Score
    """
    theirs = pc.drop_null(pc.unique(rows.column("key").combine_chunks()))
    known = pc.is_in(theirs, value_set=ours)
    matched = int(pc.sum(known).as_py() or 0)
    newest = pc.max(dates.moments(plain(rows.column("valid_from")), zone_name=time_zone)).as_py()
    age = None
    if newest is not None:
        age = max(0.0, (now - from_us(newest)).total_seconds() / 86400)
    coverage = matched / len(ours) if len(ours) else 0.0
    per_key = cost / matched if matched else None
    strangers = theirs.filter(pc.invert(known)).slice(0, 3).to_pylist()
    faults = _faults(config, coverage, age, per_key, matched, len(ours), strangers)
    return Score(
        len(theirs), len(ours), matched, round(coverage, 4),
        None if age is None else round(age, 2), per_key, config.basis, faults, tuple(strangers),
    )  # fmt: skip


def _faults(
    config: Enrichment, coverage: float, age: float | None, per_key: float | None, matched: int,
    ours: int, strangers: Sequence[str],
) -> tuple[Fault, ...]:  # fmt: skip
    asked = config.contract
    kind = config.key_kind
    found = []
    if coverage < asked.coverage:
        such = f"，例如 {strangers[0]} 不是我们的键" if strangers else ""
        such_en = f"; {strangers[0]!r}, for one, is no key of ours" if strangers else ""
        found.append(Fault(
            "coverage",
            f"覆盖率 {coverage:.1%}（{matched}/{ours} 个 {kind}），约定至少 {asked.coverage:.1%}{such}",
            f"covers {coverage:.1%} ({matched} of {ours} by {kind}), the contract asks "
            f"{asked.coverage:.1%}{such_en}",
        ))  # fmt: skip
    if age is None or age > asked.fresh_days:
        said = "没有可读的时间" if age is None else f"最新一条已有 {age:.1f} 天"
        said_en = (
            "states no readable time" if age is None else f"newest value is {age:.1f} days old"
        )
        found.append(Fault(
            "freshness",
            f"{said}，约定不超过 {asked.fresh_days:g} 天",
            f"{said_en}, the contract allows {asked.fresh_days:g}",
        ))  # fmt: skip
    if per_key is not None and per_key > asked.cost:
        found.append(Fault(
            "cost",
            f"每个匹配键的成本 {per_key:.4f}，约定不超过 {asked.cost:g}",
            f"costs {per_key:.4f} for each matched key, the contract allows {asked.cost:g}",
        ))  # fmt: skip
    if config.basis not in asked.bases:
        stated = config.basis or "未声明"
        found.append(Fault(
            "basis",
            f"合法性基础为 {stated}，约定只允许 {'、'.join(asked.bases)}",
            f"legal basis is {config.basis or 'not stated'}, the contract allows "
            f"{', '.join(asked.bases)}",
        ))  # fmt: skip
    return tuple(found)
