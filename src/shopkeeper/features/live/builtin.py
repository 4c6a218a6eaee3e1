"""The live traits every shop has."""

from __future__ import annotations

from shopkeeper.features.live.definition import Condition, LiveTrait

HOUR, DAY = 3_600, 86_400
PAGES = ("page_view", "screen_view")
VIEWS = ("view_item",)
ORDERS = ("purchase", "pos_order_completed")
RETURNS = ("refund",)
SESSION_GAP = 30 * 60
CONTACTS = (
    "message_sent", "email_sent", "email_delivered", "sms_sent", "push_sent", "wecom_sent",
)  # fmt: skip
"""Kinds that say the shop wrote to the customer."""
OPENED = ("email_opened", "email_clicked", "email_link_clicked", "push_opened", "message_clicked")
TRUTH, MOMENT = "truth", "timestamp"

BUILT_IN: tuple[LiveTrait, ...] = (
    LiveTrait("first_seen", "first", MOMENT, "首次出现时间", "First seen"),
    LiveTrait("last_seen", "last", MOMENT, "最近出现时间", "Last seen"),
    LiveTrait("last_page", "last", "", "最近浏览页面", "Last page", kinds=PAGES, field="page"),
    LiveTrait("last_device", "last", "", "最近使用设备", "Last device", field="device"),
    LiveTrait("last_channel", "last", "", "最近渠道", "Last channel", field="channel"),
    LiveTrait("last_campaign", "last", "", "最近来源活动", "Last campaign", field="campaign_id"),
    LiveTrait("last_store", "last", "", "最近到访门店", "Last store", field="store_id"),
    LiveTrait("last_search", "last", "", "最近搜索词", "Last search",
              kinds=("search",), field="query"),
    LiveTrait("last_product_viewed", "last", "", "最近浏览商品", "Last product viewed",
              kinds=VIEWS, field="product_id"),
    LiveTrait("last_category_viewed", "last", "", "最近浏览品类", "Last category viewed",
              kinds=VIEWS, field="category"),
    LiveTrait("last_cart_product", "last", "", "最近加购商品", "Last product added to cart",
              kinds=("add_to_cart",), field="product_id"),
    LiveTrait("active_session", "active", TRUTH, "正在访问", "In a session now",
              window_s=SESSION_GAP),
    LiveTrait("session_started_at", "session", MOMENT, "本次会话开始时间", "Session began",
              field="started_at", window_s=SESSION_GAP),
    LiveTrait("session_events", "session", "events", "本次会话行为数", "Events in this session",
              field="events", window_s=SESSION_GAP),
    LiveTrait("pages_24h", "count", "events", "近 24 小时浏览页数", "Pages, last 24 hours",
              kinds=PAGES, window_s=DAY),
    LiveTrait("views_1h", "count", "events", "近 1 小时浏览商品次数", "Product views, last hour",
              kinds=VIEWS, window_s=HOUR),
    LiveTrait("views_7d", "count", "events", "近 7 天浏览商品次数", "Product views, last 7 days",
              kinds=VIEWS, window_s=7 * DAY),
    LiveTrait("views_30d", "count", "events", "近 30 天浏览商品次数", "Product views, last 30 days",
              kinds=VIEWS, window_s=30 * DAY),
    LiveTrait("products_viewed_7d", "distinct", "products", "近 7 天浏览的不同商品数",
              "Different products viewed, last 7 days",
              kinds=VIEWS, field="product_id", window_s=7 * DAY),
    LiveTrait("searches_24h", "count", "events", "近 24 小时搜索次数", "Searches, last 24 hours",
              kinds=("search",), window_s=DAY),
    LiveTrait("carts_24h", "count", "events", "近 24 小时加购次数", "Added to cart, last 24 hours",
              kinds=("add_to_cart",), window_s=DAY),
    LiveTrait("cart_open", "open", TRUTH, "加购未购买", "Cart left without an order",
              kinds=("add_to_cart",), until=ORDERS, window_s=30 * DAY),
    LiveTrait("checkout_open", "open", TRUTH, "结算未完成", "Checkout begun and not finished",
              kinds=("begin_checkout", "add_payment_info", "add_shipping_info"), until=ORDERS,
              window_s=7 * DAY),
    LiveTrait("first_order_at", "first", MOMENT, "首次下单时间", "First order", kinds=ORDERS),
    LiveTrait("last_order_at", "last", MOMENT, "最近下单时间", "Last order", kinds=ORDERS),
    LiveTrait("orders_30d", "count", "orders", "近 30 天订单数", "Orders, last 30 days",
              kinds=ORDERS, window_s=30 * DAY),
    LiveTrait("orders_life", "count", "orders", "累计订单数", "Orders, all history", kinds=ORDERS),
    LiveTrait("spend_30d_minor", "sum", "minor", "近 30 天净消费", "Net spend, last 30 days",
              kinds=(*ORDERS, *RETURNS), field="amount_minor", window_s=30 * DAY),
    LiveTrait("spend_life_minor", "sum", "minor", "累计净消费", "Net spend, all history",
              kinds=(*ORDERS, *RETURNS), field="amount_minor"),
    LiveTrait("returns_90d", "count", "returns", "近 90 天退货次数", "Returns, last 90 days",
              kinds=RETURNS, window_s=90 * DAY),
    LiveTrait("no_order_30d", "none", TRUTH, "30 天未下单", "No order for 30 days",
              kinds=ORDERS, window_s=30 * DAY),
    LiveTrait("no_order_90d", "none", TRUTH, "90 天未下单", "No order for 90 days",
              kinds=ORDERS, window_s=90 * DAY),
    LiveTrait("no_visit_14d", "none", TRUTH, "14 天未到访", "No visit for 14 days",
              kinds=(*PAGES, *VIEWS, "store_visited"), window_s=14 * DAY),
    LiveTrait("new_customer_30d", "new", TRUTH, "30 天内的新客", "First order within 30 days",
              kinds=ORDERS, window_s=30 * DAY),
    LiveTrait("contacts_24h", "count", "messages", "近 24 小时触达次数", "Contacts, last 24 hours",
              kinds=CONTACTS, window_s=DAY),
    LiveTrait("contacts_7d", "count", "messages", "近 7 天触达次数", "Contacts, last 7 days",
              kinds=CONTACTS, window_s=7 * DAY),
    LiveTrait("responses_30d", "count", "events", "近 30 天打开或点击次数",
              "Opened or clicked, last 30 days", kinds=OPENED, window_s=30 * DAY),
    LiveTrait("last_chat_at", "last", MOMENT, "最近咨询客服时间", "Last chat with service",
              kinds=("chat_message_received",)),
    LiveTrait("bad_review_90d", "active", TRUTH, "90 天内有差评", "Bad review within 90 days",
              kinds=("product_reviewed",), window_s=90 * DAY,
              where=(Condition("properties.rating", "<=", 2),)),
    LiveTrait("store_visits_30d", "count", "visits", "近 30 天到店次数", "Store visits, last 30 days",
              kinds=("store_visited",), window_s=30 * DAY),
)  # fmt: skip
"""In the order in which they are shown."""
