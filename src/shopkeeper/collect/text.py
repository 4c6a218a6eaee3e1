"""Text as it comes: width, blanks, words for "nothing", JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

NOTHING = ("", "NULL", "null", "Null", "NaN", "nan", "N/A", "n/a", "#N/A", "\\N", "None", "none",
           "NaT", "<NA>", "-", "--", "无", "空")  # fmt: skip
"""What sources write for an empty value."""
_NOTHING = pa.array(NOTHING, pa.string())
_FULL = str.maketrans(
    {chr(0xFEE0 + x): chr(x) for x in range(0x21, 0x7F)} | {"\u3000": " ", "\u00a0": " ", "−": "-"}
)
_NARROW = r"[！-～\x{3000}\x{00a0}−]"


def plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as trimmed text, null where nothing is said.

    Whole floats lose their ``.0`` (identifiers often arrive as floats).

    Parameters
    ----------
    column
        Any flat type.

    Returns
    -------
    pa.Array
        Strings of equal length.

    Examples
    --------
    >>> plain(pa.array([" a ", "NULL", ""])).to_pylist()
    ['a', None, None]
    >>> plain(pa.array([1001.0, None])).to_pylist()
    ['1001', None]
    """
    flat = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(flat, pa.ChunkedArray):
        flat = pa.concat_arrays(flat.chunks) if flat.num_chunks else pa.array([], flat.type)
    if pa.types.is_floating(flat.type):
        text = flat.cast(pa.float64()).cast(pa.string())
        flat = pc.replace_substring_regex(text, r"\.0+$", "")
    elif not pa.types.is_string(flat.type):
        flat = flat.cast(pa.string())
    text = pc.utf8_trim_whitespace(flat)
    return pc.if_else(pc.is_in(text, value_set=_NOTHING), pa.scalar(None, pa.string()), text)


def narrow(values: pa.Array) -> pa.Array:
    """Full-width forms of ASCII as ASCII.

    Examples
    --------
    >>> narrow(pa.array(["１２３．５", "12"])).to_pylist()
    ['123.5', '12']
    """
    wide = pc.fill_null(pc.match_substring_regex(values, _NARROW), fill_value=False)
    if not pc.any(wide).as_py():
        return values
    # One translation of one long text instead of one call for each value.
    joined = "\x1e".join(values.filter(wide).to_pylist())
    return pc.replace_with_mask(
        values, wide, pa.array(joined.translate(_FULL).split("\x1e"), pa.string())
    )


def by_distinct(values: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Apply a function of values to the distinct ones and spread the result."""
    encoded = values.dictionary_encode()
    return function(encoded.dictionary).take(encoded.indices)


def words(values: pa.Array, meanings: Mapping[str, str]) -> pa.Array:
    """Meaning of each word, case and width aside; null where it has none.

    Examples
    --------
    >>> words(pa.array(["退货", "SALE", "?"]), {"退货": "return", "sale": "sale"}).to_pylist()
    ['return', 'sale', None]
    """
    keys = pc.utf8_lower(narrow(values))
    at = pc.index_in(keys, value_set=pa.array(list(meanings), pa.string()))
    return pa.array(list(meanings.values()), pa.string()).take(at)


def json_objects(rows: pa.Table) -> pa.Array:
    r"""Each row as a JSON object of text, empty fields left out; null for an empty object.

    Parameters
    ----------
    rows
        Any flat columns.

    Returns
    -------
    pa.Array
        Strings, one per row.

    Examples
    --------
    >>> json_objects(pa.table({"a": ['x"y', None], "b": ["1", None]})).to_pylist()
    ['{"a":"x\\"y","b":"1"}', None]
    """
    if not rows.num_columns or not rows.num_rows:
        return pa.nulls(rows.num_rows, pa.string())
    parts = []
    for name in rows.column_names:
        key = _escaped(pa.array([name]))[0].as_py()
        value = _escaped(plain(rows.column(name)))
        parts.append(pc.binary_join_element_wise(f'"{key}":"', value, '"', ""))
    return pc.binary_join_element_wise("{", joined(parts, ","), "}", "")


def joined(parts: Sequence[pa.Array], separator: str) -> pa.Array:
    """The values of each row that are there, joined; null where none is.

    Examples
    --------
    >>> joined([pa.array(["a", None, "b"]), pa.array(["1", None, None])], "-").to_pylist()
    ['a-1', None, 'b']
    """
    # Arrow drops a row whose values are all null when it skips nulls; an empty first value keeps it.
    kept = pa.repeat(pa.scalar(""), len(parts[0]))
    text = pc.binary_join_element_wise(kept, *parts, separator, null_handling="skip")
    empty = pc.equal(text, "")
    return pc.if_else(
        empty, pa.scalar(None, pa.string()), pc.utf8_slice_codeunits(text, len(separator))
    )


def _escaped(values: pa.Array) -> pa.Array:
    text = pc.replace_substring(values, "\\", "\\\\")
    text = pc.replace_substring(text, '"', '\\"')
    control = pc.fill_null(pc.match_substring_regex(text, r"[\x00-\x1f]"), fill_value=False)
    if not pc.any(control).as_py():
        return text
    for letter, written in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = pc.replace_substring(text, letter, written)
    return pc.replace_substring_regex(text, r"[\x00-\x1f]", " ")
