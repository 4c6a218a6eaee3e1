# ruff: noqa: E501  one column, one line of words
"""Words that headers use, in Chinese and English, for the columns of each table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from shopkeeper.core import columns as c

_NOISE = re.compile(r"[\s_\-./\\:：（）()\[\]【】#*'\"]+")
_UNIT = re.compile(r"[（(\[【](元|人民币|rmb|cny|usd|¥|￥|件|个)[)）\]】]", re.IGNORECASE)


def normal(header: str) -> str:
    """A header without case, spaces, punctuation and unit.

    Examples
    --------
    >>> normal("Order_ID "), normal("实付金额（元）")
    ('orderid', '实付金额')
    """
    return _NOISE.sub("", _UNIT.sub("", header)).casefold()


CUSTOMER_WORDS: Mapping[str, str] = {
    "crm": "customer_id customer_ref customer_no customer_code customer_number customer cust_id custid client_id "
    "user_id userid uid user buyer_id shopper_id household_id household_key household_number member_key person_id "
    "客户编号 客户号 客户id 客户代码 客户编码 客户 顾客编号 顾客id 顾客号 用户id 用户编号 用户号 买家id 买家编号 买家会员名 买家昵称 买家账号",
    "member_card": "member_id memberid member_no member_number member_card card_no card_number card_id loyalty_card "
    "loyalty_id vip_no vip_id vip_card 会员号 会员编号 会员id 会员卡号 会员卡 会员 会员代码 会员编码 卡号 贵宾卡号 vip卡号 vip号",
    "phone": "phone mobile phone_number mobile_phone mobile_no cellphone tel telephone 手机号 手机号码 手机 电话 "
    "联系电话 联系手机 会员手机 会员手机号 客户手机 客户手机号 买家手机 收货人手机 收货手机",
    "email": "email e-mail mail email_address 邮箱 电子邮箱 邮件 电子邮件 邮箱地址",
    "device_id": "device_id deviceid 设备号 设备id 设备标识 oaid idfa imei",
}
"""Headers of columns that say who, by kind of identifier."""

_ORDER: Mapping[str, str] = {
    c.ORDER_ID: "order_id orderid order_no order_number order_code order basket_id transaction_id transactionid "
    "trans_id txn_id receipt_id receipt_no invoice_no invoice invoice_number bill_no ticket_id sales_id 订单号 订单编号 "
    "订单id 订单 单号 销售单号 小票号 流水号 交易号 交易编号 交易单号 交易流水号 票据号 子订单主单号 主订单编号 单据编号 单据号",
    c.OCCURRED_AT: "order_date order_time ordered_at order_datetime transaction_timestamp transaction_date "
    "transaction_time trans_date purchase_date purchase_time purchased_at paid_at payment_time pay_time sale_date "
    "sales_date invoice_date date datetime timestamp time day created_at occurred_at event_time 下单时间 下单日期 "
    "订单时间 订单日期 交易时间 交易日期 付款时间 支付时间 支付日期 购买时间 购买日期 销售日期 销售时间 成交时间 消费时间 消费日期 "
    "业务日期 日期 时间 订单创建时间 订单付款时间 创建时间",
    c.AMOUNT_MINOR: "amount amount_paid paid_amount net_amount order_amount total_amount total total_price "
    "sales_value sales_amount sales revenue net_sales payment paid pay_amount spend price_paid value order_value "
    "dollar_value line_total 实付金额 实付款 实付 实收金额 实收 应付金额 订单金额 交易金额 交易额 成交金额 销售额 销售金额 支付金额 付款金额 消费金额 "
    "金额 总金额 总价 总额 合计 合计金额 买家实际支付金额 买家实付金额 净额",
    c.DISCOUNT_MINOR: "discount discount_amount discount_value coupon_amount retail_disc promotion_discount 优惠 "
    "优惠金额 折扣金额 折扣 减免金额 促销优惠 优惠券金额 抵扣金额",
    c.CURRENCY: "currency currency_code ccy 币种 货币 货币代码 币别",
    c.QUANTITY: "quantity qty units number_of_items item_count items count pieces buy_mount number_of_cds num "
    "数量 件数 购买数量 商品数量 销售数量 销量 购买件数 总数量",
    c.CHANNEL: "channel sales_channel order_channel source_channel platform 渠道 销售渠道 订单渠道 渠道来源 平台",
    c.STORE_ID: "store_id store shop_id shop store_no store_code outlet branch 门店 门店编号 门店id 门店代码 店铺 店铺名称 店铺id "
    "门店编码 门店名称 分店",
    c.COUPON_ID: "coupon coupon_id coupon_code voucher promo_code coupon_upc 优惠券 优惠券编号 优惠券码 券号 券码 优惠码",
    c.KIND: "kind order_type transaction_type sale_type 类型 订单类型 交易类型 单据类型 销售类型 业务类型",
}
WORDS: Mapping[str, Mapping[str, str]] = {
    "orders": {
        **_ORDER,
        c.STATUS: "status order_status state 状态 订单状态 交易状态 支付状态",
    },
    "order_lines": {
        **_ORDER,
        c.STATUS: "status order_status state 状态 订单状态 交易状态 支付状态",
        c.LINE_ID: "line_id line_no line_number order_line_id item_no 行号 明细号 明细编号 子订单号 子订单编号 子订单id 订单行号",
        c.PRODUCT_ID: "product_id productid product_no product product_code sku sku_id skuid item_id item_code item "
        "stock_code stockcode article_id auction_id upc ean barcode goods_id 商品编号 商品id 商品编码 商品代码 商品 货号 "
        "条码 商品条码 sku编码 产品编号 产品id 产品编码 宝贝id 商品货号 品号 商家编码",
    },
    "products": {
        c.PRODUCT_ID: "product_id productid product_no product_code sku sku_id skuid item_id item_code stock_code stockcode "
        "article_id upc ean barcode goods_id 商品编号 商品id 商品编码 商品代码 货号 条码 商品条码 sku编码 产品编号 产品id 产品编码 品号 商家编码",
        c.NAME: "name product_name title item_name description product_type product_description goods_name 商品名称 商品名 名称 品名 产品名称 "
        "标题 商品标题 宝贝标题",
        c.CATEGORY: "category department category_1 category_name product_category class 品类 类目 分类 大类 一级类目 一级分类 商品分类 "
        "商品类目 部门 商品类别 类别",
        c.SUBCATEGORY: "subcategory sub_category category_2 sub_class product_subcategory 子类 子品类 二级类目 二级分类 中类 小类 子类目",
        c.BRAND: "brand brand_name manufacturer manufacturer_id 品牌 品牌名称 厂商 生产商",
        c.PRICE_MINOR: "price list_price unit_price retail_price msrp 价格 单价 标价 售价 零售价 吊牌价 原价",
        c.COST_MINOR: "cost unit_cost cost_price cogs 成本 成本价 进价 进货价 采购价",
        c.CURRENCY: "currency currency_code 币种 货币",
        c.STOCK: "stock inventory on_hand stock_quantity 库存 库存数量 库存量 可用库存",
    },
    "customers": {
        c.PERSON_NAME: "name full_name person_name customer_name member_name real_name 姓名 客户姓名 会员姓名 顾客姓名 真实姓名 名字 客户名称 会员名称",
        c.GENDER: "gender sex 性别",
        c.BIRTH_DATE: "birth_date birthday birthdate date_of_birth dob 生日 出生日期 出生年月日 会员生日",
        c.AGE_BAND: "age age_band age_group age_range 年龄 年龄段",
        c.PHONE: CUSTOMER_WORDS["phone"],
        c.EMAIL: CUSTOMER_WORDS["email"],
        c.CITY: "city town city_name 城市 所在城市 市 居住城市",
        c.JOINED_AT: "joined_at join_date registered_at registration_date register_time signup_date created_at since "
        "dt_customer enrolled_at 注册时间 注册日期 入会时间 入会日期 开卡时间 开卡日期 加入时间 成为会员时间 建档日期",
        c.MEMBER_LEVEL: "member_level level tier loyalty_level membership grade vip_level 会员等级 等级 会员级别 级别 会员类型 vip等级",
        c.INCOME_BAND: "income income_band income_range income_level salary 收入 收入段 年收入 月收入 收入水平",
        c.HOUSEHOLD_SIZE: "household_size family_size household_members 家庭人数 家庭人口 家庭成员数",
        c.TIME_ZONE: "time_zone timezone tz 时区",
        c.LANGUAGE: "language lang locale 语言",
        c.UPDATED_AT: "updated_at modified_at last_modified update_time 更新时间 修改时间 最后更新",
    },
    "events": {
        c.EVENT_ID: "event_id eventid message_id messageid 事件id 事件编号 消息id",
        c.KIND: "event event_name event_type kind type action behavior behavior_type 事件 事件名称 事件类型 行为 行为类型 动作",
        c.ANONYMOUS_ID: "anonymous_id anonymousid visitor_id cookie_id client_uuid 匿名id 访客id 设备id",
        c.SESSION_ID: "session_id sessionid session 会话id 会话编号 会话",
        c.OCCURRED_AT: "timestamp event_time event_timestamp time occurred_at ts datetime date created_at original_timestamp "
        "event_date 时间 事件时间 发生时间 行为时间 时间戳 访问时间 日期",
        c.RECEIVED_AT: "received_at receivedat 接收时间",
        c.PRODUCT_ID: "product_id productid item_id sku sku_id goods_id properties.product_id 商品id 商品编号 商品",
        c.CATEGORY: "category category_id properties.category 类目 品类 商品类目 类目id",
        c.PAGE: "page url path page_url screen context.page.path 页面 页面地址 网址 路径",
        c.QUERY: "query search_query keyword search_term text content review comment message properties.query 搜索词 关键词 "
        "搜索内容 内容 评论 评论内容 文本 留言",
        c.CHANNEL: "channel source platform 渠道 来源 平台",
        c.STORE_ID: "store_id store shop_id store_code properties.store_id 门店 门店编号 门店id 门店代码",
        c.DEVICE: "device device_type user_agent os 设备 设备类型 终端 终端类型",
        c.CAMPAIGN_ID: "campaign_id campaign utm_campaign context.campaign.name 活动 活动id 活动编号",
        c.AMOUNT_MINOR: "amount value revenue properties.revenue 金额",
        c.CURRENCY: "currency properties.currency 币种",
    },
    "campaigns": {
        c.CAMPAIGN_ID: "campaign_id campaign_no campaign_code 活动编号 活动id 活动号 活动代码",
        c.NAME: "name campaign_name title 活动名称 名称 活动标题",
        c.KIND: "campaign_type type kind 活动类型 类型",
        c.CHANNEL: "channel 渠道 投放渠道",
        c.STARTS_AT: "start_date starts_at start start_time begin_date 开始时间 开始日期 活动开始 起始日期",
        c.ENDS_AT: "end_date ends_at end end_time 结束时间 结束日期 活动结束 截止日期",
        c.BUDGET_MINOR: "budget 预算 活动预算",
        c.CURRENCY: "currency 币种",
    },
    "offers": {
        c.OFFER_ID: "offer_id offer coupon_id coupon_no coupon_code coupon_upc 权益编号 权益id 优惠券编号 优惠券id 券编号 券id 券号",
        c.CAMPAIGN_ID: "campaign_id campaign 活动编号 活动id 所属活动",
        c.NAME: "name offer_name coupon_name title 权益名称 优惠券名称 券名称 名称",
        c.KIND: "offer_type coupon_type type kind 权益类型 优惠券类型 券类型 类型",
        c.PRODUCT_ID: "product_id sku item_id 商品编号 商品id 适用商品",
        c.CATEGORY: "category 品类 类目 适用品类",
        c.DISCOUNT_RATE: "discount_rate discount_percent rate 折扣率 折扣",
        c.COST_MINOR: "cost face_value offer_cost 成本 面额 面值 券面额",
        c.MARGIN_MINOR: "margin 毛利",
        c.CURRENCY: "currency 币种",
        c.CHANNEL: "channel 渠道 发放渠道",
        c.STOCK: "stock quantity limit total 库存 发放数量 发行量 数量 总量",
        c.VALID_FROM: "valid_from start_date starts_at 生效时间 生效日期 开始时间 有效期起 开始日期",
        c.VALID_TO: "valid_to end_date expires_at expiry ends_at 失效时间 失效日期 结束时间 有效期止 截止日期 到期日",
    },
    "touches": {
        c.TOUCH_ID: "touch_id message_id send_id 触达编号 触达id 发送编号 消息编号",
        c.DECISION_ID: "decision_id 决策编号",
        c.CAMPAIGN_ID: "campaign_id campaign 活动编号 活动id 活动",
        c.OFFER_ID: "offer_id coupon_id 权益编号 优惠券编号",
        c.CHANNEL: "channel touch_channel send_channel 渠道 触达渠道 发送渠道",
        c.STATUS: "status touch_status send_status delivery_status 状态 触达状态 发送状态",
        c.SENT_AT: "sent_at send_time sent_time touched_at contact_date send_date timestamp date 发送时间 触达时间 发送日期 触达日期 时间",
        c.COST_MINOR: "cost send_cost unit_cost 成本 费用 发送成本",
        c.CURRENCY: "currency 币种",
    },
    "consents": {
        c.PURPOSE: "purpose consent_purpose 用途 授权用途 目的",
        c.CHANNEL: "channel consent_channel 渠道 授权渠道",
        c.STATUS: "status consent consent_status opt_in state 状态 授权状态 是否同意 授权 是否授权",
        c.BASIS: "basis legal_basis 合法性基础 依据 授权方式",
        c.STATUS_AT: "status_at status_date consent_date consented_at updated_at date timestamp 授权时间 授权日期 状态时间 时间 更新时间",
    },
    "costs": {
        c.DAY: "day date cost_date spend_date report_date 日期 投放日期 费用日期 统计日期",
        c.CHANNEL: "channel media platform 渠道 媒体 平台 投放渠道",
        c.CAMPAIGN_ID: "campaign_id campaign campaign_name 活动编号 活动 计划 推广计划 活动id",
        c.SPEND_MINOR: "spend cost amount ad_spend expense 花费 消耗 费用 投放费用 广告费 成本 金额",
        c.CURRENCY: "currency 币种",
        c.IMPRESSIONS: "impressions impression views 曝光 曝光量 展现量 展示次数 曝光次数 展现",
        c.CLICKS: "clicks click 点击 点击量 点击次数 点击数",
    },
    "footfall": {
        c.STORE_ID: _ORDER[c.STORE_ID] + " location site 地点 商场",
        c.SENSOR: "sensor sensor_id sensor_name counter counter_id camera camera_id gate entrance 计数器 传感器 摄像头 设备编号 出入口 入口",
        c.OCCURRED_AT: "timestamp datetime date_time hour_start interval_start time_bucket counted_at occurred_at time date "
        "统计时间 时间段 时段 计数时间 采集时间 时间 日期",
        c.VISITORS: "visitors footfall entries people_in visits_in in_count hourly_counts hourly_count visitor_count people "
        "count total_of_directions 客流 客流量 客流人数 进店人数 进店客流 人数 人流量 进客数 进入人数",
    },
    "enrichments": {
        c.KEY_KIND: "key_kind",
        c.KEY: "key",
        c.NAME: "name",
        c.TEXT: "text",
        c.VALUE: "value",
        c.VALID_FROM: "valid_from",
        c.BASIS: "basis",
        c.COST_MINOR: "cost",
        c.CURRENCY: "currency",
    },
}
"""Headers for the columns of each table, by table."""

NEEDS_CUSTOMER = frozenset({"orders", "order_lines", "customers", "events", "touches", "consents"})
"""Tables with a customer column."""
SIGNATURES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "order_lines": (
        (c.PRODUCT_ID, c.CUSTOMER_REF, c.OCCURRED_AT),
        (c.ORDER_ID, c.QUANTITY, c.AMOUNT_MINOR, c.LINE_ID),
    ),
    "orders": ((c.CUSTOMER_REF, c.OCCURRED_AT, c.AMOUNT_MINOR), (c.ORDER_ID, c.STATUS, c.QUANTITY)),
    "products": (
        (c.PRODUCT_ID,),
        (c.NAME, c.CATEGORY, c.SUBCATEGORY, c.BRAND, c.PRICE_MINOR, c.COST_MINOR, c.STOCK),
    ),
    "customers": (
        (c.CUSTOMER_REF,),
        (
            c.PERSON_NAME,
            c.GENDER,
            c.BIRTH_DATE,
            c.PHONE,
            c.EMAIL,
            c.CITY,
            c.JOINED_AT,
            c.MEMBER_LEVEL,
            c.AGE_BAND,
            c.INCOME_BAND,
        ),
    ),
    "events": (
        (c.KIND, c.OCCURRED_AT),
        (c.EVENT_ID, c.SESSION_ID, c.PAGE, c.CUSTOMER_REF, c.QUERY, c.ANONYMOUS_ID),
    ),
    "campaigns": ((c.CAMPAIGN_ID, c.STARTS_AT), (c.NAME, c.ENDS_AT, c.BUDGET_MINOR)),
    "offers": ((c.OFFER_ID,), (c.DISCOUNT_RATE, c.VALID_FROM, c.VALID_TO, c.NAME, c.COST_MINOR)),
    "touches": (
        (c.CUSTOMER_REF, c.CHANNEL, c.SENT_AT),
        (c.STATUS, c.TOUCH_ID, c.OFFER_ID, c.CAMPAIGN_ID),
    ),
    "consents": ((c.CUSTOMER_REF, c.STATUS, c.STATUS_AT), (c.PURPOSE, c.CHANNEL, c.BASIS)),
    "costs": ((c.DAY, c.CHANNEL, c.SPEND_MINOR), (c.CAMPAIGN_ID, c.IMPRESSIONS, c.CLICKS)),
    "footfall": ((c.VISITORS, c.OCCURRED_AT, c.STORE_ID), (c.SENSOR,)),
}
"""What must and what may be there for a source to be each table."""


@cache
def headers_of(table: str) -> dict[str, tuple[str, ...]]:
    """Normal forms of the headers of each column of a table, best first."""
    found = {k: tuple(normal(x) for x in v.split()) for k, v in WORDS[table].items()}
    if table in NEEDS_CUSTOMER:
        kinds = [k for k in CUSTOMER_WORDS if not (table == "events" and k == "device_id")]
        found[c.CUSTOMER_REF] = tuple(normal(x) for k in kinds for x in CUSTOMER_WORDS[k].split())
    return {str(k): v for k, v in found.items()}


@cache
def _every_word() -> frozenset[str]:
    return frozenset(x for table in WORDS for names in headers_of(table).values() for x in names)


def is_known(header: str) -> bool:
    """Whether a cell is a header of some table.

    Examples
    --------
    >>> is_known("订单号"), is_known("31.5")
    (True, False)
    """
    return normal(header) in _every_word()


@cache
def customer_kinds() -> dict[str, str]:
    """Kind of identifier by normal form of the header."""
    return {normal(x): kind for kind, text in CUSTOMER_WORDS.items() for x in text.split()}
