"""Quality indicators: what each measures, and the line it is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shopkeeper.core import columns as c
from shopkeeper.core.columns import Column

Unit = Literal["share", "days", "ratio", "psi"]

DIMENSIONS: Mapping[str, tuple[str, str]] = {
    "completeness": ("完整性", "Completeness"),
    "validity": ("有效性", "Validity"),
    "accuracy": ("准确性", "Accuracy"),
    "uniqueness": ("唯一性", "Uniqueness"),
    "consistency": ("一致性", "Consistency"),
    "timeliness": ("及时性", "Timeliness"),
    "drift": ("稳定性", "Stability"),
}
"""What indicators are grouped by."""

TABLE_NAMES: Mapping[str, tuple[str, str]] = {
    "orders": ("订单", "orders"),
    "order_lines": ("订单行", "order lines"),
    "products": ("商品", "products"),
    "customers": ("客户资料", "customer records"),
    "events": ("行为事件", "events"),
    "campaigns": ("活动", "campaigns"),
    "offers": ("权益", "offers"),
    "touches": ("触达", "touches"),
    "consents": ("授权", "consents"),
    "costs": ("花费", "costs"),
    "footfall": ("客流", "footfall"),
    "enrichments": ("外部数据", "enrichments"),
    "loads": ("装载", "loads"),
    "all": ("全部数据", "all data"),
}
"""Short names of tables in sentences."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One quality indicator.

    Parameters
    ----------
    key
        Name in the quality table.
    dimension
        One of :data:`DIMENSIONS`.
    zh, en
        Name.
    about_zh, about_en
        What is counted, in a sentence.
    threshold
        The line; a value on it passes.
    high_is_good
        Whether values at or above the line pass; else at or below.
    unit
        ``share`` of rows or values, ``days``, ``ratio`` or ``psi``.
    """

    key: str
    dimension: str
    zh: str
    en: str
    about_zh: str
    about_en: str
    threshold: float
    high_is_good: bool = True
    unit: Unit = "share"

    def passes(self, value: float, threshold: float | None = None) -> bool:
        """Whether a value meets the line (or another one)."""
        line = self.threshold if threshold is None else threshold
        return value >= line if self.high_is_good else value <= line


INDICATORS: Mapping[str, Indicator] = {
    x.key: x
    for x in (
        Indicator(
            "completeness",
            "completeness",
            "字段完整率",
            "Completeness",
            "治理字段中有值的行占比。",
            "Share of rows with a value in a governed column.",
            0.98,
        ),
        Indicator(
            "completeness_overall",
            "completeness",
            "总体完整率",
            "Overall completeness",
            "所有治理字段中有值的占比。",
            "Share of all values of governed columns that are there.",
            0.98,
        ),
        Indicator(
            "coverage",
            "completeness",
            "资料覆盖率",
            "Coverage",
            "客户资料中已提供字段的有值占比。",
            "Share of customer records filled, for columns that are delivered at all.",
            0.5,
        ),
        Indicator(
            "completeness_drop",
            "drift",
            "完整率下降",
            "Loss of completeness",
            "最近 28 天与此前 28 天相比，字段有值占比的下降。",
            "Fall of the share of filled rows, last 28 days against the 28 before.",
            0.05,
            high_is_good=False,
        ),
        Indicator(
            "admitted",
            "completeness",
            "装载通过率",
            "Rows admitted",
            "装载的行中未被隔离的占比。",
            "Share of loaded rows that were not quarantined.",
            0.98,
        ),
        Indicator(
            "validity_phone",
            "validity",
            "手机号有效率",
            "Valid phone numbers",
            "符合 E.164 的号码占比。",
            "Share of phone numbers in E.164.",
            0.98,
        ),
        Indicator(
            "validity_email",
            "validity",
            "邮箱有效率",
            "Valid e-mail addresses",
            "符合地址格式的邮箱占比。",
            "Share of addresses in standard form.",
            0.98,
        ),
        Indicator(
            "validity_gender",
            "validity",
            "性别代码有效率",
            "Valid gender codes",
            "性别为 1、2、9 的占比。",
            "Share of codes that are 1, 2 or 9.",
            0.99,
        ),
        Indicator(
            "validity_currency",
            "validity",
            "币种有效率",
            "Valid currencies",
            "币种为 ISO 4217 代码的占比。",
            "Share of currencies that are ISO 4217 codes.",
            1.0,
        ),
        Indicator(
            "validity_channel",
            "validity",
            "渠道有效率",
            "Known channels",
            "渠道在词表内的占比。",
            "Share of channels of the shop's vocabulary.",
            0.95,
        ),
        Indicator(
            "validity_birth_date",
            "validity",
            "出生日期合理率",
            "Plausible dates of birth",
            "出生日期在 1905 年至今之间的占比。",
            "Share of dates of birth between 1905 and today.",
            0.98,
        ),
        Indicator(
            "accuracy",
            "accuracy",
            "准确率",
            "Accuracy",
            "有标准的值中符合标准的占比。",
            "Share of values that meet the standard of their column.",
            0.95,
        ),
        Indicator(
            "uniqueness_key",
            "uniqueness",
            "主键唯一率",
            "Unique keys",
            "主键不重复的行占比。",
            "Share of rows whose key no other row has.",
            1.0,
        ),
        Indicator(
            "duplicates",
            "uniqueness",
            "重复行占比",
            "Duplicate rows",
            "编号不同而内容相同的行占比。",
            "Share of rows that repeat another under a different number.",
            0.02,
            high_is_good=False,
        ),
        Indicator(
            "reference_products",
            "consistency",
            "商品可关联率",
            "Lines with a known product",
            "订单行的商品在商品表中的占比。",
            "Share of order lines whose product is listed.",
            0.98,
        ),
        Indicator(
            "reference_customers",
            "consistency",
            "客户可关联率",
            "Sales with a known customer",
            "下单客户有资料的占比。",
            "Share of buying customers of whom a record exists.",
            0.95,
        ),
        Indicator(
            "order_amounts",
            "consistency",
            "订单与明细金额一致率",
            "Orders that equal their lines",
            "订单金额与明细合计相差不超过 1% 的占比。",
            "Share of orders within 1 % of the sum of their lines.",
            0.98,
        ),
        Indicator(
            "amount_signs",
            "consistency",
            "金额符号正确率",
            "Signs of amounts",
            "销售不为负、退货不为正的行占比。",
            "Share of rows where sales are not negative and returns not positive.",
            0.99,
        ),
        Indicator(
            "one_currency",
            "consistency",
            "本位币占比",
            "Amounts in the shop's currency",
            "以店铺币种记账的行占比。",
            "Share of rows booked in the shop's currency.",
            0.99,
        ),
        Indicator(
            "quantity_zero",
            "validity",
            "零数量占比",
            "Lines of nothing",
            "数量为零的订单行占比。",
            "Share of order lines with a quantity of zero.",
            0.02,
            high_is_good=False,
        ),
        Indicator(
            "freshness",
            "timeliness",
            "最新一行的时距",
            "Age of the newest row",
            "运行时点前最新一行距今的天数。",
            "Days between the newest row and the moment of the run.",
            3.0,
            high_is_good=False,
            unit="days",
        ),
        Indicator(
            "future",
            "timeliness",
            "未来时间占比",
            "Rows from the future",
            "发生时间晚于当前一天以上的行占比。",
            "Share of rows dated more than a day after now.",
            0.0,
            high_is_good=False,
        ),
        Indicator(
            "days_missing",
            "timeliness",
            "缺数天数",
            "Days without rows",
            "最近 28 天中没有数据的天数。",
            "Days of the last 28 on which nothing happened.",
            1.0,
            high_is_good=False,
            unit="days",
        ),
        Indicator(
            "outliers",
            "accuracy",
            "离群金额占比",
            "Outlying amounts",
            "对数金额超出四分位距 3 倍的行占比（只标记，不修改）。",
            "Share of sales more than three quartile ranges outside in log amount; only flagged.",
            0.01,
            high_is_good=False,
        ),
        Indicator(
            "volume",
            "drift",
            "数据量变化",
            "Change of volume",
            "最近 28 天与此前 28 天行数之比偏离 1 的程度。",
            "How far the rows of the last 28 days differ from the 28 before.",
            0.5,
            high_is_good=False,
            unit="ratio",
        ),
        Indicator(
            "distribution",
            "drift",
            "分布漂移",
            "Drift of a distribution",
            "最近 28 天与此前 28 天的 PSI 超出抽样误差的部分。",
            "Stability index of the last 28 days against the 28 before, above chance.",
            0.1,
            high_is_good=False,
            unit="psi",
        ),
    )
}
"""All indicators by key."""

GOVERNED: Mapping[str, tuple[Column, ...]] = {
    "orders": (c.CUSTOMER_REF, c.AMOUNT_MINOR, c.CURRENCY, c.CHANNEL, c.OCCURRED_AT),
    "order_lines": (
        c.ORDER_ID, c.CUSTOMER_REF, c.PRODUCT_ID, c.QUANTITY, c.AMOUNT_MINOR, c.CURRENCY, c.CHANNEL,
        c.OCCURRED_AT,
    ),
    "products": (c.CATEGORY, c.SUBCATEGORY, c.BRAND),
    "customers": (c.CUSTOMER_REF,),
    "events": (c.KIND, c.OCCURRED_AT, c.CHANNEL),
    "touches": (c.CUSTOMER_REF, c.CHANNEL, c.STATUS, c.SENT_AT),
    "consents": (c.PURPOSE, c.CHANNEL, c.STATUS),
    "offers": (c.NAME, c.KIND),
    "campaigns": (c.NAME, c.KIND),
    "costs": (c.CHANNEL, c.SPEND_MINOR, c.CURRENCY),
    "footfall": (c.OCCURRED_AT, c.VISITORS),
    "enrichments": (c.TEXT, c.VALID_FROM),
}  # fmt: skip
"""Columns that must be filled; a column that no source delivers is left out."""

PROFILE_COLUMNS = (
    c.PERSON_NAME, c.GENDER, c.BIRTH_DATE, c.AGE_BAND, c.PHONE, c.EMAIL, c.CITY, c.JOINED_AT,
    c.MEMBER_LEVEL, c.INCOME_BAND, c.HOUSEHOLD_SIZE,
)  # fmt: skip
"""Columns of customer records whose coverage is reported."""
