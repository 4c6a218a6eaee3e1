"""Rules for codes, products, places, numbers and money."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core import columns as c
from shopkeeper.govern import standards
from shopkeeper.govern import vocabulary as v
from shopkeeper.govern.rules.model import Apply, Context, Example, Others, Rule
from shopkeeper.govern.rules.text import substitute


def words(table: Mapping[str, str]) -> Apply:
    """A rule function that brings known words to the vocabulary and leaves others."""

    def apply(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
        return pc.coalesce(standards.lookup(values, table), values)

    return apply


def _currency(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.coalesce(standards.currency(values), values)


def _city(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.city(values)


def _city_province(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.city_without_province(values)


def _zone(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.time_zone(values)


def _category_path(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return standards.category_path(values)


def _return_sign(values: pa.Array, _context: Context, others: Others) -> pa.Array:
    wrong = pc.and_(pc.equal(others[str(c.KIND)], "return"), pc.greater(values, 0))
    return pc.if_else(wrong, pc.negate(values), values)


def _positive(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.if_else(pc.less(values, 0), pc.negate(values), values)


def _sale_discount(values: pa.Array, _context: Context, others: Others) -> pa.Array:
    wrong = pc.and_(pc.equal(others[str(c.KIND)], "sale"), pc.less(values, 0))
    return pc.if_else(wrong, pc.negate(values), values)


def _positive_or_null(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.if_else(pc.less_equal(values, 0), pa.scalar(None, values.type), values)


def _null_if_negative(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.if_else(pc.less(values, 0), pa.scalar(None, values.type), values)


def _not_negative(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    return pc.if_else(pc.less(values, 0), pa.scalar(0, values.type), values)


def _percent(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    percent = pc.and_(pc.greater(values, 1.0), pc.less_equal(values, 100.0))
    return pc.if_else(percent, pc.divide(values, 100.0), values)


def _share(values: pa.Array, _context: Context, _others: Others) -> pa.Array:
    known = pc.and_(pc.greater_equal(values, 0.0), pc.less_equal(values, 1.0))
    return pc.if_else(known, values, pa.scalar(None, values.type))


CODE_RULES = (
    Rule(
        "channel_vocabulary", "code", (c.CHANNEL,),
        "渠道词表", "Channel vocabulary",
        "门店、小程序、企微等写法统一为渠道代码。",
        "门店, mini program, WeCom and other words become channel codes.",
        (Example("门店", "store"), Example("小程序", "miniapp"), Example("企微", "wecom")),
        words(v.CHANNELS),
    ),
    Rule(
        "currency_code", "code", (c.CURRENCY,),
        "币种代码", "Currency codes",
        "货币符号和名称统一为 ISO 4217 代码。",
        "Signs and names of currencies become ISO 4217 codes.",
        (Example("元", "CNY"), Example("usd", "USD"), Example("￥", "CNY")),
        _currency,
    ),
    Rule(
        "language_code", "code", (c.LANGUAGE,),
        "语言代码", "Language codes",
        "语言名称统一为 BCP 47 代码。", "Names of languages become BCP 47 codes.",
        (Example("简体中文", "zh"), Example("en_US", "en")),
        words(v.LANGUAGES),
    ),
    Rule(
        "consent_status", "code", (c.STATUS,),
        "授权状态", "States of consent",
        "同意、拒绝、撤回统一为 GRANT、DENY、REVOKED。",
        "Yes, no and withdrawn become GRANT, DENY and REVOKED.",
        (Example("同意", "GRANT"), Example("退订", "REVOKED"), Example("no", "DENY")),
        words(v.CONSENT_STATES), tables=("consents",),
    ),
    Rule(
        "consent_purpose", "code", (c.PURPOSE,),
        "授权用途", "Purposes of consent",
        "用途统一为 marketing、service、analytics。",
        "Purposes become marketing, service or analytics.",
        (Example("营销", "marketing"), Example("售后", "service")),
        words(v.PURPOSES),
    ),
    Rule(
        "touch_status", "code", (c.STATUS,),
        "触达状态", "States of a touch",
        "触达状态统一为 sent、delivered、opened、clicked、failed 等。",
        "States become sent, delivered, opened, clicked, failed and so on.",
        (Example("已送达", "delivered"), Example("点击", "clicked")),
        words(v.TOUCH_STATES), tables=("touches",),
    ),
    Rule(
        "order_status", "code", (c.STATUS,),
        "订单状态", "States of an order",
        "订单状态统一为 completed、cancelled、refunded 等。",
        "States become completed, cancelled, refunded and so on.",
        (Example("交易成功", "completed"), Example("已取消", "cancelled")),
        words(v.ORDER_STATES), tables=("orders",),
    ),
    Rule(
        "order_kind", "code", (c.KIND,),
        "订单类别", "Kinds of order",
        "销售与退货的各种写法统一为 sale、return。",
        "Words for buying and giving back become sale and return.",
        (Example("退货", "return"), Example("销售", "sale")),
        words(v.ORDER_KINDS), tables=("orders", "order_lines"),
    ),
    Rule(
        "device_vocabulary", "code", (c.DEVICE,),
        "设备词表", "Device vocabulary",
        "设备写法统一为 phone、desktop、tablet 等。",
        "Words for devices become phone, desktop, tablet and so on.",
        (Example("iPhone", "phone"), Example("电脑", "desktop")),
        words(v.DEVICES),
    ),
)  # fmt: skip

PLACE_RULES = (
    Rule(
        "city_province_prefix", "place", (c.CITY,),
        "城市去省名", "Province in front of a city",
        "“广东省深圳市”只保留城市。", "A province in front of a city is dropped.",
        (Example("广东省深圳市", "深圳市"), Example("内蒙古自治区包头市", "包头市")),
        _city_province, "省|自治区",
    ),
    Rule(
        "city_name", "place", (c.CITY,),
        "城市名称标准", "Standard names of cities",
        "去掉“市”字，拼音转中文。",
        "市 is dropped and romanised Chinese cities are written in Chinese.",
        (Example("上海市", "上海"), Example("Shenzhen", "深圳")),
        _city,
    ),
    Rule(
        "time_zone_name", "place", (c.TIME_ZONE,),
        "时区名称", "Names of time zones",
        "时区统一为 IANA 名称，无法识别的视为空。",
        "Zones get their IANA name; what is none is empty.",
        (Example("GMT+8", "Asia/Shanghai"), Example("东八区", "Asia/Shanghai"),
         Example("Mars", None)),
        _zone,
    ),
)  # fmt: skip

PRODUCT_RULES = (
    Rule(
        "category_path", "product", (c.CATEGORY, c.SUBCATEGORY),
        "品类路径分隔符", "Separator of category paths",
        "品类路径统一用“ > ”分隔。",
        "Levels of a category are separated by > with one space on each side.",
        (Example("食品>>饮料＞茶", "食品 > 饮料 > 茶"), Example("Food|Tea", "Food > Tea")),
        _category_path, r"[>＞›»|｜→]",
    ),
    Rule(
        "brand_marks", "product", (c.BRAND, c.NAME),
        "去除商标符号", "Trade marks removed",
        "去掉 ®、™、© 等符号。", "®, ™ and © are dropped.",
        (Example("Nike®", "Nike"), Example("美的™ 电饭煲", "美的 电饭煲")),
        substitute("[®™©℠]", ""), "[®™©℠]",
    ),
)  # fmt: skip

NUMBER_RULES = (
    Rule(
        "return_amount_sign", "number", (c.AMOUNT_MINOR,),
        "退货金额取负", "Sign of returned amounts",
        "退货行的正金额改为负数。", "A positive amount of a return becomes negative.",
        (Example("1999", "-1999", {"kind": "return"}), Example("1999", "1999", {"kind": "sale"})),
        _return_sign, needs=(c.KIND,), tables=("orders", "order_lines"),
    ),
    Rule(
        "return_quantity_sign", "number", (c.QUANTITY,),
        "退货数量取负", "Sign of returned quantities",
        "退货行的正数量改为负数。", "A positive quantity of a return becomes negative.",
        (Example("2", "-2", {"kind": "return"}), Example("2", "2", {"kind": "sale"})),
        _return_sign, needs=(c.KIND,), tables=("orders", "order_lines"),
    ),
    Rule(
        "discount_sign", "number", (c.DISCOUNT_MINOR,),
        "优惠金额取正", "Sign of discounts",
        "销售行的负优惠金额改为正数。", "A negative discount of a sale becomes positive.",
        (Example("-500", "500", {"kind": "sale"}), Example("-500", "-500", {"kind": "return"})),
        _sale_discount, needs=(c.KIND,), tables=("orders", "order_lines"),
    ),
    Rule(
        "cost_sign", "number", (c.COST_MINOR, c.SPEND_MINOR, c.BUDGET_MINOR),
        "成本与花费取正", "Sign of costs",
        "以负数记账的成本、花费和预算改为正数。",
        "Costs, spend and budgets booked as negative become positive.",
        (Example("-1200", "1200"), Example("1200", "1200")),
        _positive,
    ),
    Rule(
        "price_not_positive", "number", (c.PRICE_MINOR,),
        "非正标价视为空", "Prices of zero or less are empty",
        "标价为零或负数视为未知。", "A list price of zero or less is unknown.",
        (Example("0", None), Example("-1", None), Example("990", "990")),
        _positive_or_null,
    ),
    Rule(
        "stock_negative", "number", (c.STOCK,),
        "负库存归零", "Negative stock is zero",
        "负库存按零处理。", "Less than nothing in stock is nothing.",
        (Example("-3", "0"), Example("5", "5")),
        _not_negative,
    ),
    Rule(
        "discount_rate_percent", "number", (c.DISCOUNT_RATE,),
        "折扣率百分数转小数", "Discount rates as shares",
        "以百分数写的折扣率改为 0–1 的小数。", "A discount written in per cent becomes a share.",
        (Example("15", "0.15"), Example("0.2", "0.2")),
        _percent,
    ),
    Rule(
        "discount_rate_range", "number", (c.DISCOUNT_RATE,),
        "超出范围的折扣率视为空", "Impossible discount rates are empty",
        "不在 0–1 之间的折扣率视为空。",
        "A discount that is not between nothing and all is unknown.",
        (Example("-0.1", None), Example("250", None)),
        _share,
    ),
    Rule(
        "count_negative", "number", (c.IMPRESSIONS, c.CLICKS),
        "负计数视为空", "Negative counts are empty",
        "负的曝光和点击数视为空。", "Fewer than no impressions or clicks cannot be.",
        (Example("-5", None), Example("7", "7")),
        _null_if_negative,
    ),
)  # fmt: skip
