"""Guess which table a source is and which column is which, from headers and values."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect import amounts, dates
from shopkeeper.collect.lexicon import (
    SIGNATURES,
    customer_kinds,
    headers_of,
    normal,
)
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.sources.base import Reading, ReadOptions, Source
from shopkeeper.collect.text import plain, words
from shopkeeper.collect.vocabulary import KINDS
from shopkeeper.core import columns as c
from shopkeeper.core.columns import Column
from shopkeeper.core.errors import MappingError
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import contract as contract_of

SURE = 0.7
"""From this confidence on a guess is used without asking."""
KEEP = 0.45
SAMPLE_ROWS = 5_000
OPEN_ORDER = (
    "日期中日与月的先后无法判断，按“日/月/年”读取；如有误，在映射中写 dates: mdy",
    "day or month first is nowhere shown; read as day/month/year; else map with dates: mdy",
)
"""Said when no value of a column decides."""
_PHONE = r"^(\+?\d{1,3}[- ]?)?1[3-9]\d{9}$|^\+\d[\d \-]{7,16}$"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"


@dataclass(frozen=True, slots=True)
class Match:
    """One column of the contract and the header believed to hold it.

    Parameters
    ----------
    column
        Of the contract.
    header
        Of the source.
    confidence
        Between 0 and 1.
    why
        What spoke for it, as (Chinese, English).
    example
        A value.
    """

    column: Column
    header: str
    confidence: float
    why: tuple[str, str]
    example: str


@dataclass(frozen=True, slots=True)
class Guess:
    """A mapping nobody has confirmed yet.

    Parameters
    ----------
    mapping
        Usable if :meth:`~shopkeeper.collect.mapping.SourceMapping.check` accepts it.
    matches
        One per mapped column, in the contract's order.
    confidence
        Of the whole: that of the least sure required column, lowered when another
        table fits nearly as well.
    unused
        Headers that no column takes.
    notes
        Assumptions made, as (Chinese, English).
    """

    mapping: SourceMapping
    matches: tuple[Match, ...]
    confidence: float
    unused: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]


def guess_mapping(
    sample: pa.Table,
    *,
    settings: Settings,
    table: str | None = None,
    options: ReadOptions | None = None,
) -> Guess:
    """Guess a mapping from the first rows of a source.

    Parameters
    ----------
    sample
        Some rows as read.
    settings
        Gives zone and currency where the source states none.
    table
        Name of the table if it is known.
    options
        How the source was read; kept in the mapping.

    Returns
    -------
    Guess

    Raises
    ------
    MappingError
        If no table fits.
    """
    evidence = {name: _Evidence.of(sample.column(name)) for name in sample.column_names}
    tables = [table] if table else list(SIGNATURES)
    if table and table not in SIGNATURES:
        SourceMapping(table, {}).contract  # noqa: B018  raises with the list of tables
    scored = sorted(
        (
            (_score(name, found), name, found)
            for name in tables
            for found in [_assign(name, evidence)]
        ),
        key=lambda x: -x[0],
    )
    best, name, found = scored[0]
    if best <= 0 and table is None:
        raise MappingError(
            "cannot tell what this source is. Headers seen: " + ", ".join(sample.column_names),
            next_step="Name the table by --table (orders, order_lines, products, customers, events "
            "…) or give a mapping by --mapping FILE",
            headers=sample.column_names,
        )
    gap = best - scored[1][0] if len(scored) > 1 else 1.0
    return _finish(name, found, evidence, gap, settings, options or ReadOptions())


@dataclass(frozen=True, slots=True)
class _Evidence:
    """Shares of the values of a column that look like something."""

    date: float
    number: float
    phone: float
    email: float
    sale: float
    filled: float
    example: str
    values: pa.Array

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> _Evidence:
        """Look at a column."""
        values = plain(column)
        known = pc.drop_null(values)
        n = max(len(known), 1)

        def share(found: pa.Array) -> float:
            return (pc.sum(pc.fill_null(found, fill_value=False)).as_py() or 0) / n

        order = dates.day_month_order(known) or "dmy"
        bare = pc.replace_substring_regex(known, r"[\s\-()]+", "")
        typed = pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)
        return cls(
            1.0
            if typed
            else share(pc.is_valid(dates.moments(known, zone_name="UTC", order=order))),
            share(pc.is_valid(amounts.decimals(known, mark=amounts.decimal_mark(known)))),
            share(pc.match_substring_regex(bare, _PHONE)),
            share(pc.match_substring_regex(known, _EMAIL)),
            share(pc.is_valid(words(known, KINDS))),
            len(known) / max(len(values), 1),
            known[0].as_py() if len(known) else "",
            known,
        )


def _assign(table: str, evidence: Mapping[str, _Evidence]) -> dict[str, tuple[str, float, str]]:
    """Best header for each column, each header used once: column → (header, score, how)."""
    wanted = headers_of(table)
    schema = contract_of(table).arrow_schema
    options = []
    for column, names in wanted.items():
        kind = schema.field(column).type if column in schema.names else pa.string()
        for header, seen in evidence.items():
            score, how = _header_score(normal(header), names)
            score = _weighed(score, table, column, kind, seen)
            if score >= KEEP:
                options.append((score, column, header, how))
    found: dict[str, tuple[str, float, str]] = {}
    for score, column, header, how in sorted(options, key=lambda x: -x[0]):
        if column not in found and all(header != h for h, _, _ in found.values()):
            found[column] = (header, min(score, 1.0), how)
    return found


def _header_score(header: str, names: Sequence[str]) -> tuple[float, str]:
    """How well a header fits, and how: exact (best names first), contained, similar."""
    if header in names:
        return 1.0 - 0.15 * names.index(header) / len(names), "exact"
    inside = [x for x in names if len(x) >= 2 and x in header and (len(x) >= 4 or not x.isascii())]
    if inside:
        return 0.55 + 0.25 * max(len(x) for x in inside) / len(header), "contains"
    near = difflib.get_close_matches(header, names, n=1, cutoff=0.85)
    return (0.6, "similar") if near else (0.0, "")


def _weighed(score: float, table: str, column: str, kind: pa.DataType, seen: _Evidence) -> float:
    """Header score corrected by what the values look like."""
    if score == 0.0 or not seen.filled or column in {c.GENDER, c.HOUSEHOLD_SIZE}:
        return score
    if column == c.KIND and table in {"orders", "order_lines"}:
        return score if seen.sale > 0.9 else 0.0
    if column == c.CURRENCY:
        return score * (0.3 if seen.number > 0.5 else 1.0)
    if pa.types.is_temporal(kind):
        share, gain, least = seen.date, 0.05, 0.3
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind):
        share, gain, least = seen.number, 0.02, 0.3
    elif column == c.PHONE:
        share, gain, least = seen.phone, 0.05, 0.4
    elif column == c.EMAIL:
        share, gain, least = seen.email, 0.05, 0.6
    else:
        return score
    return score + gain if share > 0.6 else score * (least + 0.6 * share)


def _score(table: str, found: Mapping[str, tuple[str, float, str]]) -> float:
    must, may = SIGNATURES[table]
    here = [found[x][1] for x in must if x in found]
    extra = sum(found[x][1] for x in may if x in found)
    if len(here) < len(must):
        missing = len(must) - len(here)
        return (sum(here) + 0.2 * extra) / len(must) - 0.5 * missing if here else -9.0
    if len(must) == 1 and not extra:
        return here[0] - 0.8
    # A table is told by how many of its own words are met, not by key columns many tables share.
    return sum(here) / len(must) + 0.35 * min(extra, 3.0) + 0.1 * len(must)


def _finish(
    table: str,
    found: Mapping[str, tuple[str, float, str]],
    evidence: Mapping[str, _Evidence],
    gap: float,
    settings: Settings,
    options: ReadOptions,
) -> Guess:
    contract = contract_of(table)
    notes: list[tuple[str, str]] = []
    shown = [x for x in (*contract.columns, c.STATUS) if x in found]
    shown = list(dict.fromkeys(shown))
    matches = tuple(
        Match(
            x, found[x][0], round(found[x][1], 2), _WHY[found[x][2]], evidence[found[x][0]].example
        )
        for x in shown
    )
    money = [x.header for x in matches if x.column.endswith("_minor")]
    mark = next((m for h in money if (m := amounts.decimal_mark(evidence[h].values)) == ","), ".")
    if mark == ",":
        notes.append(("金额用逗号作小数点", "amounts use a comma as decimal mark"))
    kind = _customer_kind(found, evidence)
    mapping = SourceMapping(
        table=table,
        columns={str(x): (found[x][0],) for x in shown},
        customer_kind=kind,
        dates=_dates(matches, evidence, notes),
        decimal=mark,  # type: ignore[arg-type]
        file=options,
    ).resolved(settings)
    required = {*contract.key, *contract.required}
    sure = [x.confidence for x in matches if x.column in required]
    confidence = min(sure, default=0.0)
    if gap < 0.1:
        confidence *= 0.8
        notes.append(
            (
                "另一张表也差不多合适；可用 --table 指定",
                "another table fits nearly as well; --table decides",
            )
        )
    used = {x.header for x in matches}
    return Guess(
        mapping,
        matches,
        round(confidence, 2),
        tuple(x for x in evidence if x not in used),
        tuple(notes),
    )


_WHY: Mapping[str, tuple[str, str]] = {
    "exact": ("表头相符", "the header says so"),
    "contains": ("表头包含该词", "the header contains the word"),
    "similar": ("表头相近", "the header is similar"),
}


def _customer_kind(
    found: Mapping[str, tuple[str, float, str]], evidence: Mapping[str, _Evidence]
) -> str:
    if c.CUSTOMER_REF not in found:
        return "crm"
    header = found[c.CUSTOMER_REF][0]
    seen = evidence[header]
    if seen.email > 0.8:
        return "email"
    named = customer_kinds().get(normal(header), "crm")
    return "phone" if named == "phone" or seen.phone > 0.95 else named


def _dates(
    matches: Sequence[Match], evidence: Mapping[str, _Evidence], notes: list[tuple[str, str]]
) -> str:
    orders = set()
    open_ = False
    for match in matches:
        if match.column.kind in {"date", "timestamp"}:
            values = evidence[match.header].values
            if dates.has_open_order(values):
                open_ = True
                orders.add(dates.day_month_order(values))
    orders.discard(None)
    if len(orders) == 1:
        return str(orders.pop())
    if open_:
        notes.append(OPEN_ORDER)
    return "auto"


def settled(source: Source, guess: Guess) -> Guess:
    """Read on until a value shows whether day or month comes first, if that is open.

    Parameters
    ----------
    source
        What the guess is about.
    guess
        Returned as it is when the sample already decided.

    Returns
    -------
    Guess
    """
    if not any(note == OPEN_ORDER for note in guess.notes):
        return guess
    headers = [x.header for x in guess.matches if x.column.kind in {"date", "timestamp"}]
    for batch in source.batches(Reading()):
        for header in headers:
            if header not in batch.rows.column_names:
                continue
            order = dates.day_month_order(plain(batch.rows.column(header)))
            if order is not None:
                return replace(
                    guess,
                    mapping=replace(guess.mapping, dates=order),
                    notes=tuple(x for x in guess.notes if x != OPEN_ORDER),
                )
    return guess


def first_rows(source: Source, rows: int = SAMPLE_ROWS) -> pa.Table:
    """The first rows of a source; none, with its headers, if it has no row."""
    parts: list[pa.Table] = []
    count = 0
    for batch in source.batches(Reading()):
        if batch.rows.num_rows:
            parts.append(batch.rows.slice(0, rows - count))
            count += parts[-1].num_rows
        if count >= rows:
            break
    if not parts:
        return pa.table({x: pa.array([], pa.string()) for x in source.columns})
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks()
