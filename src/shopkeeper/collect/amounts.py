"""Amounts and quantities as people and systems write them, read a column at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.text import by_distinct, narrow, plain
from shopkeeper.core.money import EXPONENTS, SYMBOLS

Unit = Literal["major", "minor"]
Mark = Literal[".", ","]

DIGITS = 10
"""Decimal places kept while reading; far below any minor unit."""
_WIDE = pa.decimal128(38, DIGITS)
_PLAIN = r"^[+-]?(\d{1,24}(\.\d*)?|\.\d+)$"
_COMMON = r"^[+-]?[¥￥$€£]?(\d{1,3}(,\d{3})+|\d{1,15})(\.\d{1,10})?$"
_SCIENTIFIC = r"^[+-]?(\d+(\.\d*)?|\.\d+)[eE][+-]?\d{1,2}$"
_SIGNS = "|".join(
    sorted((s.replace("$", r"\$") for s in (*SYMBOLS, *EXPONENTS)), key=len, reverse=True)
)
_OUTER = rf"(?i)^([+-]?)\s*(?:{_SIGNS})\s*"
MAX_MINOR = 10**17


def decimals(column: pa.Array | pa.ChunkedArray, *, mark: Mark = ".") -> pa.Array:
    """Numbers of a column as decimals.

    Reads thousands separators, currency signs before or behind, full-width
    digits, brackets or a trailing minus for negatives, and scientific notation.

    Parameters
    ----------
    column
        Text or numbers.
    mark
        The decimal mark; the other one may separate thousands.

    Returns
    -------
    pa.Array
        decimal128 with 10 places (half a unit of the last place rounds to even);
        null where there is no number.

    Examples
    --------
    >>> [
    ...     str(x) if x is not None else None
    ...     for x in decimals(pa.array(["¥1,234.50", "(99)", "１２．５元", "a"])).to_pylist()
    ... ]
    ['1234.5000000000', '-99.0000000000', '12.5000000000', None]
    """
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        try:
            return flat.cast(_WIDE)
        except pa.ArrowInvalid:
            pass
    text = plain(column)
    try:
        return text.cast(_WIDE)
    except pa.ArrowInvalid:
        pass
    if mark == ",":
        return by_distinct(text, lambda x: _read(x, mark))
    common = pc.match_substring_regex(text, _COMMON)
    bare = pc.replace_substring_regex(text, r"[¥￥$€£,]", "")
    done = pc.if_else(common, bare, pa.scalar(None, pa.string())).cast(_WIDE)
    left = pc.fill_null(pc.invert(common), fill_value=False)
    if not pc.any(left).as_py():
        return done
    return pc.replace_with_mask(
        done, left, by_distinct(text.filter(left), lambda x: _read(x, mark))
    )


def minor_units(
    column: pa.Array | pa.ChunkedArray,
    currency: pa.Array,
    *,
    unit: Unit = "major",
    mark: Mark = ".",
) -> pa.Array:
    """Amounts of a column in minor units of each row's currency.

    Parameters
    ----------
    column
        Text or numbers.
    currency
        ISO 4217 code of each row; null counts as two decimal places.
    unit
        Whether the source writes whole units (yuan) or minor ones (fen).
    mark
        The decimal mark.

    Returns
    -------
    pa.Array
        int64; half a minor unit rounds to even; null where there is no amount or
        it exceeds 10^17.

    Examples
    --------
    >>> minor_units(pa.array(["12.345", "500"]), pa.array(["CNY", "JPY"])).to_pylist()
    [1234, 500]
    """
    values = decimals(column, mark=mark)
    if unit == "minor":
        return _as_minor(values, 0)
    kinds: list[str | None] = pc.unique(currency).to_pylist()
    places = {EXPONENTS.get(x or "", 2) for x in kinds}
    if len(places) == 1:
        return _as_minor(values, places.pop())
    result = pa.nulls(len(values), pa.int64())
    for place in sorted(places):
        codes = pa.array([x for x in kinds if EXPONENTS.get(x or "", 2) == place], pa.string())
        mine = pc.is_in(currency, value_set=codes)
        result = pc.if_else(mine, _as_minor(values, place), result)
    return result


def numbers(column: pa.Array | pa.ChunkedArray, *, mark: Mark = ".") -> pa.Array:
    """Quantities of a column as float64; null where there is no finite number.

    Examples
    --------
    >>> numbers(pa.array(["1,5", "2"]), mark=",").to_pylist()
    [1.5, 2.0]
    """
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        values = flat.cast(pa.float64(), safe=False)
    else:
        text = plain(column)
        try:
            values = text.cast(pa.float64())
        except pa.ArrowInvalid:
            values = decimals(text, mark=mark).cast(pa.float64(), safe=False)
    finite = pc.fill_null(pc.is_finite(values), fill_value=False)
    return pc.if_else(finite, values, pa.scalar(None, pa.float64()))


def decimal_mark(values: pa.Array) -> Mark:
    """Decimal mark a column uses: a comma only where values show it.

    Examples
    --------
    >>> decimal_mark(pa.array(["1.234,50", "7,5"])), decimal_mark(pa.array(["1,234", "2,500.10"]))
    (',', '.')
    """
    text = pc.drop_null(narrow(values))
    comma = pc.sum(pc.match_substring_regex(text, r"\d,\d{1,2}\D*$|\.\d{3},\d")).as_py() or 0
    point = pc.sum(pc.match_substring_regex(text, r"\d\.\d{1,2}\D*$|,\d{3}\.\d")).as_py() or 0
    return "," if comma > point else "."


def written_currency(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Currency that each amount carries itself (``US$12``, ``12 EUR``); null where none.

    The signs ¥ and $ are those of several currencies and are not taken for any.
    """
    if not pa.types.is_string(column.type):
        return pa.nulls(len(column), pa.string())
    text = narrow(plain(column))
    if not pc.any(pc.match_substring_regex(text, r"[^\d.,+\-()\s]")).as_py():
        return pa.nulls(len(text), pa.string())
    return by_distinct(text, _carried)


def _carried(text: pa.Array) -> pa.Array:
    names = {k.upper(): v for k, v in SYMBOLS.items() if k not in {"¥", "￥", "$", "円"}}
    names |= {k: k for k in EXPONENTS}
    rest = pc.utf8_upper(pc.replace_substring_regex(text, r"[\d.,+\-()\s]+", ""))
    at = pc.index_in(rest, value_set=pa.array(list(names), pa.string()))
    return pa.array(list(names.values()), pa.string()).take(at)


def _read(text: pa.Array, mark: Mark) -> pa.Array:
    text = pc.utf8_trim_whitespace(narrow(text))
    bracketed = r"^\((.*)\)$"
    text = pc.replace_substring_regex(text, bracketed, r"-\1")
    text = pc.replace_substring_regex(text, r"^([^-].*)-$", r"-\1")
    text = pc.replace_substring_regex(text, _OUTER, r"\1")
    text = pc.replace_substring_regex(text, rf"(?i)\s*({_SIGNS}|块|塊)$", "")
    text = pc.replace_substring_regex(text, r"^\((.*)\)$", r"-\1")
    text = pc.replace_substring_regex(text, r"^--", "-")
    if mark == ",":
        grouped = r"^[+-]?\d{1,3}([. ']\d{3})+(,\d*)?$"
        text = _without(text, grouped, r"[. ']")
        text = pc.replace_substring_regex(text, r"^([^.,]*),([^.,]*)$", r"\1.\2")
    else:
        text = _without(text, r"^[+-]?\d{1,3}([, ']\d{3,4})+(\.\d*)?$", r"[, ']")
    text = _written_out(text)
    text = pc.replace_substring_regex(text, rf"(\.\d{{{DIGITS}}})\d+$", r"\1")
    valid = pc.match_substring_regex(text, _PLAIN)
    return pc.if_else(valid, text, pa.scalar(None, pa.string())).cast(_WIDE)


def _written_out(text: pa.Array) -> pa.Array:
    """Scientific notation as digits, value by value (there are few)."""
    mine = pc.fill_null(pc.match_substring_regex(text, _SCIENTIFIC), fill_value=False)
    if not pc.any(mine).as_py():
        return text
    digits = [format(Decimal(x), "f") for x in text.filter(mine).to_pylist()]
    return pc.replace_with_mask(text, mine, pa.array(digits, pa.string()))


def _without(text: pa.Array, pattern: str, letters: str) -> pa.Array:
    mine = pc.match_substring_regex(text, pattern)
    return pc.if_else(mine, pc.replace_substring_regex(text, letters, ""), text)


def _as_minor(values: pa.Array, places: int) -> pa.Array:
    rounded = pc.round(values, ndigits=places, round_mode="half_to_even")
    inside = pc.less(pc.abs(rounded), pa.scalar(MAX_MINOR // 10**places, pa.int64()))
    kept = pc.if_else(inside, rounded, pa.scalar(None, rounded.type))
    scale = pa.scalar(Decimal(10**places), pa.decimal128(4, 0))
    return pc.multiply(kept.cast(pa.decimal128(20, places)), scale).cast(pa.int64())
