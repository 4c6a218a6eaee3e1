"""Every column of every table, spelled, typed, measured and explained once.

A :class:`Column` *is* its name (a ``str``), so ``table[columns.TS_US]`` works
wherever a name is expected; it also carries type, unit, classification and the
meaning in Chinese and English from which the data dictionary is generated.
"""

from __future__ import annotations

from typing import Literal, Self

Kind = Literal["string", "int8", "int16", "int32", "int64", "float64", "bool", "date", "timestamp"]
Tier = Literal["core", "analytic", "displayable"]
Privacy = Literal["none", "personal", "sensitive"]


class Column(str):
    """A column name that knows its meaning.

    Parameters
    ----------
    name
        The one spelling.
    kind
        Logical type; ``timestamp`` is microseconds in UTC.
    zh, en
        Meaning in Chinese and English.
    unit
        What a number counts; empty for text.
    tier
        ``core`` (identity and money), ``analytic`` or ``displayable``.
    privacy
        Whether the value says something about a person.
    """

    __slots__ = ("en", "kind", "privacy", "tier", "unit", "zh")
    kind: Kind
    zh: str
    en: str
    unit: str
    tier: Tier
    privacy: Privacy

    def __new__(
        cls,
        name: str,
        kind: Kind,
        zh: str,
        en: str,
        *,
        unit: str = "",
        tier: Tier = "analytic",
        privacy: Privacy = "none",
    ) -> Self:
        """Build the string and attach its meaning."""
        self = super().__new__(cls, name)
        self.kind, self.zh, self.en = kind, zh, en
        self.unit, self.tier, self.privacy = unit, tier, privacy
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Travel between processes as the plain name."""
        return (str, (str(self),))


# --- who -------------------------------------------------------------------------------------
CUSTOMER_ID = Column("customer_id", "string", "客户编号（合并后）", "Customer as currently believed, after merges", tier="core", privacy="personal")  # fmt: skip
CUSTOMER_REF = Column("customer_ref", "string", "来源系统中的客户标识，形如 kind:value", "The source's own key of the customer, as kind:value", tier="core", privacy="personal")  # fmt: skip
IDENTIFIER = Column("identifier", "string", "标识，形如 kind:value", "One way somebody is recognised, as kind:value", tier="core", privacy="personal")  # fmt: skip
IDENTIFIER_KIND = Column("identifier_kind", "string", "标识种类", "Kind of identifier (phone, email, crm, device_id …)", tier="core")  # fmt: skip
ANONYMOUS_ID = Column("anonymous_id", "string", "匿名标识（设备或浏览器）", "Device or browser before login", tier="core", privacy="personal")  # fmt: skip
NAME = Column("name", "string", "名称", "Name", tier="displayable")
PERSON_NAME = Column("person_name", "string", "客户姓名", "Name of the person", tier="displayable", privacy="personal")  # fmt: skip
GENDER = Column("gender", "int8", "性别代码：1 男，2 女，9 未说明", "Gender code: 1 male, 2 female, 9 not stated", privacy="personal")  # fmt: skip
BIRTH_DATE = Column("birth_date", "date", "出生日期", "Date of birth", privacy="sensitive")
AGE_BAND = Column("age_band", "string", "年龄段", "Age band as stated by the source", privacy="personal")  # fmt: skip
PHONE = Column("phone", "string", "手机号（E.164）", "Phone number in E.164", tier="core", privacy="sensitive")  # fmt: skip
EMAIL = Column("email", "string", "电子邮箱（小写）", "E-mail address, lower case", tier="core", privacy="sensitive")  # fmt: skip
CITY = Column("city", "string", "城市", "City", tier="displayable", privacy="personal")
JOINED_AT = Column("joined_at", "timestamp", "入会时间", "When the customer joined", unit="UTC")
MEMBER_LEVEL = Column("member_level", "string", "会员等级", "Loyalty level", tier="displayable")
INCOME_BAND = Column("income_band", "string", "收入段", "Income band as stated by the source", privacy="sensitive")  # fmt: skip
HOUSEHOLD_SIZE = Column("household_size", "string", "家庭人数", "Persons in the household as stated", privacy="personal")  # fmt: skip
TIME_ZONE = Column("time_zone", "string", "客户所在时区（IANA）", "The customer's time zone (IANA)")
LANGUAGE = Column("language", "string", "语言（zh 或 en）", "Language (BCP 47)")
ATTRIBUTES = Column("attributes", "string", "其他属性（JSON）", "Further attributes as a JSON object", privacy="personal")  # fmt: skip

# --- when ------------------------------------------------------------------------------------
OCCURRED_AT = Column("occurred_at", "timestamp", "发生时间", "When it happened", unit="UTC", tier="core")  # fmt: skip
RECEIVED_AT = Column("received_at", "timestamp", "接收时间", "When it reached us", unit="UTC", tier="core")  # fmt: skip
UPDATED_AT = Column("updated_at", "timestamp", "更新时间", "When the source last changed the record", unit="UTC")  # fmt: skip
TS_US = Column("ts_us", "int64", "发生时刻（自 1970-01-01 UTC 的微秒数）", "Moment it happened", unit="microseconds since 1970-01-01 UTC", tier="core")  # fmt: skip
DAY = Column("day", "date", "日期（门店时区）", "Day in the shop's zone", tier="core")
MONTH = Column("month", "string", "月份（门店时区，YYYY-MM）", "Month in the shop's zone (YYYY-MM); partition", tier="core")  # fmt: skip
DOW = Column("dow", "int8", "星期（1 周一 … 7 周日）", "Day of week, 1 Monday to 7 Sunday")
HOUR = Column("hour", "int8", "小时（门店时区，0–23）", "Hour of day in the shop's zone", unit="0-23")  # fmt: skip
AS_OF = Column("as_of", "timestamp", "计算时点（只用此前的数据）", "The moment we pretend it is; only earlier rows count", unit="UTC", tier="core")  # fmt: skip
VALID_FROM = Column("valid_from", "timestamp", "生效时间", "First moment it holds", unit="UTC")
VALID_TO = Column("valid_to", "timestamp", "失效时间（不含）", "First moment it no longer holds", unit="UTC")  # fmt: skip
CREATED_AT = Column("created_at", "timestamp", "创建时间", "When the row was made", unit="UTC")
SEEN_AT = Column("seen_at", "timestamp", "首次见到时间", "When it was first seen", unit="UTC")
UNDONE_AT = Column("undone_at", "timestamp", "撤销时间（空为有效）", "When it was undone; empty while it holds", unit="UTC")  # fmt: skip
SENT_AT = Column("sent_at", "timestamp", "发送时间", "When it was sent", unit="UTC")
SEND_AT = Column("send_at", "timestamp", "计划触达时间", "When the contact is planned", unit="UTC")
STATUS_AT = Column("status_at", "timestamp", "状态时间", "When the state was declared", unit="UTC")
STARTS_AT = Column("starts_at", "timestamp", "开始时间", "Start", unit="UTC")
ENDS_AT = Column("ends_at", "timestamp", "结束时间（不含）", "End, exclusive", unit="UTC")
HORIZON_DAYS = Column("horizon_days", "int32", "预测期", "How far ahead the statement reaches", unit="days")  # fmt: skip

# --- what ------------------------------------------------------------------------------------
ORDER_ID = Column("order_id", "string", "订单号", "Order", tier="core")
LINE_ID = Column("line_id", "string", "订单行号", "Order line", tier="core")
PRODUCT_ID = Column("product_id", "string", "商品编号", "Product", tier="core")
OTHER_PRODUCT_ID = Column("other_product_id", "string", "另一商品编号", "The other product", tier="core")  # fmt: skip
STORE_ID = Column("store_id", "string", "门店编号", "Store", tier="displayable")
CHANNEL = Column("channel", "string", "渠道", "Channel (store, web, app, email, sms, push, wecom …)", tier="displayable")  # fmt: skip
KIND = Column("kind", "string", "类别", "Kind of the row", tier="core")
QUANTITY = Column("quantity", "float64", "数量（称重商品可为小数；退货为负）", "Units; weighed goods fractional, returns negative", unit="units")  # fmt: skip
LINES = Column("lines", "int32", "订单行数", "Order lines", unit="lines")
AMOUNT_MINOR = Column("amount_minor", "int64", "实付金额（最小货币单位；退货为负）", "Net amount paid; returns negative", unit="minor units", tier="core")  # fmt: skip
DISCOUNT_MINOR = Column("discount_minor", "int64", "优惠金额", "Discount granted", unit="minor units")  # fmt: skip
COST_MINOR = Column("cost_minor", "int64", "成本", "Cost", unit="minor units")
PRICE_MINOR = Column("price_minor", "int64", "标价", "List price", unit="minor units")
MARGIN_MINOR = Column("margin_minor", "int64", "毛利", "Margin", unit="minor units")
SPEND_MINOR = Column("spend_minor", "int64", "花费", "Spend", unit="minor units")
BUDGET_MINOR = Column("budget_minor", "int64", "预算", "Budget", unit="minor units")
CURRENCY = Column("currency", "string", "币种（ISO 4217）", "Currency (ISO 4217)", tier="core")
CATEGORY = Column("category", "string", "品类", "Category", tier="displayable")
SUBCATEGORY = Column("subcategory", "string", "子品类", "Sub-category", tier="displayable")
BRAND = Column("brand", "string", "品牌", "Brand", tier="displayable")
COUPON_ID = Column("coupon_id", "string", "优惠券编号", "Coupon", tier="displayable")
CAMPAIGN_ID = Column("campaign_id", "string", "活动编号", "Campaign", tier="displayable")
OFFER_ID = Column("offer_id", "string", "权益编号", "Offer", tier="displayable")
DISCOUNT_RATE = Column("discount_rate", "float64", "折扣率（0–1）", "Discount as a share of price", unit="share")  # fmt: skip
STOCK = Column("stock", "int64", "可用数量（空为不限）", "Units available; empty when unlimited", unit="units")  # fmt: skip
EVENT_ID = Column("event_id", "string", "事件编号", "Event", tier="core")
SESSION_ID = Column("session_id", "string", "会话编号", "Session")
PAGE = Column("page", "string", "页面", "Page or screen")
QUERY = Column("query", "string", "搜索词或文本", "Search query or text", privacy="personal")
INVALID = Column("invalid", "string", "无效流量的原因（空为真人）", "Why the row counts as invalid traffic; empty for people", tier="core")  # fmt: skip
IP = Column("ip", "string", "网络地址", "Network address of the client", privacy="personal")
AGENT = Column("agent", "string", "浏览器或程序标识（User-Agent）", "User agent of the client")
CLIENT = Column("client", "string", "客户端指纹（标识、屏幕、语言、时区的摘要）", "Digest of user agent, screen, language and time zone", privacy="personal")  # fmt: skip
HUMAN = Column("human", "float64", "真人概率（0–1）", "Probability that a person caused it", unit="share", tier="core")  # fmt: skip
DECIDED_AT = Column("decided_at", "timestamp", "判定时间", "When it was decided", unit="UTC")
VISITORS = Column("visitors", "int64", "进店人数", "People who came in", unit="people")
SENSOR = Column("sensor", "string", "客流计数器（all 为整店）", "Counter at a door; all for the whole store", tier="displayable")  # fmt: skip
KEY_KIND = Column("key_kind", "string", "键的种类（customer、city、store、day）", "What the key names: customer, city, store or day", tier="core")  # fmt: skip
KEY = Column("key", "string", "键", "Key", tier="core", privacy="personal")
TEXT = Column("text", "string", "取值（原文）", "Value as stated", tier="displayable", privacy="personal")  # fmt: skip
DEVICE = Column("device", "string", "设备类型", "Kind of device")
PROPERTIES = Column("properties", "string", "事件属性（JSON）", "Event properties as a JSON object", privacy="personal")  # fmt: skip
TOUCH_ID = Column("touch_id", "string", "触达编号", "Touch", tier="core")
DECISION_ID = Column("decision_id", "string", "决策编号", "Decision", tier="core")
STATUS = Column("status", "string", "状态", "State", tier="displayable")
PURPOSE = Column(
    "purpose", "string", "用途", "Purpose (marketing, service, analytics)", tier="core"
)
BASIS = Column("basis", "string", "合法性基础", "Legal basis", tier="core")
IMPRESSIONS = Column("impressions", "int64", "曝光次数", "Impressions", unit="count")
CLICKS = Column("clicks", "int64", "点击次数", "Clicks", unit="count")

# --- provenance ------------------------------------------------------------------------------
SOURCE = Column("source", "string", "来源", "Where the row came from", tier="displayable")
LOAD_ID = Column("load_id", "string", "装载批次", "Load that brought the row", tier="core")
RUN_ID = Column("run_id", "string", "运行编号", "Run that made the row", tier="core")
ROW_NUMBER = Column("row_number", "int64", "来源中的行号（从 1 起，不含表头）", "Row in the source, from 1, header excluded", unit="rows")  # fmt: skip
TABLE_NAME = Column("table_name", "string", "表名", "Table", tier="displayable")
COLUMN_NAME = Column("column_name", "string", "字段名", "Column", tier="displayable")
ROW_KEY = Column("row_key", "string", "行主键", "Key of the row", privacy="personal")
PATH = Column("path", "string", "文件或数据源", "File or source", tier="displayable")
BYTES = Column("bytes", "int64", "字节数", "Size", unit="bytes")
ROWS_IN = Column("rows_in", "int64", "读入行数", "Rows read", unit="rows")
ROWS_ADMITTED = Column("rows_admitted", "int64", "通过行数", "Rows admitted", unit="rows")
ROWS_REPEATED = Column("rows_repeated", "int64", "重复行数（已在库中）", "Rows already known", unit="rows")  # fmt: skip
ROWS_QUARANTINED = Column("rows_quarantined", "int64", "隔离行数", "Rows quarantined", unit="rows")
RULE = Column("rule", "string", "规则", "Rule", tier="displayable")
FIELD = Column("field", "string", "出错字段", "Field at fault", tier="displayable")
REASON = Column("reason", "string", "原因代码", "Reason code", tier="displayable")
REASON_ZH = Column("reason_zh", "string", "原因（中文）", "Reason in Chinese", tier="displayable")
REASON_EN = Column("reason_en", "string", "原因（英文）", "Reason in English", tier="displayable")
NEXT_STEP = Column("next_step", "string", "下一步", "What to do about it", tier="displayable")
RAW = Column("raw", "string", "原始行（JSON）", "The row as read, as a JSON object", privacy="sensitive")  # fmt: skip
BEFORE = Column("before", "string", "修改前", "Value before", privacy="sensitive")
AFTER = Column("after", "string", "修改后", "Value after", privacy="sensitive")
EVIDENCE = Column("evidence", "string", "依据（JSON）", "Evidence as a JSON object", privacy="personal")  # fmt: skip
LEFT = Column("left", "string", "一端标识", "One end", privacy="personal")
RIGHT = Column("right", "string", "另一端标识", "The other end", privacy="personal")
EDGE_ID = Column("edge_id", "string", "边编号", "Edge", tier="core")
STEP = Column("step", "string", "步骤", "Step", tier="displayable")
UPSTREAM = Column("upstream", "string", "上游字段（表.字段）", "Source column as table.column", tier="displayable")  # fmt: skip
DOWNSTREAM = Column("downstream", "string", "下游字段（表.字段）", "Derived column as table.column", tier="displayable")  # fmt: skip
TRANSFORM = Column("transform", "string", "依赖方式（direct、filter、join、group、sort）", "How it depends: direct, or through a filter, join, group or sort", tier="displayable")  # fmt: skip

# --- judgements ------------------------------------------------------------------------------
MODEL = Column("model", "string", "模型", "Model", tier="displayable")
MODEL_VERSION = Column("model_version", "string", "模型版本", "Model version", tier="displayable")
TASK = Column("task", "string", "预测任务", "What a model predicts", tier="displayable")
ACT = Column("act", "string", "对模型做了什么", "What was done with a model (trained, promoted, held, drifted, degraded, rolled_back …)", tier="displayable")  # fmt: skip
VALUE = Column("value", "float64", "数值", "Value")
LOW = Column("low", "float64", "区间下限", "Lower end of the interval")
HIGH = Column("high", "float64", "区间上限", "Upper end of the interval")
UNIT = Column("unit", "string", "单位", "Unit of the value", tier="displayable")
BAND = Column("band", "string", "档位", "Band (low, middle, high)", tier="displayable")
RISK = Column("risk", "int8", "风险分（0–9）", "Risk score", unit="0-9")
REASONS = Column("reasons", "string", "理由（JSON）", "Reasons as a JSON list of codes and values", tier="displayable")  # fmt: skip
RANK = Column("rank", "int32", "名次（从 1 起）", "Place, from 1", unit="place")
SCORE = Column("score", "float64", "得分", "Score")
SENTIMENT = Column("sentiment", "string", "情感（positive、neutral、negative）", "How the writer feels: positive, neutral or negative", tier="displayable")  # fmt: skip
INTENT = Column("intent", "string", "意图（return、delivery、price …；空为没有认出）", "What the writer wants (return, delivery, price …); empty when not recognised", tier="displayable")  # fmt: skip
ASPECT = Column("aspect", "string", "所说的方面（service、delivery …；空为整段文字）", "What is spoken about (service, delivery …); empty for the whole text", tier="displayable")  # fmt: skip
SERIES_KIND = Column("series_kind", "string", "序列种类（total 合计、category 品类、product 商品）", "What the series is about: total, category or product", tier="displayable")  # fmt: skip
SERIES_ID = Column("series_id", "string", "序列编号（合计为 all）", "Which one; all for the total", tier="displayable")  # fmt: skip
PERIOD_START = Column("period_start", "date", "时段的第一天（门店时区）", "First day of the period, in the shop's zone", tier="displayable")  # fmt: skip
STEPS_AHEAD = Column("steps_ahead", "int32", "向前步数（从 1 起）", "Periods ahead, from 1", unit="periods", tier="displayable")  # fmt: skip
PRICE_CHANGES = Column("price_changes", "int64", "观察到的价格变动次数", "Price changes observed", unit="changes")  # fmt: skip
RESPONSE = Column("response", "string", "价格与促销的响应（JSON：价格、销量、毛利及区间）", "Response to price and promotion as a JSON object: price, units, margin, with intervals", tier="displayable")  # fmt: skip
SCHEME = Column("scheme", "string", "分群方案", "Way of dividing customers (rfm8, tier, life_cycle, cluster)", tier="displayable")  # fmt: skip
SPENDING = Column("spending", "int64", "消费力（0–100）", "Place in spending", unit="0-100")
FREQUENCY = Column(
    "frequency", "int64", "购买频次（0–100）", "Place in frequency of purchase", unit="0-100"
)
RECENCY = Column(
    "recency", "int64", "活跃近度（0–100）", "Place in recency of purchase", unit="0-100"
)
LOYALTY = Column(
    "loyalty", "int64", "忠诚度（0–100）", "Place in time as a buying customer", unit="0-100"
)
BREADTH = Column(
    "breadth", "int64", "品类广度（0–100）", "Place in categories bought", unit="0-100"
)
PRICE_ACCEPTANCE = Column("price", "int64", "价格接受度（0–100；折扣越浅越高）", "Place in buying without discount", unit="0-100")  # fmt: skip
ENGAGEMENT = Column(
    "engagement", "int64", "互动度（0–100）", "Place in days of activity", unit="0-100"
)
INFLUENCE = Column(
    "influence", "int64", "社交影响（0–100）", "Place in reviews and shares", unit="0-100"
)
LABEL = Column("label", "string", "分群代码", "Segment code", tier="displayable")
VERSION = Column("version", "string", "版本", "Version", tier="core")
AUDIENCE_ID = Column("audience_id", "string", "人群包编号", "Audience", tier="core")
PLAN_ID = Column("plan_id", "string", "计划编号", "Plan", tier="core")
ACTION = Column("action", "string", "动作（send 触达、show 展示或 none）", "What was chosen: send, show or none", tier="displayable")  # fmt: skip
PROBABILITY = Column("probability", "float64", "被选概率", "Probability with which the action was chosen", unit="share", tier="core")  # fmt: skip
POLICY_VERSION = Column("policy_version", "string", "策略版本", "Version of the policy that chose", tier="core")  # fmt: skip
HOLDOUT = Column("holdout", "bool", "是否留白对照", "Whether the customer is held out", tier="core")
UPLIFT = Column("uplift", "float64", "预计增量（订单概率或次数）", "Expected incremental orders", unit="orders")  # fmt: skip
EXPECTED_MARGIN_MINOR = Column("expected_margin_minor", "int64", "预计增量毛利", "Expected incremental margin", unit="minor units")  # fmt: skip
CANDIDATES = Column("candidates", "string", "候选（JSON）", "Candidates with their values as a JSON list", tier="analytic")  # fmt: skip
CONSTRAINTS = Column("constraints", "string", "适用的授权与频控（JSON）", "Consents and caps applied, as a JSON list", tier="core")  # fmt: skip
INDICATOR = Column("indicator", "string", "质量指标", "Quality indicator", tier="displayable")
THRESHOLD = Column("threshold", "float64", "阈值", "Line the value is held against")
PASSED = Column("passed", "bool", "是否达标", "Whether the line was met", tier="displayable")
ROWS = Column("rows", "int64", "行数", "Rows counted", unit="rows")
METRIC = Column("metric", "string", "指标", "Metric", tier="displayable")
DIMENSION = Column("dimension", "string", "维度（all 为整体）", "Slice as name=value; all for the whole", tier="displayable")  # fmt: skip
N = Column("n", "int64", "样本数", "Units counted", unit="units")
SUM = Column("sum", "float64", "合计", "Sum over units")
SUM_SQUARES = Column("sum_squares", "float64", "平方和", "Sum of squares over units")
EXPERIMENT_ID = Column("experiment_id", "string", "实验编号", "Experiment", tier="core")
ARM = Column("arm", "string", "组别", "Arm", tier="displayable")
METHOD = Column("method", "string", "方法", "Method", tier="displayable")
ESTIMATE = Column("estimate", "float64", "估计值", "Estimated difference")
