"""One written form for phones, addresses, codes, names and dates.

Every function takes an Arrow string array and returns one of equal length in the
standard form; null where the input is null or cannot be brought to the standard.
They are meant for *distinct* values: :func:`on_unique` applies one to a long column.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Mapping
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.money import EXPONENTS, SYMBOLS
from shopkeeper.govern import vocabulary as v

PHONE_PATTERN = r"^\+[1-9][0-9]{6,14}$"
"""What a standard phone number looks like (E.164)."""
EMAIL_PATTERN = r"^[a-z0-9_%+'-]+(\.[a-z0-9_%+'-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"
"""What a standard e-mail address looks like."""
OLDEST_BIRTH = dt.date(1905, 1, 1)
"""Nobody in a customer list was born earlier."""

_FULL_WIDTH = str.maketrans(
    {chr(0xFEE0 + ord(x)): x for x in map(chr, range(0x30, 0x3A))}
    | {chr(0xFEE0 + ord(x)): x for x in map(chr, range(0x41, 0x5B))}
    | {chr(0xFEE0 + ord(x)): x for x in map(chr, range(0x61, 0x7B))}
    | {"\u3000": " ", "\u00a0": " "}
)


def on_unique(
    values: pa.ChunkedArray | pa.Array, function: Callable[[pa.Array], pa.Array]
) -> pa.ChunkedArray:
    """Apply a function to the distinct values of a column and spread the result.

    Parameters
    ----------
    values
        Any column; nulls stay null.
    function
        Array to array of equal length, one value at a time.

    Returns
    -------
    pa.ChunkedArray
        In the order of ``values``.

    Examples
    --------
    >>> on_unique(pa.chunked_array([["男", "F", "男", None]]), gender).to_pylist()
    ['1', '2', '1', None]
    """
    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])
    encoded = column.combine_chunks().dictionary_encode()
    result = function(encoded.dictionary)
    return pa.chunked_array([result.take(encoded.indices)])


def lookup(values: pa.Array, words: Mapping[str, str]) -> pa.Array:
    """The standard of each word; null for words that are not listed.

    Case, surrounding space and width do not matter.
    """
    keys = pc.utf8_lower(pc.utf8_trim_whitespace(half_width(values)))
    index = pc.index_in(keys, value_set=pa.array(list(words), pa.string()))
    return pa.array(list(words.values()), pa.string()).take(index)


def half_width(values: pa.Array) -> pa.Array:
    """Full-width letters, digits and spaces as half-width; Chinese punctuation stays.

    Examples
    --------
    >>> half_width(pa.array(["ＡＢＣ１２３", "牛奶（盒）"])).to_pylist()
    ['ABC123', '牛奶（盒）']
    """
    wide = pc.match_substring_regex(values, "[０-９Ａ-Ｚａ-ｚ\u3000\u00a0]")
    wide = pc.fill_null(wide, fill_value=False)
    if not pc.any(wide).as_py():
        return values
    # One translation of one long text instead of one call for each value.
    found = pc.replace_substring(values.filter(wide), "\x1e", " ")
    joined = "\x1e".join(found.to_pylist())
    narrow = pa.array(joined.translate(_FULL_WIDTH).split("\x1e"), pa.string())
    return pc.replace_with_mask(values, wide, narrow)


def name(values: pa.Array) -> pa.Array:
    """Names without control characters, doubled or surrounding spaces, in half width.

    Examples
    --------
    >>> name(pa.array(["  Ｔea　 House ", " "])).to_pylist()
    ['Tea House', None]
    """
    clean = pc.replace_substring_regex(half_width(values), r"[\x00-\x1f\x7f]+", " ")
    clean = pc.replace_substring_regex(clean, "[\u200b-\u200f\u2060\ufeff\u00ad\ufffd]", "")
    clean = pc.utf8_trim_whitespace(pc.replace_substring_regex(clean, r"\s+", " "))
    return _null_if(clean, pc.equal(clean, ""))


def gender(values: pa.Array) -> pa.Array:
    """Code 1 (male), 2 (female) or 9 (not stated) of what was written.

    Examples
    --------
    >>> gender(pa.array(["先生", "Female", "保密", "?!"])).to_pylist()
    ['1', '2', '9', None]
    """
    return lookup(values, v.GENDERS)


def channel(values: pa.Array) -> pa.Array:
    """Channel in the shop's vocabulary.

    Examples
    --------
    >>> channel(pa.array(["门店", "小程序", "企微", "公众号"])).to_pylist()
    ['store', 'miniapp', 'wecom', 'official']
    """
    return lookup(values, v.CHANNELS)


def phone(values: pa.Array, country: str) -> pa.Array:
    """Phone numbers in E.164.

    Parameters
    ----------
    values
        Written with any spaces, dashes, brackets, width, extension or prefix.
    country
        ISO 3166 code assumed where no international prefix is written.

    Returns
    -------
    pa.Array
        Null where no number of the country's plan is recognised. China's plan
        (mobile, land line with area code, 400/800) and North America's are
        checked digit by digit; elsewhere the length.

    Examples
    --------
    >>> phone(pa.array(["１３９ 1234 5678", "010-6552 9988", "12"]), "CN").to_pylist()
    ['+8613912345678', '+861065529988', None]
    """
    text = phone_digits(values)
    code = v.CALLING_CODES.get(country.upper(), "")
    if code:
        bare = pc.replace_substring_regex(text, r"^0*", "") if code != "39" else text
        local = pc.binary_join_element_wise(f"+{code}", bare, "")
        if code == "86":
            prefixed = pc.match_substring_regex(text, r"^86(1[3-9]\d{9}|0\d{9,11})$")
            local = pc.if_else(prefixed, pc.binary_join_element_wise("+", text, ""), local)
        if code == "1":
            local = pc.replace_substring_regex(local, r"^\+11(\d{10})$", r"+1\1")
        text = pc.if_else(pc.starts_with(text, "+"), text, local)
    text = pc.replace_substring_regex(text, r"^\+860+", "+86")
    return _null_if(text, pc.invert(_phone_plan(text)))


def phone_digits(values: pa.Array) -> pa.Array:
    """Phone numbers without decoration: digits with an optional leading plus.

    Examples
    --------
    >>> phone_digits(pa.array(["0086 (139) 1234-5678 转 12", "13912345678.0"])).to_pylist()
    ['+8613912345678', '13912345678']
    """
    text = pc.utf8_normalize(values, form="NFKC")
    text = pc.replace_substring_regex(text, r"(?i)\s*(转|分机|ext\.?|x)\s*\d+\s*$", "")
    text = pc.replace_substring_regex(text, r"^(\d{7,15})\.0+$", r"\1")
    text = pc.replace_substring_regex(text, r"(?i)^(tel|phone|mobile|手机|电话)[:：]?", "")
    text = pc.replace_substring_regex(text, r"[\s\-‐-―()\[\]·.•_/]+", "")
    return pc.replace_substring_regex(text, r"^00([1-9])", r"+\1")


def _phone_plan(text: pa.Array) -> pa.Array:
    valid = pc.match_substring_regex(text, PHONE_PATTERN)
    chinese = pc.match_substring_regex(
        text, r"^\+86(1[3-9]\d{9}|10\d{8}|2\d{9}|[3-9]\d{2}\d{7,8}|[48]00\d{7})$"
    )
    american = pc.match_substring_regex(text, r"^\+1[2-9]\d{2}[2-9]\d{6}$")
    valid = pc.if_else(pc.match_substring_regex(text, r"^\+86"), chinese, valid)
    return pc.if_else(pc.match_substring_regex(text, r"^\+1"), american, valid)


def email(values: pa.Array) -> pa.Array:
    """E-mail addresses in lower case and half width; null where none is written.

    Examples
    --------
    >>> email(pa.array([" Ann＠Example.COM ", "no address", "a..b@c.com"])).to_pylist()
    ['ann@example.com', None, None]
    """
    text = pc.utf8_normalize(values, form="NFKC")
    text = pc.utf8_lower(pc.replace_substring_regex(text, r"\s+", ""))
    text = pc.replace_substring_regex(text, r"^mailto:", "")
    text = pc.replace_substring(text, "。", ".")
    text = pc.replace_substring_regex(text, r"^[<(\"']+|[>)\"'.,;:，；]+$", "")
    return _null_if(text, pc.invert(pc.match_substring_regex(text, EMAIL_PATTERN)))


def currency(values: pa.Array) -> pa.Array:
    """ISO 4217 code of a code, sign or name.

    Examples
    --------
    >>> currency(pa.array(["元", "usd", "￥", "beads"])).to_pylist()
    ['CNY', 'USD', 'CNY', None]
    """
    return lookup(values, _currency_words())


@cache
def _currency_words() -> dict[str, str]:
    return {k.lower(): code for k, code in SYMBOLS.items()} | {c.lower(): c for c in EXPONENTS}


def unit(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Base unit of what was written, and the factor that leads there.

    Returns
    -------
    tuple of pa.Array
        Base unit (g, ml, piece, pack, m) and float64 factor; null where unknown.

    Examples
    --------
    >>> [x.to_pylist() for x in unit(pa.array(["公斤", "斤", "瓶", "光年"]))]
    [['g', 'g', 'pack', None], [1000.0, 500.0, 1.0, None]]
    """
    bases = {word: base for word, (base, _) in v.UNITS.items()}
    factors = {word: str(factor) for word, (_, factor) in v.UNITS.items()}
    return lookup(values, bases), pc.cast(lookup(values, factors), pa.float64())


def category_path(values: pa.Array) -> pa.Array:
    """Category paths with one separator, `` > ``; a slash inside a name stays.

    Examples
    --------
    >>> category_path(pa.array(["食品>>饮料 ＞茶", "Food|Tea", "COFFEE/TEA"])).to_pylist()
    ['食品 > 饮料 > 茶', 'Food > Tea', 'COFFEE/TEA']
    """
    text = pc.replace_substring_regex(name(values), r"\s*(->|=>|[>＞›»|｜→])+\s*", " > ")
    text = pc.replace_substring_regex(text, r"( > )+", " > ")
    text = pc.replace_substring_regex(text, r"^\s*>\s*|\s*>\s*$", "")
    return _null_if(text, pc.equal(text, ""))


def province(values: pa.Array) -> pa.Array:
    """Short name of a province of China; null for anything else.

    Examples
    --------
    >>> province(pa.array(["广东省", "Inner Mongolia", "Ohio"])).to_pylist()
    ['广东', '内蒙古', None]
    """
    return lookup(values, v.PROVINCES)


def city(values: pa.Array) -> pa.Array:
    """City names: Chinese ones without province and 市, romanised ones in Chinese.

    Names that are not Chinese and not listed only lose extra spaces.

    Examples
    --------
    >>> city(pa.array(["广东省深圳市", "Shanghai", "上海市", "Columbus", "沙市"])).to_pylist()
    ['深圳', '上海', '上海', 'Columbus', '沙市']
    """
    text = city_without_province(name(values))
    text = pc.replace_substring_regex(text, r"^(\p{Han}{2,})市$", r"\1")
    return pc.coalesce(lookup(text, v.CITIES), text)


def city_without_province(values: pa.Array) -> pa.Array:
    """Drop a leading province from a city, as in ``广东省深圳市``."""
    names = sorted((k for k in v.PROVINCES if ord(k[0]) > 0x3000), key=len, reverse=True)
    full = "|".join(x for x in names if x.endswith(("省", "区")))
    return pc.replace_substring_regex(values, rf"^({full})\s*(\p{{Han}}{{2,}})$", r"\2")


def time_zone(values: pa.Array) -> pa.Array:
    """IANA name of a time zone.

    Examples
    --------
    >>> time_zone(pa.array(["GMT+8", "北京时间", "europe/berlin", "Mars"])).to_pylist()
    ['Asia/Shanghai', 'Asia/Shanghai', 'Europe/Berlin', None]
    """
    return lookup(values, _zone_words())


@cache
def _zone_words() -> dict[str, str]:
    return {z.lower(): z for z in sorted(zoneinfo.available_timezones())} | dict(v.ZONES)


def iso_date(values: pa.Array) -> pa.Array:
    """Dates as ``YYYY-MM-DD``; null where no such day exists.

    Reads ``1990-1-2``, ``1990/01/02``, ``1990.1.2``, ``1990年1月2日``, ``19900102`` and any of
    them followed by a time of day. Day-first and month-first forms are ambiguous and refused.

    Examples
    --------
    >>> iso_date(pa.array(["1990年1月2日", "19900230", "1990/01/02 08:00"])).to_pylist()
    ['1990-01-02', None, '1990-01-02']
    """
    text = pc.utf8_trim_whitespace(half_width(values))
    text = pc.replace_substring_regex(text, r"^(\d{4})(\d{2})(\d{2})(\.0)?$", r"\1-\2-\3")
    parts = pc.extract_regex(
        text, r"^(?P<y>\d{4})\s*[-/.年]\s*(?P<m>\d{1,2})\s*[-/.月]\s*(?P<d>\d{1,2})日?(?:[T ].*)?$"
    )
    year, month, day = (pc.struct_field(parts, i) for i in range(3))
    month, day = (pc.utf8_lpad(x, 2, "0") for x in (month, day))
    iso = pc.binary_join_element_wise(year, month, day, "-")
    return pc.if_else(_is_day(year, month, day), iso, pa.scalar(None, pa.string()))


def _is_day(year: pa.Array, month: pa.Array, day: pa.Array) -> pa.Array:
    y, m, d = (pc.cast(x, pa.int32()) for x in (year, month, day))
    leap = pc.and_(
        pc.equal(_modulo(y, 4), 0),
        pc.or_(pc.not_equal(_modulo(y, 100), 0), pc.equal(_modulo(y, 400), 0)),
    )
    known = pc.and_(pc.and_(pc.greater_equal(m, 1), pc.less_equal(m, 12)), pc.greater(y, 0))
    index = pc.if_else(known, pc.subtract(m, 1), 0)
    length = pa.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], pa.int32()).take(index)
    length = pc.if_else(pc.and_(leap, pc.equal(m, 2)), 29, length)
    return pc.and_(known, pc.and_(pc.greater_equal(d, 1), pc.less_equal(d, length)))


def _modulo(x: pa.Array, n: int) -> pa.Array:
    return pc.subtract(x, pc.multiply(pc.divide(x, n), n))


def plausible_birth(values: pa.Array, today: dt.date) -> pa.Array:
    """Whether a date of birth (date32) can be one on the day of the run."""
    return pc.and_(
        pc.greater_equal(values, pa.scalar(OLDEST_BIRTH)), pc.less_equal(values, pa.scalar(today))
    )


def _null_if(values: pa.Array, mask: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(mask, fill_value=True), pa.scalar(None, pa.string()), values)
