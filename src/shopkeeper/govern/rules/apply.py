"""Apply the catalogue to rows, record every change, and put changes back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.core.columns import Column
from shopkeeper.core.errors import ContractError
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import ARROW_TYPES, CORRECTIONS, TableContract
from shopkeeper.govern.rules.catalogue import RULES, rules_for
from shopkeeper.govern.rules.model import Context, Rule, run_rule, working_type
from shopkeeper.govern.rules.text import KEYS, PLAIN_KEY

MAX_PASSES = 6
"""How often the rules of a column are repeated until nothing changes."""
KEY_SEPARATOR = "|"
"""Between the parts of a row key."""


@dataclass(frozen=True, slots=True)
class _Change:
    """What one rule did to the rows at ``positions`` of one column."""

    column: str
    rule: str
    positions: pa.Array
    before: pa.Array
    after: pa.Array


def clean(
    rows: pa.Table,
    contract: TableContract,
    *,
    settings: Settings,
    today: dt.date,
    load_id: str = "",
) -> tuple[pa.Table, pa.Table]:
    """Apply every rule of the catalogue that covers a column of the table.

    Parameters
    ----------
    rows
        Any of the contract's columns, in any order. Text columns, ``gender``
        and ``birth_date`` may be text as the source wrote them; numbers must
        have the type of the contract for number rules to see them.
    contract
        Table the rows are meant for.
    settings
        Country for phone numbers.
    today
        Day of the run, for the plausibility of dates of birth.
    load_id
        Recorded with each change where the rows carry no ``load_id`` column.

    Returns
    -------
    tuple of pa.Table
        The rows in the same order, ``gender`` as int8 and ``birth_date`` as
        date32; and one row of ``corrections`` for each value and rule that
        changed it. A second application changes nothing. A rule never empties
        a key or required column.

    Examples
    --------
    >>> from shopkeeper.core.tables import CUSTOMERS
    >>> rows = pa.table({"customer_ref": ["crm:1"], "source": ["crm"], "gender": ["女"]})
    >>> day = dt.date(2026, 11, 21)
    >>> cleaned, corrections = clean(rows, CUSTOMERS, settings=Settings(), today=day)
    >>> cleaned["gender"].to_pylist(), corrections["rule"].to_pylist()
    ([2], ['gender_code'])
    """
    context = Context.of(settings, today)
    fixed = {str(x) for x in (*contract.key, *contract.required)}
    changes: list[_Change] = []
    columns: dict[str, pa.Array] = {}
    for column in contract.columns:
        if str(column) not in rows.column_names:
            continue
        values = rows[str(column)].combine_chunks()
        rules = [x for x in rules_for(contract, column) if not x.needs]
        if rules and _in_working_type(values, column):
            values = _apply_to_distinct(
                values.cast(working_type(column)), column, rules, context, changes,
                keep_filled=str(column) in fixed,
            )  # fmt: skip
        columns[str(column)] = values
    for rule, column in _row_rules(contract, columns):
        columns[str(column)] = _apply_to_rows(rule, column, columns, context, changes)
    for name in ("gender", "birth_date"):
        if name in columns:
            columns[name] = columns[name].cast(contract.arrow_schema.field(name).type)
    passing = {x: rows[x] for x in rows.column_names if x not in columns}
    cleaned = pa.table({x: columns.get(x, passing.get(x)) for x in rows.column_names})
    return cleaned, _corrections(cleaned, contract, changes, load_id)


def restore(cleaned: pa.Table, corrections: pa.Table, contract: TableContract) -> pa.Table:
    """Put every corrected value back as it was read.

    Parameters
    ----------
    cleaned
        Rows as :func:`clean` left them, or any part of them.
    corrections
        Rows of the ``corrections`` table; those of other tables, and of rows
        that are not there, are ignored.
    contract
        Table the rows belong to.

    Returns
    -------
    pa.Table
        Corrected columns that rules see as text come back as text, since what
        the source wrote need not have the contract's type.
    """
    mine = corrections.filter(pc.equal(corrections[str(c.TABLE_NAME)], contract.name))
    order = pa.array([x.key for x in RULES])
    keys = row_keys(cleaned, contract)
    restored = cleaned
    for name in pc.unique(mine[str(c.COLUMN_NAME)]).to_pylist():
        part = mine.filter(pc.equal(mine[str(c.COLUMN_NAME)], name))
        # What is not in the catalogue was done while reading, before any rule.
        place = pc.index_in(part[str(c.RULE)], value_set=order).fill_null(-1)
        part = part.append_column("place", place)
        part = part.sort_by([(str(c.ROW_KEY), "ascending"), ("place", "ascending")])
        first = part.take(_first_of_each(part[str(c.ROW_KEY)].combine_chunks()))
        index = pc.index_in(keys, value_set=first[str(c.ROW_KEY)].combine_chunks())
        before = first[str(c.BEFORE)].combine_chunks().take(index)
        column = next(x for x in contract.columns if x == name)
        kind = working_type(column)
        now = restored[name].combine_chunks().cast(kind)
        value = pc.if_else(pc.is_valid(index), before.cast(kind), now)
        restored = restored.set_column(restored.column_names.index(name), name, value)
    return restored


def row_keys(rows: pa.Table, contract: TableContract) -> pa.Array:
    """Key of each row as one text, parts joined by ``|``.

    Raises
    ------
    ContractError
        If a key column is missing.
    """
    missing = [str(x) for x in contract.key if str(x) not in rows.column_names]
    if missing:
        raise ContractError(
            f"rows of table {contract.name} lack the key column {', '.join(missing)}",
            next_step="Map the key before cleaning, so that changes can be recorded",
            table=contract.name,
            columns=missing,
        )
    parts = [rows[str(x)].combine_chunks().cast(pa.string()).fill_null("") for x in contract.key]
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, KEY_SEPARATOR)


def _in_working_type(values: pa.Array, column: Column) -> bool:
    kind = working_type(column)
    if kind == pa.string():
        text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
        return bool(
            text or values.type == ARROW_TYPES[column.kind] or values.null_count == len(values)
        )
    return bool(values.type == kind)


def _differs(before: pa.Array, after: pa.Array) -> pa.Array:
    unequal = pc.fill_null(pc.not_equal(before, after), fill_value=False)
    return pc.or_(unequal, pc.xor(pc.is_null(before), pc.is_null(after)))


def _apply_to_distinct(
    values: pa.Array,
    column: Column,
    rules: Sequence[Rule],
    context: Context,
    changes: list[_Change],
    *,
    keep_filled: bool,
) -> pa.Array:
    encoded = values.dictionary_encode()
    words: pa.Array = encoded.dictionary
    steps: list[tuple[Rule, pa.Array, pa.Array, pa.Array]] = []
    if column in KEYS:
        plain = pc.match_substring_regex(words, PLAIN_KEY)
        if pc.all(plain).as_py():
            return values
    current = words
    for rule in rules:
        after = _guarded(rule, current, context, keep_filled=keep_filled)
        changed = _differs(current, after)
        if pc.any(changed).as_py():
            steps.append((rule, changed, current, after))
        current = after
    if not steps:
        return values
    touched = _differs(words, current)
    settled = _settle(current.filter(touched), rules, context, keep_filled=keep_filled)
    final = pc.replace_with_mask(current, touched, settled)
    codes = encoded.indices
    booked = pc.is_null(words)  # the dictionary holds no null, so nothing is booked yet
    for rule, changed, before, after in reversed(steps):
        # What later passes still change is booked to the last rule that changed the value.
        shown = pc.if_else(booked, after, final)
        booked = pc.or_(booked, changed)
        hit = pc.fill_null(changed.take(codes), fill_value=False)
        positions = pc.indices_nonzero(hit)
        at = codes.take(positions)
        changes.append(_Change(str(column), rule.key, positions, before.take(at), shown.take(at)))
    return final.take(codes)


def _guarded(rule: Rule, values: pa.Array, context: Context, *, keep_filled: bool) -> pa.Array:
    after = run_rule(rule, values, context, {})
    return pc.coalesce(after, values) if keep_filled else after


def _settle(
    values: pa.Array, rules: Sequence[Rule], context: Context, *, keep_filled: bool
) -> pa.Array:
    for _ in range(MAX_PASSES):
        again = values
        for rule in rules:
            again = _guarded(rule, again, context, keep_filled=keep_filled)
        if not pc.any(_differs(values, again)).as_py():
            break
        values = again
    return values


def _row_rules(
    contract: TableContract, columns: dict[str, pa.Array]
) -> Iterator[tuple[Rule, Column]]:
    for rule in RULES:
        if not rule.needs or any(str(x) not in columns for x in rule.needs):
            continue
        for column in rule.columns:
            present = str(column) in columns and rule.covers(contract, column)
            if present and _in_working_type(columns[str(column)], column):
                yield rule, column


def _apply_to_rows(
    rule: Rule,
    column: Column,
    columns: dict[str, pa.Array],
    context: Context,
    changes: list[_Change],
) -> pa.Array:
    before = columns[str(column)].cast(working_type(column))
    others = {str(x): columns[str(x)].cast(working_type(x)) for x in rule.needs}
    after = run_rule(rule, before, context, others)
    positions = pc.indices_nonzero(_differs(before, after))
    if len(positions) == 0:
        return before
    changes.append(
        _Change(str(column), rule.key, positions, before.take(positions), after.take(positions))
    )
    return after


def _corrections(
    cleaned: pa.Table, contract: TableContract, changes: Sequence[_Change], load_id: str
) -> pa.Table:
    changes = [x for x in changes if len(x.positions)]
    if not changes:
        return CORRECTIONS.empty()
    keys = row_keys(cleaned, contract)
    # Of two rows with one key only the first is recorded: the table keeps one of them.
    first = _first_places(keys)
    if str(c.LOAD_ID) in cleaned.column_names:
        loads = cleaned[str(c.LOAD_ID)].combine_chunks().cast(pa.string()).fill_null(load_id)
    else:
        loads = pa.array([load_id]).take(pa.nulls(cleaned.num_rows, pa.int8()).fill_null(0))
    parts = []
    for change in changes:
        keep, before, after = change.positions, change.before, change.after
        if first is not None:
            inside = first.take(keep)
            keep, before, after = (x.filter(inside) for x in (keep, before, after))
        n = len(keep)
        parts.append(
            pa.table(
                {
                    str(c.LOAD_ID): loads.take(keep),
                    str(c.TABLE_NAME): pa.repeat(contract.name, n),
                    str(c.ROW_KEY): keys.take(keep),
                    str(c.COLUMN_NAME): pa.repeat(change.column, n),
                    str(c.RULE): pa.repeat(change.rule, n),
                    str(c.BEFORE): before.cast(pa.string()),
                    str(c.AFTER): after.cast(pa.string()),
                }
            )
        )
    return CORRECTIONS.cast(pa.concat_tables(parts))


def _first_places(keys: pa.Array) -> pa.Array | None:
    """Mask of the first row of each key; None if no key occurs twice."""
    encoded = keys.dictionary_encode()
    if len(encoded.dictionary) == len(keys):
        return None
    places = pa.table({"code": encoded.indices, "place": pa.array(range(len(keys)), pa.int64())})
    firsts = places.group_by("code").aggregate([("place", "min")])["place_min"].combine_chunks()
    return pc.is_in(places["place"].combine_chunks(), value_set=firsts)


def _first_of_each(keys: pa.Array) -> pa.Array:
    """Positions where a sorted column starts a new value."""
    if len(keys) < 2:
        return pa.array(range(len(keys)), pa.int64())
    new = pc.not_equal(keys.slice(1), keys.slice(0, len(keys) - 1))
    return pc.indices_nonzero(pa.concat_arrays([pa.array([True]), new]))
