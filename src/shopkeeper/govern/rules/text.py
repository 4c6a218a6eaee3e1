"""Rules for text and identifiers."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.govern import standards
from shopkeeper.govern import vocabulary as v
from shopkeeper.govern.rules.model import Apply, Context, Example, Others, Rule

NULL = pa.scalar(None, pa.string())
LABELS = (
    c.NAME, c.PERSON_NAME, c.CATEGORY, c.SUBCATEGORY, c.BRAND, c.CITY, c.MEMBER_LEVEL, c.AGE_BAND,
    c.INCOME_BAND, c.HOUSEHOLD_SIZE, c.STATUS, c.CHANNEL, c.CURRENCY, c.LANGUAGE, c.TIME_ZONE,
    c.GENDER, c.BIRTH_DATE, c.DEVICE, c.QUERY, c.PURPOSE, c.BASIS, c.KIND,
)  # fmt: skip
CONTACTS = (c.PHONE, c.EMAIL)
KEYS = (
    c.CUSTOMER_REF, c.ORDER_ID, c.LINE_ID, c.PRODUCT_ID, c.STORE_ID, c.COUPON_ID, c.CAMPAIGN_ID,
    c.OFFER_ID, c.EVENT_ID, c.ANONYMOUS_ID, c.SESSION_ID, c.TOUCH_ID,
)  # fmt: skip
PLAIN_KEY = r"^([0-9]+|[A-Za-z0-9_-]{9,}|[a-df-oq-z][a-z_]*:[A-Za-z0-9_-]+)$"
"""Identifiers that no rule could change; the many that look so are looked at once."""
HTML = (
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&#39;", "'"),
    ("&amp;", "&"),
)


def substitute(pattern: str, replacement: str) -> Apply:
    """A rule function that replaces a regular expression; an empty result is null."""

    def apply(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
        after = pc.replace_substring_regex(values, pattern, replacement)
        return pc.if_else(pc.equal(after, ""), NULL, after)

    return apply


def refuse(*words: str) -> Apply:
    """A rule function that empties values equal to a word, whatever their case."""
    known = pa.array([x.lower() for x in words], pa.string())

    def apply(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
        hit = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(values)), value_set=known)
        return pc.if_else(hit, NULL, values)

    return apply


def _half_width(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.half_width(values)


def _trim(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    after = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(after, ""), NULL, after)


def _html(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    for entity, text in HTML:
        values = pc.replace_substring(values, entity, text)
    return values


def _parts(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    parts = pc.extract_regex(values, r"(?s)^(?P<kind>[^:]*):(?P<value>.*)$")
    return pc.struct_field(parts, 0), pc.struct_field(parts, 1)


def _ref_kind(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    kind, value = _parts(values)
    return pc.coalesce(pc.binary_join_element_wise(pc.utf8_lower(kind), value, ":"), values)


def _ref_phone(values: pa.Array, context: Context, _others: Others) -> pa.Array:
    kind, value = _parts(values)
    standard = standards.phone(value, context.country)
    return pc.coalesce(pc.binary_join_element_wise(kind, standard, ":"), values)


def _ref_email(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    kind, value = _parts(values)
    return pc.coalesce(pc.binary_join_element_wise(kind, standards.email(value), ":"), values)


TEXT_RULES = (
    Rule(
        "text_control_characters", "text", (*LABELS, *CONTACTS, *KEYS),
        "去除控制字符", "Control characters removed",
        "换行、制表符等不可见控制字符改为空格。",
        "Line breaks, tabs and other control characters become a space.",
        (Example("Tea\tHouse", "Tea House"), Example("红茶\n", "红茶 ")),
        substitute(r"[\x00-\x1f\x7f]+", " "), r"[\x00-\x1f\x7f]",
    ),
    Rule(
        "text_invisible_characters", "text", (*LABELS, *CONTACTS, *KEYS),
        "去除零宽字符", "Invisible characters removed",
        "去掉零宽空格、字节顺序标记和替换符。",
        "Zero-width spaces, byte-order marks and replacement characters are dropped.",
        (Example("绿\u200b茶", "绿茶"), Example("\ufeffA17", "A17")),
        substitute("[\u200b-\u200f\u2060\ufeff\u00ad\ufffd]+", ""),
        "[\u200b-\u200f\u2060\ufeff\u00ad\ufffd]",
    ),
    Rule(
        "text_full_width", "text", (*LABELS, *KEYS),
        "全角字母数字转半角", "Full-width letters and digits",
        "全角字母、数字和空格转为半角，中文标点不变。",
        "Full-width letters, digits and spaces become half-width; Chinese punctuation stays.",
        (Example("ＶＩＰ会员", "VIP会员"), Example("Ａ１００", "A100")),
        _half_width, "[０-９Ａ-Ｚａ-ｚ\u3000\u00a0]",
    ),
    Rule(
        "text_html_entities", "text", LABELS,
        "还原 HTML 转义", "HTML entities decoded",
        "网页转义字符还原为原字符。", "Characters escaped for web pages are put back.",
        (Example("Fish &amp; Chips", "Fish & Chips"), Example("&quot;茶&quot;", '"茶"')),
        _html, "&(nbsp|lt|gt|quot|#39);|&amp;",
    ),
    Rule(
        "text_trim", "text", (*LABELS, *CONTACTS, *KEYS),
        "去首尾空格", "Surrounding spaces removed",
        "去掉首尾空格；只有空格的视为空。",
        "Spaces around a value go; a value of spaces alone is empty.",
        (Example("  北京 ", "北京"), Example("   ", None)),
        _trim, r"^\s|\s$",
    ),
    Rule(
        "text_collapse_spaces", "text", LABELS,
        "合并连续空格", "Repeated spaces collapsed",
        "连续空格合并为一个。", "Several spaces in a row become one.",
        (Example("Green   Tea", "Green Tea"), Example("a  b  c", "a b c")),
        substitute(r"\s{2,}", " "), r"\s{2,}",
    ),
    Rule(
        "text_wrapping_quotes", "text", (*LABELS, *KEYS),
        "去除包裹引号", "Wrapping quotes removed",
        "整个值被成对引号包裹时去掉引号。", "Quotes around the whole value are dropped.",
        (Example('"Milk"', "Milk"), Example("“牛奶”", "牛奶")),
        substitute("^(?:\"([^\"]*)\"|“([^”]*)”|'([^']*)')$", r"\1\2\3"),
        "^(?:\"[^\"]*\"|“[^”]*”|'[^']*')$",
    ),
    Rule(
        "text_placeholder", "text", (*LABELS, *CONTACTS, c.STORE_ID, c.COUPON_ID, c.CAMPAIGN_ID,
                                     c.OFFER_ID, c.ANONYMOUS_ID, c.SESSION_ID),
        "占位词视为空", "Placeholders are empty",
        "“N/A”“无”“未知”“null”等占位词视为空值。",
        "N/A, null, 无, 未知 and the like mean that there is no value.",
        (Example("N/A", None), Example("未知", None), Example("—", None)),
        refuse(*v.PLACEHOLDERS), r"^\s*[^\s]{0,8}\s*$",
    ),
)  # fmt: skip

IDENTIFIER_RULES = (
    Rule(
        "id_excel_apostrophe", "identifier", KEYS,
        "去除 Excel 前导撇号", "Spreadsheet apostrophe removed",
        "表格软件为保留前导零加的撇号去掉。",
        "The apostrophe with which a spreadsheet keeps leading zeros is dropped.",
        (Example("'00123", "00123"), Example("'A-7", "A-7")),
        substitute(r"^'([^']+)$", r"\1"), r"^'[^']+$",
    ),
    Rule(
        "id_float_tail", "identifier", KEYS,
        "去除编号的小数尾巴", "Decimal tail of identifiers removed",
        "编号被当作小数读出的“.0”去掉。",
        "The .0 of a number that was read as a decimal is dropped.",
        (Example("10086.0", "10086"), Example("crm:17.00", "crm:17")),
        substitute(r"^((?:[a-z_]+:)?\d+)\.0+$", r"\1"), r"\d\.0+$",
    ),
    Rule(
        "ref_kind_case", "identifier", (c.CUSTOMER_REF,),
        "客户标识种类小写", "Kind of customer reference in lower case",
        "客户标识的种类部分转为小写。", "The kind before the colon is written in lower case.",
        (Example("CRM:17", "crm:17"), Example("Card:A9", "card:A9")),
        _ref_kind,
        "^[^:]*[A-Z][^:]*:",
    ),
    Rule(
        "ref_spaces", "identifier", (c.CUSTOMER_REF,),
        "客户标识去空格", "Spaces around the parts of a customer reference",
        "冒号两侧的空格去掉。", "Spaces beside the colon are dropped.",
        (Example("crm: 17", "crm:17"), Example("card : 9", "card:9")),
        substitute(r"^([^:]*?)\s*:\s*", r"\1:"), r"^[^:]*?(\s+:|:\s+)",
    ),
    Rule(
        "ref_phone", "identifier", (c.CUSTOMER_REF,),
        "手机号标识转 E.164", "Phone references in E.164",
        "以手机号为标识的客户按国际格式书写。",
        "A reference that is a phone number is written in the international form.",
        (Example("phone:139 1234 5678", "phone:+8613912345678"),
         Example("phone:0086-13912345678", "phone:+8613912345678")),
        _ref_phone,
        "^phone:",
    ),
    Rule(
        "ref_email", "identifier", (c.CUSTOMER_REF,),
        "邮箱标识标准化", "E-mail references in standard form",
        "以邮箱为标识的客户转为小写标准写法。",
        "A reference that is an e-mail address is written in lower case.",
        (Example("email:Ann@Shop.COM", "email:ann@shop.com"),
         Example("email:a＠b.cn", "email:a@b.cn")),
        _ref_email,
        "^email:",
    ),
)  # fmt: skip
