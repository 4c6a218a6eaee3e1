# ruff: noqa: E501  one column, one line of words
"""What customers write: chats, reviews and searches become events with text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.collect.lexicon import CUSTOMER_WORDS, customer_kinds, normal
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.text import plain, words
from shopkeeper.core import columns as c
from shopkeeper.core.errors import MappingError

About = Literal["chat", "review", "search"]
EVENT: Mapping[str, str] = {
    "chat": "chat_message_received", "review": "product_reviewed", "search": "search",
}  # fmt: skip
"""What each is called in the one vocabulary."""
SENT = "chat_message_sent"
"""A message that our own people wrote."""
KIND_COLUMN = "shopkeeper.event"

_TIME = (
    "sent_at created_at message_time chat_time review_time review_date search_time occurred_at timestamp datetime time date ts "
    "发送时间 消息时间 会话时间 咨询时间 评价时间 评论时间 评价日期 搜索时间 创建时间 发生时间 时间 日期"
)
WORDS: Mapping[str, Mapping[str, str]] = {
    "chat": {
        c.QUERY: "message text content body msg message_text utterance 消息内容 聊天内容 会话内容 咨询内容 对话内容 内容 消息 文本 留言",
        c.SESSION_ID: "conversation_id session_id chat_id thread_id ticket_id dialog_id 会话id 会话编号 对话id 工单号 工单编号 会话",
        c.PRODUCT_ID: "product_id sku item_id 商品id 商品编号",
    },
    "review": {
        c.QUERY: "review review_text text content comment body reviewtext 评价内容 评论内容 评价 评论 内容 文本 点评",
        c.PRODUCT_ID: "product_id sku item_id asin goods_id 商品id 商品编号 商品编码 商品",
        c.SESSION_ID: "review_id 评价id 评论id",
        c.CATEGORY: "category 品类 类目",
    },
    "search": {
        c.QUERY: "query search_query keyword keywords search_term term q text 搜索词 关键词 搜索内容 检索词 搜索关键词",
        c.SESSION_ID: "session_id visit_id 会话id 会话编号",
        c.CATEGORY: "category 品类 类目",
    },
}
"""Headers by what the rows are about."""
COMMON: Mapping[str, str] = {
    c.OCCURRED_AT: _TIME,
    c.EVENT_ID: "message_id event_id msg_id id 消息id 消息编号 编号",
    c.STORE_ID: "store_id shop_id store 门店 门店编号 店铺",
    c.CHANNEL: "channel platform source 渠道 平台 来源",
    c.ANONYMOUS_ID: "anonymous_id visitor_id cookie_id 访客id 匿名id",
}
ROLE = "role sender sender_type from direction author_type 角色 发送者 发送方 身份 消息方向"
STAFF = dict.fromkeys(
    [
        "agent",
        "staff",
        "seller",
        "support",
        "service",
        "assistant",
        "bot",
        "robot",
        "operator",
        "out",
        "outgoing",
        "客服",
        "坐席",
        "商家",
        "卖家",
        "机器人",
        "人工客服",
        "店员",
        "发出",
    ],
    "staff",
)
"""Words for those who write on our side."""


def find_headers(headers: Sequence[str], about: About) -> dict[str, str]:
    """Header of each column that is there; exact words, best first.

    Examples
    --------
    >>> find_headers(["会话ID", "客户编号", "消息内容", "发送时间"], "chat")["query"]
    '消息内容'
    """
    by_form = {normal(x): x for x in headers}
    wanted = {**COMMON, **WORDS[about], c.CUSTOMER_REF: " ".join(CUSTOMER_WORDS.values())}
    found: dict[str, str] = {}
    # The text comes first: "评价" may be both the text and nothing else.
    for column in sorted(wanted, key=lambda x: x != c.QUERY):
        for word in wanted[column].split():
            header = by_form.get(normal(word))
            if header is not None and header not in found.values():
                found[str(column)] = header
                break
    return found


def as_events(rows: pa.Table, about: About, *, source: str) -> tuple[pa.Table, SourceMapping]:
    """Rows with the name of the event, and the mapping by which they become events.

    Parameters
    ----------
    rows
        As read.
    about
        What they are.
    source
        Name of the system.

    Returns
    -------
    tuple
        Rows with the column ``shopkeeper.event``, and the mapping. Columns that none of the
        contract's takes (a rating, the role, a topic) go to the properties.

    Raises
    ------
    MappingError
        If no column holds the text, the time, or who wrote it.
    """
    headers = [str(x) for x in rows.column_names]
    found = find_headers(headers, about)
    missing = [x for x in (c.QUERY, c.OCCURRED_AT) if x not in found]
    if c.CUSTOMER_REF not in found and c.ANONYMOUS_ID not in found:
        missing.append(c.CUSTOMER_REF)
    if missing:
        asked = "; ".join(f"{x} ({x.zh} / {x.en})" for x in missing)
        raise MappingError(
            f"cannot tell which column is {asked}. Headers seen: {', '.join(headers[:40])}",
            next_step="Rename them, or write mapping: {table: events, columns: {…}} in the "
            "definition",
            missing=[str(x) for x in missing],
        )
    columns = {k: (v,) for k, v in found.items()}
    columns[str(c.KIND)] = (KIND_COLUMN,)
    kinds = customer_kinds()
    kind = kinds.get(normal(found[c.CUSTOMER_REF]), "crm") if c.CUSTOMER_REF in found else "crm"
    mapping = SourceMapping("events", columns, source=source, customer_kind=kind)
    return with_event(rows, about), mapping


def with_event(rows: pa.Table, about: About) -> pa.Table:
    """Rows with the column that says what each is; staff's messages have a name of their own."""
    names = pa.repeat(pa.scalar(EVENT[about]), rows.num_rows)
    if about == "chat":
        by_form = {normal(str(x)): x for x in rows.column_names}
        role = next((by_form[normal(x)] for x in ROLE.split() if normal(x) in by_form), None)
        if role is not None:
            staff = pc.is_valid(words(plain(rows.column(role)), STAFF))
            names = pc.if_else(staff, SENT, names)
    if KIND_COLUMN in rows.column_names:
        rows = rows.drop_columns([KIND_COLUMN])
    return rows.append_column(KIND_COLUMN, names)
