"""Rules for names, personal attributes, phones and e-mail."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.govern import standards
from shopkeeper.govern import vocabulary as v
from shopkeeper.govern.rules.model import Context, Example, Others, Rule
from shopkeeper.govern.rules.text import NULL, refuse, substitute

MOBILE = r"^\+861[3-9]\d{9}$"
TYPOS = f"(?i)@({'|'.join(re.escape(x) for x in v.MAIL_DOMAIN_TYPOS)})$"


def _title_case(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.utf8_title(values)


def _gender_code(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.if_else(pc.is_null(values), NULL, pc.coalesce(standards.gender(values), "9"))


def _gender_from_title(values: pa.Array, _context: Context, others: Others) -> pa.Array:
    title = pc.utf8_trim_whitespace(others[str(c.PERSON_NAME)])
    male = pc.match_substring_regex(title, r"^.+先生$|^(?i:mr\.?) .+")
    female = pc.match_substring_regex(title, r"^.+(女士|小姐|太太)$|^(?i:mrs|ms|miss)\.? .+")
    found = pc.if_else(male, "1", pc.if_else(female, "2", NULL))
    return pc.coalesce(values, found)


def _phone_width(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.utf8_normalize(values, form="NFKC")


def _phone_separators(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.phone_digits(values)


def _phone_standard(values: pa.Array, context: Context, _others: Others) -> pa.Array:
    return pc.coalesce(standards.phone(values, context.country), values)


def _phone_blocked(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    listed = pc.is_in(values, value_set=pa.array(v.BLOCKED_PHONES))
    repeated = pc.match_substring_regex(
        values, r"(0{8}|1{8}|2{8}|3{8}|4{8}|5{8}|6{8}|7{8}|8{8}|9{8})$"
    )
    return pc.if_else(pc.or_(listed, repeated), NULL, values)


def _phone_invalid(values: pa.Array, context: Context, _others: Others) -> pa.Array:
    return standards.phone(values, context.country)


def _email_width(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.replace_substring(pc.utf8_normalize(values, form="NFKC"), "。", ".")


def _email_case(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.utf8_lower(values)


def _email_typo(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    parts = pc.extract_regex(values, r"^(?P<local>[^@]+)@(?P<domain>[^@]+)$")
    local, domain = pc.struct_field(parts, 0), pc.struct_field(parts, 1)
    right = pc.coalesce(standards.lookup(domain, v.MAIL_DOMAIN_TYPOS), domain)
    return pc.coalesce(pc.binary_join_element_wise(local, right, "@"), values)


def _email_invalid(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.email(values)


def _birth_text(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.iso_date(values)


def _birth_plausible(values: pa.Array, context: Context, _others: Others) -> pa.Array:
    days = values.cast(pa.date32())
    return pc.if_else(pc.less_equal(days, pa.scalar(context.today)), values, NULL)


def _birth_old(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    oldest = pa.scalar(standards.OLDEST_BIRTH)
    return pc.if_else(pc.greater_equal(values.cast(pa.date32()), oldest), values, NULL)


PERSON_RULES = (
    Rule(
        "person_middle_dot", "person", (c.PERSON_NAME,),
        "姓名间隔号统一", "One middle dot in names",
        "外文和少数民族姓名的间隔号统一为“·”。", "The dot inside transcribed names is always ·.",
        (Example("阿里・买买提", "阿里·买买提"), Example("约翰•史密斯", "约翰·史密斯")),
        substitute("(\\p{Han})\\s*[•・．‧]\\s*(\\p{Han})", r"\1·\2"),
        "\\p{Han}\\s*[•・．‧]\\s*\\p{Han}",
    ),
    Rule(
        "person_inner_space", "person", (c.PERSON_NAME,),
        "中文姓名去空格", "Spaces inside Chinese names",
        "中文姓名中间的空格去掉。", "Spaces inside a name in Chinese characters are dropped.",
        (Example("张 三", "张三"), Example("欧 阳 修", "欧阳修")),
        substitute(r"\s+", ""), r"^\p{Han}+(\s+\p{Han}+)+$",
    ),
    Rule(
        "person_case", "person", (c.PERSON_NAME,),
        "英文姓名大小写", "Case of Latin names",
        "全大写或全小写的英文姓名改为首字母大写。",
        "Names in capitals or small letters alone get initial capitals.",
        (Example("JOHN SMITH", "John Smith"), Example("ann lee", "Ann Lee")),
        _title_case, r"^([A-Z][A-Z' .-]*[A-Z]|[a-z][a-z' .-]*[a-z])$",
    ),
    Rule(
        "gender_from_title", "person", (c.GENDER,),
        "由称谓补性别", "Gender from the form of address",
        "性别为空而姓名带“先生/女士”时据此补上。",
        "Where gender is empty and the name says Mr or Ms, it is filled in.",
        (Example(None, "1", {"person_name": "王先生"}),
         Example(None, "2", {"person_name": "Ms. Lee"}),
         Example("2", "2", {"person_name": "王先生"})),
        _gender_from_title, needs=(c.PERSON_NAME,),
    ),
    Rule(
        "person_placeholder", "person", (c.PERSON_NAME,),
        "无效姓名视为空", "Names that name nobody are empty",
        "“测试”“游客”“微信用户”等不是姓名。", "test, guest, 微信用户 and the like are not names.",
        (Example("微信用户", None), Example("Test", None)),
        refuse(*v.PERSON_PLACEHOLDERS),
    ),
    Rule(
        "gender_code", "person", (c.GENDER,),
        "性别代码 1/2/9", "Gender codes 1/2/9",
        "男女各种写法统一为代码 1、2，其余为 9。",
        "All ways to write a gender become 1 or 2; what is not one of them is 9.",
        (Example("男", "1"), Example("Female", "2"), Example("保密", "9")),
        _gender_code,
    ),
    Rule(
        "age_band_dash", "person", (c.AGE_BAND, c.INCOME_BAND),
        "分段连接号统一", "One dash in bands",
        "年龄段和收入段中的“～”“至”统一为“-”。",
        "The dash between the ends of an age or income band is always -.",
        (Example("25～34", "25-34"), Example("25 to 34", "25-34")),
        substitute(r"^(\d+\w?)\s*(?:~|～|至|到|to|—|–|－|−)\s*(\d+\w?)$", r"\1-\2"),
        r"^\d+\w?\s*(~|～|至|到|to|—|–|－|−)\s*\d+\w?$",
    ),
    Rule(
        "household_size_unit", "person", (c.HOUSEHOLD_SIZE,),
        "家庭人数去单位", "Unit of household size",
        "“3人”“3口”只保留数字。", "3人 or 3 persons is written as the number.",
        (Example("3人", "3"), Example("4 persons", "4")),
        substitute(r"^(\d+\+?)\s*(?:人|口|persons?|people|members?)$", r"\1"),
        r"^\d+\+?\s*(人|口|persons?|people|members?)$",
    ),
)  # fmt: skip

PHONE_RULES = (
    Rule(
        "phone_full_width", "phone", (c.PHONE,),
        "电话全角转半角", "Full-width phone numbers",
        "全角数字和符号转为半角。", "Full-width digits and signs become half-width.",
        (Example("１３９１２３４５６７８", "13912345678"), Example("（010）", "(010)")),
        _phone_width, "[０-９＋－（）\u3000]",
    ),
    Rule(
        "phone_separators", "phone", (c.PHONE,),
        "电话去分隔与分机", "Separators and extensions of phone numbers",
        "去掉空格、横线、括号、分机号和小数尾巴，00 开头改为 +。",
        "Spaces, dashes, brackets, extensions and a decimal tail go; a leading 00 becomes +.",
        (Example("139-1234-5678", "13912345678"), Example("010-65529988转801", "01065529988")),
        _phone_separators, r"[^0-9+]|^00",
    ),
    Rule(
        "phone_e164", "phone", (c.PHONE,),
        "电话转 E.164", "Phone numbers in E.164",
        "按国家号码规则加上国际区号。", "The international prefix of the country is put in front.",
        (Example("13912345678", "+8613912345678"), Example("01065529988", "+861065529988")),
        _phone_standard, standard=MOBILE,
    ),
    Rule(
        "phone_invalid", "phone", (c.PHONE,),
        "无效电话视为空", "Phone numbers that cannot be are empty",
        "位数或号段不符合号码规则的视为空。", "What fits no numbering plan is no phone number.",
        (Example("123", None), Example("+8612345678901", None)),
        _phone_invalid, standard=MOBILE,
    ),
    Rule(
        "phone_blocked", "phone", (c.PHONE,),
        "测试号码视为空", "Test numbers are empty",
        "13800138000 等测试号码和连号视为空。",
        "Well-known test numbers and runs of one digit belong to nobody.",
        (Example("+8613800138000", None), Example("+8618888888888", None)),
        _phone_blocked,
    ),
)  # fmt: skip

EMAIL_RULES = (
    Rule(
        "email_full_width", "email", (c.EMAIL,),
        "邮箱全角转半角", "Full-width e-mail addresses",
        "全角字符和“＠”“。”转为半角。", "Full-width signs, ＠ and 。 become half-width.",
        (Example("ann＠qq.com", "ann@qq.com"), Example("ann@qq。com", "ann@qq.com")),
        _email_width, "[^\\x00-\\x7f]",
    ),
    Rule(
        "email_spaces", "email", (c.EMAIL,),
        "邮箱去空格", "Spaces inside e-mail addresses",
        "去掉地址中的空格。", "Spaces inside an address are dropped.",
        (Example("ann @qq.com", "ann@qq.com"), Example("ann@ qq. com", "ann@qq.com")),
        substitute(r"\s+", ""), r"\s",
    ),
    Rule(
        "email_wrapping", "email", (c.EMAIL,),
        "邮箱去前缀与标点", "Prefix and punctuation of e-mail addresses",
        "去掉 mailto: 和首尾标点。", "mailto: and punctuation around an address are dropped.",
        (Example("mailto:ann@qq.com", "ann@qq.com"), Example("<ann@qq.com>;", "ann@qq.com")),
        substitute(r"(?i)^mailto:|^[<(\"']+|[>)\"'.,;:，；]+$", ""),
        r"(?i)^mailto:|^[<(\"']|[>)\"'.,;:，；]$",
    ),
    Rule(
        "email_case", "email", (c.EMAIL,),
        "邮箱小写", "E-mail addresses in lower case",
        "地址一律小写。", "Addresses are written in lower case.",
        (Example("Ann@QQ.com", "ann@qq.com"), Example("BOB@163.COM", "bob@163.com")),
        _email_case, "[A-Z]",
    ),
    Rule(
        "email_domain_typo", "email", (c.EMAIL,),
        "常见邮箱域名笔误", "Mistyped mail domains",
        "gmial.com、qq.con 等笔误改正。", "gmial.com, qq.con and the like are corrected.",
        (Example("ann@gmial.com", "ann@gmail.com"), Example("123@qq.con", "123@qq.com")),
        _email_typo, TYPOS,
    ),
    Rule(
        "email_placeholder", "email", (c.EMAIL,),
        "假邮箱视为空", "Made-up addresses are empty",
        "test@test.com 等随手填写的地址视为空。",
        "Addresses typed to get past a form belong to nobody.",
        (Example("test@test.com", None), Example("a@a.com", None)),
        refuse(*v.BLOCKED_EMAILS),
    ),
    Rule(
        "email_invalid", "email", (c.EMAIL,),
        "无效邮箱视为空", "Addresses that cannot be are empty",
        "不合地址格式的视为空。", "What does not have the form of an address is none.",
        (Example("ann.qq.com", None), Example("ann@@qq.com", None)),
        _email_invalid, standard=standards.EMAIL_PATTERN,
    ),
)  # fmt: skip

DATE_RULES = (
    Rule(
        "birth_date_form", "date", (c.BIRTH_DATE,),
        "出生日期格式", "Form of dates of birth",
        "各种写法统一为 YYYY-MM-DD；不存在的日期视为空。",
        "All forms become YYYY-MM-DD; a day that does not exist is empty.",
        (Example("1990年1月2日", "1990-01-02"), Example("19900102", "1990-01-02"),
         Example("1990-02-30", None)),
        _birth_text,
    ),
    Rule(
        "birth_date_placeholder", "date", (c.BIRTH_DATE,),
        "默认出生日期视为空", "Default dates of birth are empty",
        "1900-01-01、1970-01-01 等系统默认值视为空。",
        "1900-01-01, 1970-01-01 and other defaults of systems say nothing.",
        (Example("1900-01-01", None), Example("1970-01-01", None)),
        refuse("0001-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1970-01-01", "9999-12-31"),
    ),
    Rule(
        "birth_date_future", "date", (c.BIRTH_DATE,),
        "未来出生日期视为空", "Dates of birth to come are empty",
        "晚于运行日的出生日期视为空。", "Nobody was born after the day of the run.",
        (Example("2999-01-01", None), Example("1990-01-02", "1990-01-02")),
        _birth_plausible,
    ),
    Rule(
        "birth_date_too_old", "date", (c.BIRTH_DATE,),
        "过早出生日期视为空", "Dates of birth too long ago are empty",
        "早于 1905 年的出生日期视为空。",
        "A date of birth before 1905 cannot be that of a customer.",
        (Example("1801-05-05", None), Example("1930-05-05", "1930-05-05")),
        _birth_old,
    ),
)  # fmt: skip
