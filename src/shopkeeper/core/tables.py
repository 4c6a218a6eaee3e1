"""The contract of every table that crosses a stage.

A contract says which columns a table has, which of them identify a row, how the
lake divides it, and what one row is, in Chinese and English. Stores cast to it
when they write; after that door the code trusts its input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa

from shopkeeper.core import columns as c
from shopkeeper.core.columns import Column, Kind
from shopkeeper.core.errors import ContractError, NotFoundError

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
IBIS_TYPES: dict[Kind, dt.DataType] = {
    "string": dt.string,
    "int8": dt.int8,
    "int16": dt.int16,
    "int32": dt.int32,
    "int64": dt.int64,
    "float64": dt.float64,
    "bool": dt.boolean,
    "date": dt.date,
    "timestamp": dt.Timestamp(timezone="UTC", scale=6),
}


@dataclass(frozen=True)
class TableContract:
    """Name, key, columns and meaning of one table.

    Parameters
    ----------
    name
        The one word the table has in the lake, in SQL and in the dictionary.
    key
        Columns that identify a row; together unique and never null.
    columns
        All columns in order.
    zh, en
        What one row is.
    partition
        Columns the lake divides the table by; few and coarse.
    required
        Columns besides the key that are never null.

    Examples
    --------
    >>> PRODUCTS.key, PRODUCTS.arrow_schema.field("price_minor").type
    (('product_id',), DataType(int64))
    """

    name: str
    key: tuple[Column, ...]
    columns: tuple[Column, ...]
    zh: str
    en: str
    partition: tuple[Column, ...] = ()
    required: tuple[Column, ...] = ()

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """Column types as Arrow sees them; key and required columns are not nullable."""
        fixed = {*self.key, *self.required}
        return pa.schema(
            [pa.field(str(x), ARROW_TYPES[x.kind], nullable=x not in fixed) for x in self.columns]
        )

    @cached_property
    def ibis_schema(self) -> ibis.Schema:
        """Column types as Ibis sees them."""
        return ibis.schema({str(x): IBIS_TYPES[x.kind] for x in self.columns})

    def unbound(self) -> ibis.Table:
        """The table as an expression that any engine can later be given."""
        return ibis.table(self.ibis_schema, name=self.name)

    def empty(self) -> pa.Table:
        """No rows, right columns."""
        return self.arrow_schema.empty_table()

    def cast(self, rows: pa.Table, *, fill: bool = False) -> pa.Table:
        """Bring rows to the contract: its columns, in its order, with its types.

        Parameters
        ----------
        rows
            Any column order. Columns the contract does not know are refused.
        fill
            Whether missing optional columns are added as nulls.

        Returns
        -------
        pa.Table

        Raises
        ------
        ContractError
            If a column is missing or unknown, a type does not cast without
            loss, or a key or required column holds a null.
        """
        unknown = sorted(set(rows.column_names) - {str(x) for x in self.columns})
        if unknown:
            raise ContractError(
                f"table {self.name} has no column {', '.join(unknown)}",
                next_step="Rename or drop it, or extend the contract",
                table=self.name,
                columns=unknown,
            )
        arrays = []
        for field in self.arrow_schema:
            if field.name in rows.column_names:
                arrays.append(self._cast_column(rows.column(field.name), field))
            elif fill and field.nullable:
                arrays.append(pa.nulls(rows.num_rows, field.type))
            else:
                raise ContractError(
                    f"column {field.name} of table {self.name} is missing",
                    next_step="Provide it or allow missing optional columns",
                    table=self.name,
                    column=field.name,
                )
        return pa.Table.from_arrays(arrays, schema=self.arrow_schema)

    def _cast_column(self, column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
        try:
            cast = column if column.type == field.type else column.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ContractError(
                f"column {field.name} of table {self.name} is {column.type}, not {field.type}: "
                f"{str(error).splitlines()[0]}",
                next_step="Convert the values before writing",
                table=self.name,
                column=field.name,
            ) from error
        if not field.nullable and cast.null_count:
            raise ContractError(
                f"column {field.name} of table {self.name} is empty in {cast.null_count} rows",
                next_step="Every row needs it; quarantine the rows without",
                table=self.name,
                column=field.name,
                rows=cast.null_count,
            )
        return cast

    def extended(self, extra: Iterable[Column]) -> TableContract:
        """The same table with further columns at the end."""
        return TableContract(
            self.name, self.key, (*self.columns, *extra), self.zh, self.en, self.partition,
            self.required,
        )  # fmt: skip


_PROVENANCE = (c.SOURCE, c.LOAD_ID)
_WHEN = (c.OCCURRED_AT, c.TS_US, c.DAY, c.MONTH, c.DOW, c.HOUR)

# --- loaded: what the sources said, admitted by govern -------------------------------------------
ORDERS = TableContract(
    "orders", (c.ORDER_ID,),
    (c.ORDER_ID, c.CUSTOMER_REF, c.KIND, c.CHANNEL, c.STORE_ID, *_WHEN, c.AMOUNT_MINOR,
     c.DISCOUNT_MINOR, c.CURRENCY, c.QUANTITY, c.COUPON_ID, c.STATUS, *_PROVENANCE),
    "一笔订单或退货（kind 为 sale 或 return）", "One order or return (kind is sale or return)",
    (c.MONTH,), (c.CUSTOMER_REF, c.KIND, *_WHEN, c.AMOUNT_MINOR, c.CURRENCY),
)  # fmt: skip
ORDER_LINES = TableContract(
    "order_lines", (c.LINE_ID,),
    (c.LINE_ID, c.ORDER_ID, c.CUSTOMER_REF, c.KIND, c.PRODUCT_ID, c.CHANNEL, c.STORE_ID, *_WHEN,
     c.QUANTITY, c.AMOUNT_MINOR, c.DISCOUNT_MINOR, c.CURRENCY, c.COUPON_ID, *_PROVENANCE),
    "订单中的一行商品", "One product of one order",
    (c.MONTH,),
    (c.ORDER_ID, c.CUSTOMER_REF, c.KIND, c.PRODUCT_ID, *_WHEN, c.QUANTITY, c.AMOUNT_MINOR,
     c.CURRENCY),
)  # fmt: skip
PRODUCTS = TableContract(
    "products", (c.PRODUCT_ID,),
    (c.PRODUCT_ID, c.NAME, c.CATEGORY, c.SUBCATEGORY, c.BRAND, c.PRICE_MINOR, c.COST_MINOR,
     c.CURRENCY, c.STOCK, c.ATTRIBUTES, *_PROVENANCE),
    "一个商品", "One product",
)  # fmt: skip
CUSTOMERS = TableContract(
    "customers", (c.CUSTOMER_REF, c.SOURCE),
    (c.CUSTOMER_REF, c.PERSON_NAME, c.GENDER, c.BIRTH_DATE, c.AGE_BAND, c.PHONE, c.EMAIL, c.CITY,
     c.JOINED_AT, c.MEMBER_LEVEL, c.INCOME_BAND, c.HOUSEHOLD_SIZE, c.TIME_ZONE, c.LANGUAGE,
     c.ATTRIBUTES, c.UPDATED_AT, *_PROVENANCE),
    "某来源中的一条客户资料", "One source's record of one person",
)  # fmt: skip
EVENTS = TableContract(
    "events", (c.EVENT_ID,),
    (c.EVENT_ID, c.KIND, c.CUSTOMER_REF, c.ANONYMOUS_ID, c.SESSION_ID, *_WHEN, c.RECEIVED_AT,
     c.PRODUCT_ID, c.CATEGORY, c.PAGE, c.QUERY, c.CHANNEL, c.DEVICE, c.CAMPAIGN_ID,
     c.AMOUNT_MINOR, c.CURRENCY, c.PROPERTIES, *_PROVENANCE, c.STORE_ID, c.INVALID,
     c.IP, c.AGENT, c.CLIENT),
    "发生的一件事", "One thing that happened",
    (c.MONTH,), (c.KIND, *_WHEN, c.RECEIVED_AT),
)  # fmt: skip
CAMPAIGNS = TableContract(
    "campaigns", (c.CAMPAIGN_ID,),
    (c.CAMPAIGN_ID, c.NAME, c.KIND, c.CHANNEL, c.STARTS_AT, c.ENDS_AT, c.BUDGET_MINOR, c.CURRENCY,
     *_PROVENANCE),
    "一次营销活动", "One campaign",
)  # fmt: skip
OFFERS = TableContract(
    "offers", (c.OFFER_ID,),
    (c.OFFER_ID, c.CAMPAIGN_ID, c.NAME, c.KIND, c.PRODUCT_ID, c.CATEGORY, c.DISCOUNT_RATE,
     c.COST_MINOR, c.MARGIN_MINOR, c.CURRENCY, c.CHANNEL, c.STOCK, c.VALID_FROM, c.VALID_TO,
     *_PROVENANCE),
    "一项权益（优惠券、折扣、提醒）", "One offer (coupon, discount, reminder)",
)  # fmt: skip
TOUCHES = TableContract(
    "touches", (c.TOUCH_ID,),
    (c.TOUCH_ID, c.DECISION_ID, c.CUSTOMER_REF, c.CAMPAIGN_ID, c.OFFER_ID, c.CHANNEL, c.STATUS,
     c.SENT_AT, c.TS_US, c.DAY, c.COST_MINOR, c.CURRENCY, *_PROVENANCE),
    "实际发出的一次触达", "One contact actually attempted",
    (), (c.CUSTOMER_REF, c.CHANNEL, c.STATUS, c.SENT_AT, c.TS_US),
)  # fmt: skip
CONSENTS = TableContract(
    "consents", (c.CUSTOMER_REF, c.PURPOSE, c.CHANNEL, c.STATUS_AT),
    (c.CUSTOMER_REF, c.PURPOSE, c.CHANNEL, c.STATUS, c.BASIS, c.STATUS_AT, *_PROVENANCE),
    "一次授权声明（GRANT / DENY / REVOKED）", "One statement of consent (GRANT / DENY / REVOKED)",
    (), (c.STATUS,),
)  # fmt: skip
COSTS = TableContract(
    "costs", (c.DAY, c.CHANNEL, c.CAMPAIGN_ID),
    (c.DAY, c.CHANNEL, c.CAMPAIGN_ID, c.SPEND_MINOR, c.CURRENCY, c.IMPRESSIONS, c.CLICKS,
     *_PROVENANCE),
    "某日某渠道某活动的花费", "Spend of one day, channel and campaign",
)  # fmt: skip
FOOTFALL = TableContract(
    "footfall", (c.STORE_ID, c.SENSOR, c.TS_US),
    (c.STORE_ID, c.SENSOR, *_WHEN, c.VISITORS, *_PROVENANCE),
    "某门店某计数器某时段的进店人数", "People who came into one store past one counter, by interval start",
    (c.MONTH,), (*_WHEN, c.VISITORS),
)  # fmt: skip
ENRICHMENTS = TableContract(
    "enrichments", (c.KEY_KIND, c.KEY, c.NAME, c.VALID_FROM),
    (c.KEY_KIND, c.KEY, c.NAME, c.TEXT, c.VALUE, c.VALID_FROM, c.BASIS, c.COST_MINOR, c.CURRENCY,
     *_PROVENANCE),
    "外部数据对一个键的一项陈述（value 为其数值）",
    "What an outside source says about one key; value is its number, if it is one",
    (), (c.TEXT, c.BASIS),
)  # fmt: skip
LOADED = (
    ORDERS, ORDER_LINES, PRODUCTS, CUSTOMERS, EVENTS, CAMPAIGNS, OFFERS, TOUCHES, CONSENTS, COSTS,
    FOOTFALL, ENRICHMENTS,
)  # fmt: skip
"""Tables that sources are mapped to."""

# --- what happened to the rows --------------------------------------------------------------------
QUARANTINE = TableContract(
    "quarantine", (c.LOAD_ID, c.TABLE_NAME, c.ROW_NUMBER),
    (c.LOAD_ID, c.TABLE_NAME, c.ROW_NUMBER, c.PATH, c.FIELD, c.REASON, c.REASON_ZH, c.REASON_EN,
     c.NEXT_STEP, c.RAW, c.CREATED_AT),
    "未通过的一行及其原因", "One row that was not admitted, and why",
)  # fmt: skip
LOADS = TableContract(
    "loads", (c.LOAD_ID,),
    (c.LOAD_ID, c.TABLE_NAME, c.PATH, c.SOURCE, c.BYTES, c.ROWS_IN, c.ROWS_ADMITTED,
     c.ROWS_REPEATED, c.ROWS_QUARANTINED, c.STATUS, c.CREATED_AT),
    "一个文件（内容）的一次装载", "One file's content, loaded",
)  # fmt: skip
CORRECTIONS = TableContract(
    "corrections", (c.LOAD_ID, c.TABLE_NAME, c.ROW_KEY, c.COLUMN_NAME, c.RULE),
    (c.LOAD_ID, c.TABLE_NAME, c.ROW_KEY, c.COLUMN_NAME, c.RULE, c.BEFORE, c.AFTER),
    "清洗规则对一个值的修改（可还原）", "One value changed by a cleaning rule; reversible",
)  # fmt: skip
QUALITY = TableContract(
    "quality", (c.RUN_ID, c.INDICATOR, c.TABLE_NAME, c.COLUMN_NAME),
    (c.RUN_ID, c.AS_OF, c.INDICATOR, c.TABLE_NAME, c.COLUMN_NAME, c.VALUE, c.THRESHOLD, c.PASSED,
     c.ROWS, c.REASON_ZH, c.REASON_EN),
    "一次运行中的一项质量指标", "One quality indicator of one run",
)  # fmt: skip
LINEAGE = TableContract(
    "lineage", (c.STEP, c.UPSTREAM, c.DOWNSTREAM),
    (c.STEP, c.UPSTREAM, c.DOWNSTREAM, c.TRANSFORM, c.RUN_ID),
    "字段级血缘的一条边", "One edge of column lineage",
)  # fmt: skip

VERDICTS = TableContract(
    "verdicts", (c.EVENT_ID,),
    (c.EVENT_ID, c.KIND, c.TS_US, c.HUMAN, c.REASON, c.REASONS, c.DECIDED_AT, c.VERSION),
    "事后对一个事件是否真人所为的判定", "A later judgement on whether a person caused an event",
    (), (c.KIND, c.TS_US, c.HUMAN, c.DECIDED_AT, c.VERSION),
)  # fmt: skip

# --- resolved: who it was ---------------------------------------------------------------------------
IDENTITY_EDGES = TableContract(
    "identity_edges", (c.EDGE_ID,),
    (c.EDGE_ID, c.LEFT, c.RIGHT, c.RULE, c.EVIDENCE, c.SCORE, c.SOURCE, c.CREATED_AT, c.UNDONE_AT),
    "两个标识属于同一人的一条依据（可撤销）",
    "One piece of evidence that two identifiers are one person; can be undone",
    (), (c.LEFT, c.RIGHT, c.RULE),
)  # fmt: skip
IDENTITIES = TableContract(
    "identities", (c.IDENTIFIER,),
    (c.IDENTIFIER, c.IDENTIFIER_KIND, c.CUSTOMER_ID, c.SEEN_AT),
    "一个标识当前所属的客户", "The customer an identifier currently belongs to",
    (), (c.CUSTOMER_ID,),
)  # fmt: skip
PURCHASES = TableContract(
    "purchases", (c.ORDER_ID,),
    (c.ORDER_ID, c.CUSTOMER_ID, c.KIND, c.CHANNEL, c.STORE_ID, *_WHEN, c.AMOUNT_MINOR,
     c.DISCOUNT_MINOR, c.CURRENCY, c.QUANTITY, c.LINES, c.COUPON_ID),
    "归到客户名下的一笔订单或退货", "One order or return of a resolved customer",
    (), (c.CUSTOMER_ID, c.KIND, *_WHEN, c.AMOUNT_MINOR, c.CURRENCY),
)  # fmt: skip
PURCHASE_LINES = TableContract(
    "purchase_lines", (c.LINE_ID,),
    (c.LINE_ID, c.ORDER_ID, c.CUSTOMER_ID, c.KIND, c.PRODUCT_ID, c.CATEGORY, c.SUBCATEGORY,
     c.BRAND, c.CHANNEL, c.STORE_ID, *_WHEN, c.QUANTITY, c.AMOUNT_MINOR, c.DISCOUNT_MINOR,
     c.CURRENCY, c.COUPON_ID),
    "归到客户名下的一行商品", "One product line of a resolved customer",
    (), (c.CUSTOMER_ID, c.KIND, c.PRODUCT_ID, *_WHEN),
)  # fmt: skip
ACTIVITY = TableContract(
    "activity", (c.EVENT_ID,),
    (c.EVENT_ID, c.CUSTOMER_ID, c.KIND, c.SESSION_ID, *_WHEN, c.PRODUCT_ID, c.CATEGORY, c.PAGE,
     c.QUERY, c.CHANNEL, c.DEVICE, c.CAMPAIGN_ID),
    "归到客户名下的一个事件", "One event of a resolved customer",
    (), (c.CUSTOMER_ID, c.KIND, *_WHEN),
)  # fmt: skip
CONTACTS = TableContract(
    "contacts", (c.TOUCH_ID,),
    (c.TOUCH_ID, c.CUSTOMER_ID, c.CAMPAIGN_ID, c.OFFER_ID, c.CHANNEL, c.STATUS, c.TS_US, c.DAY,
     c.COST_MINOR, c.CURRENCY),
    "归到客户名下的一次触达", "One touch of a resolved customer",
    (), (c.CUSTOMER_ID, c.CHANNEL, c.TS_US),
)  # fmt: skip
PERMITS = TableContract(
    "permits", (c.CUSTOMER_ID, c.PURPOSE, c.CHANNEL),
    (c.CUSTOMER_ID, c.PURPOSE, c.CHANNEL, c.STATUS, c.BASIS, c.STATUS_AT),
    "客户在某用途与渠道上的最新授权", "The latest statement of a customer by purpose and channel",
    (), (c.STATUS,),
)  # fmt: skip
PROFILES = TableContract(
    "profiles", (c.CUSTOMER_ID,),
    (c.CUSTOMER_ID, c.PERSON_NAME, c.GENDER, c.BIRTH_DATE, c.AGE_BAND, c.PHONE, c.EMAIL, c.CITY,
     c.JOINED_AT, c.MEMBER_LEVEL, c.INCOME_BAND, c.HOUSEHOLD_SIZE, c.TIME_ZONE, c.LANGUAGE,
     c.ATTRIBUTES, c.EVIDENCE, c.UPDATED_AT),
    "一位客户的存活字段（evidence 记录每个字段的来源）",
    "Surviving fields of one customer; evidence names the source and time of each",
)  # fmt: skip

# --- judged -----------------------------------------------------------------------------------------
FEATURES = TableContract(
    "features", (c.CUSTOMER_ID, c.AS_OF), (c.CUSTOMER_ID, c.AS_OF),
    "一位客户在某时点的特征（列由特征库定义）",
    "Features of one customer at one moment; further columns come from the feature library",
)  # fmt: skip
SCORES = TableContract(
    "scores", (c.CUSTOMER_ID, c.AS_OF, c.KIND, c.MODEL),
    (c.CUSTOMER_ID, c.AS_OF, c.KIND, c.MODEL, c.MODEL_VERSION, c.HORIZON_DAYS, c.VALUE, c.LOW,
     c.HIGH, c.UNIT, c.BAND, c.RISK, c.REASONS),
    "模型对一位客户的一个判断（kind：churn、expected_orders、expected_spend、p_alive …）",
    "One model's statement about one customer (kind: churn, expected_orders, expected_spend …)",
    (c.KIND,), (c.MODEL_VERSION, c.VALUE),
)  # fmt: skip
RECOMMENDATIONS = TableContract(
    "recommendations", (c.CUSTOMER_ID, c.AS_OF, c.KIND, c.RANK),
    (c.CUSTOMER_ID, c.AS_OF, c.KIND, c.RANK, c.PRODUCT_ID, c.SCORE, c.MODEL, c.MODEL_VERSION,
     c.REASONS),
    "推荐给一位客户的一个商品（kind：new、again 或 next_basket）",
    "One product recommended (kind: new, again or next_basket)",
    (), (c.PRODUCT_ID, c.SCORE),
)  # fmt: skip
ITEM_NEIGHBOURS = TableContract(
    "item_neighbours", (c.PRODUCT_ID, c.AS_OF, c.KIND, c.RANK),
    (c.PRODUCT_ID, c.AS_OF, c.KIND, c.RANK, c.OTHER_PRODUCT_ID, c.SCORE, c.MODEL, c.MODEL_VERSION,
     c.REASONS),
    "与一件商品相似或一起购买的另一件商品（kind：similar 或 bought_together）",
    "A product that is like another one or bought with it (kind: similar or bought_together)",
    (), (c.OTHER_PRODUCT_ID, c.SCORE),
)  # fmt: skip
FORECASTS = TableContract(
    "forecasts", (c.SERIES_KIND, c.SERIES_ID, c.AS_OF, c.PERIOD_START),
    (c.SERIES_KIND, c.SERIES_ID, c.AS_OF, c.PERIOD_START, c.STEPS_AHEAD, c.VALUE, c.LOW, c.HIGH,
     c.UNIT, c.MODEL_VERSION),
    "一条序列在一个未来时段的销量或销售额预测", "Forecast of one series in one period to come",
    (), (c.STEPS_AHEAD, c.VALUE, c.UNIT, c.MODEL_VERSION),
)  # fmt: skip
ELASTICITIES = TableContract(
    "elasticities", (c.SERIES_KIND, c.SERIES_ID, c.AS_OF),
    (c.SERIES_KIND, c.SERIES_ID, c.AS_OF, c.ESTIMATE, c.LOW, c.HIGH, c.N, c.PRICE_CHANGES,
     c.RESPONSE, c.REASON_ZH, c.REASON_EN, c.MODEL_VERSION),
    "一个品类的价格弹性（为空时说明原因）与促销响应",
    "Price elasticity of one category, with the reason where it cannot be said, and its response",
)  # fmt: skip
TEXT_SIGNALS = TableContract(
    "text_signals", (c.EVENT_ID, c.ASPECT),
    (c.EVENT_ID, c.ASPECT, c.CUSTOMER_ID, c.KIND, c.PRODUCT_ID, c.TS_US, c.DAY, c.SENTIMENT,
     c.SCORE, c.INTENT, c.MODEL, c.MODEL_VERSION),
    "一段文字（评价、会话、搜索）的情感、意图与方面；不含文字本身。score 从 -1（差）到 1（好）",
    "Sentiment, intent and aspects of one text (review, chat, search), never the text itself; "
    "score runs from -1 (bad) to 1 (good)",
    (), (c.KIND, c.TS_US, c.DAY, c.SENTIMENT, c.SCORE, c.MODEL_VERSION),
)  # fmt: skip
SEGMENTS = TableContract(
    "segments", (c.CUSTOMER_ID, c.AS_OF, c.SCHEME),
    (c.CUSTOMER_ID, c.AS_OF, c.SCHEME, c.LABEL, c.VERSION),
    "一位客户在某分群方案中的位置", "The place of one customer in one scheme",
    (), (c.LABEL,),
)  # fmt: skip
VALUE_DIMENSIONS = TableContract(
    "value_dimensions", (c.CUSTOMER_ID, c.AS_OF),
    (c.CUSTOMER_ID, c.AS_OF, c.SPENDING, c.FREQUENCY, c.RECENCY, c.LOYALTY, c.BREADTH,
     c.PRICE_ACCEPTANCE, c.ENGAGEMENT, c.INFLUENCE, c.VERSION),
    "一位客户在八个价值维度上的位置（0–100，高者优于更多客户）",
    "The place of one customer on eight dimensions of value (0 to 100)",
    (), (c.VERSION,),
)  # fmt: skip
AUDIENCE_MEMBERS = TableContract(
    "audience_members", (c.AUDIENCE_ID, c.VERSION, c.CUSTOMER_ID),
    (c.AUDIENCE_ID, c.VERSION, c.AS_OF, c.CUSTOMER_ID),
    "人群包某版本中的一位客户", "One customer in one version of an audience",
    (c.AUDIENCE_ID,),
)  # fmt: skip
DECISIONS = TableContract(
    "decisions", (c.DECISION_ID,),
    (c.DECISION_ID, c.PLAN_ID, c.CUSTOMER_ID, c.AS_OF, c.ACTION, c.OFFER_ID, c.CHANNEL, c.SEND_AT,
     c.PROBABILITY, c.POLICY_VERSION, c.HOLDOUT, c.UPLIFT, c.VALUE, c.EXPECTED_MARGIN_MINOR,
     c.COST_MINOR, c.CURRENCY, c.REASON, c.REASONS, c.CANDIDATES, c.CONSTRAINTS),
    "对一位客户的一次决策（不触达也是一行）", "One decision about one customer; not sending is a row too",
    (), (c.PLAN_ID, c.CUSTOMER_ID, c.AS_OF, c.ACTION, c.PROBABILITY, c.POLICY_VERSION, c.HOLDOUT,
         c.REASON),
)  # fmt: skip
METRICS = TableContract(
    "metrics", (c.METRIC, c.DAY, c.DIMENSION),
    (c.METRIC, c.DAY, c.DIMENSION, c.VALUE, c.N, c.SUM, c.SUM_SQUARES, c.UNIT, c.RUN_ID),
    "某日某维度的一个指标值", "One metric of one day and slice",
)  # fmt: skip
EFFECTS = TableContract(
    "effects", (c.EXPERIMENT_ID, c.ARM, c.METRIC, c.METHOD, c.AS_OF),
    (c.EXPERIMENT_ID, c.ARM, c.METRIC, c.METHOD, c.AS_OF, c.ESTIMATE, c.LOW, c.HIGH, c.UNIT, c.N,
     c.REASON_ZH, c.REASON_EN),
    "一个估计的差异及其区间", "One estimated difference with its interval",
)  # fmt: skip
MODEL_EVENTS = TableContract(
    "model_events", (c.EVENT_ID,),
    (c.EVENT_ID, c.TASK, c.MODEL, c.MODEL_VERSION, c.ACT, c.AS_OF, c.CREATED_AT, c.EVIDENCE,
     c.REASON_ZH, c.REASON_EN),
    "模型一生中的一件事（训练、上任、留任、漂移、退化、回滚 …）及其依据",
    "One thing that happened to a model (trained, promoted, held, drifted, degraded …) and why",
    (), (c.TASK, c.MODEL_VERSION, c.ACT, c.AS_OF, c.CREATED_AT, c.EVIDENCE),
)  # fmt: skip

ALL: Mapping[str, TableContract] = {
    t.name: t
    for t in (
        *LOADED, QUARANTINE, LOADS, CORRECTIONS, QUALITY, LINEAGE, VERDICTS, IDENTITY_EDGES,
        IDENTITIES, PURCHASES, PURCHASE_LINES, ACTIVITY, CONTACTS, PERMITS, PROFILES, FEATURES, SCORES,
        RECOMMENDATIONS, ITEM_NEIGHBOURS, FORECASTS, ELASTICITIES, TEXT_SIGNALS, SEGMENTS, VALUE_DIMENSIONS, AUDIENCE_MEMBERS, DECISIONS, METRICS, EFFECTS,
        MODEL_EVENTS,
    )
}  # fmt: skip
"""Every table by name."""


def contract(name: str) -> TableContract:
    """Contract by table name.

    Raises
    ------
    NotFoundError
        If there is no such table.
    """
    try:
        return ALL[name]
    except KeyError:
        raise NotFoundError(
            f"there is no table {name!r}", next_step=f"Choose one of {', '.join(ALL)}", name=name
        ) from None
