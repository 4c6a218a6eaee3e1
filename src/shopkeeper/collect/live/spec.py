# ruff: noqa: E501  one entry, one line of words
"""What an event must look like, after Segment's HTTP specification, and the words for why not.

Every rule has a code that is stored and never renamed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from shopkeeper.collect.live.envelope import Violation

CALL_TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})
MAX_MESSAGE_ID = 100
MAX_PROPERTIES = 300
MAX_DEPTH = 20
MAX_ID = 512
MAX_NAME = 500
SHORTEST_PROPERTY = 5
"""Bytes of the shortest property, ``"":1,``: fewer bytes than that times the bound need no count."""

_FIX = "在发送端更正后重新发送 / Correct it where it is sent, and send it again"

REASONS: dict[str, tuple[str, str, str]] = {
    "not_json": ("不是有效的 JSON：{value}", "not valid JSON: {value}", _FIX),
    "not_an_object": ("事件不是 JSON 对象", "the event is not a JSON object", "每个事件发送一个 {{…}} 对象 / Send one {{…}} object per event"),
    "event_too_large": ("事件有 {value} 字节，超过上限 {limit}", "the event has {value} bytes, more than {limit}", "删去大字段，或改用 import 批量导入 / Leave large fields out; setting live.event_kb is the bound"),
    "too_deep": ("嵌套超过 {limit} 层", "nested deeper than {limit} levels", "把嵌套结构展平 / Flatten the nested value"),
    "too_many_properties": ("有 {value} 个属性，超过上限 {limit}", "{value} properties, more than {limit}", "只发送需要的属性 / Send only the properties you need"),
    "unknown_type": ("未知的事件类型“{value}”", "unknown type “{value}”", "使用 track、identify、page、screen、group 或 alias / Use track, identify, page, screen, group or alias"),
    "missing_type": ("缺少 type", "type is missing", "使用 track、identify、page、screen、group 或 alias / Use track, identify, page, screen, group or alias"),
    "missing_identity": ("userId 与 anonymousId 均为空", "neither userId nor anonymousId is given", "至少填写其中一个 / Give at least one of them"),
    "missing_event_name": ("track 事件缺少名称 event", "a track call without the name of its event", "填写 event，如 Product Viewed / Fill in event, such as Product Viewed"),
    "missing_group": ("group 调用缺少 groupId", "a group call without groupId", "填写 groupId / Fill in groupId"),
    "missing_previous": ("alias 调用缺少 previousId", "an alias call without previousId", "填写 previousId / Fill in previousId"),
    "wrong_type": ("{field} 应为{wanted_zh}，收到的是{value}", "{field} must be {wanted}, not {value}", _FIX),
    "message_id_too_long": ("messageId 有 {value} 个字符，超过上限 {limit}", "messageId has {value} characters, more than {limit}", "使用 UUID 之类的短编号 / Use a short id such as a UUID"),
    "id_too_long": ("{field} 有 {value} 个字符，超过上限 {limit}", "{field} has {value} characters, more than {limit}", _FIX),
    "bad_timestamp": ("{field} 的值“{value}”不是时间", "{field} is “{value}”, which is no moment", "使用 ISO 8601，如 2026-01-31T08:00:00Z / Use ISO 8601, such as 2026-01-31T08:00:00Z"),
    "ancient_timestamp": ("{field} 的时间“{value}”早于 {limit}，不可信", "{field} is “{value}”, before {limit}, too long ago to be true", "检查设备时钟；同时发送 sentAt 可自动校正 / Check the device's clock; with sentAt it is corrected"),
    "bad_amount": ("{field} 的值“{value}”不是金额", "{field} is “{value}”, which is no amount of money", "金额写成数字，如 19.90 / Write amounts as numbers, such as 19.90"),
    "absurd_amount": ("{field} 的金额“{value}”超出可信范围", "{field} is “{value}”, beyond what can be true", "核对金额与单位 / Check amount and unit"),
    "unknown_currency": ("不认识的币种“{value}”", "unknown currency “{value}”", "使用 ISO 4217 代码，如 CNY、USD / Use an ISO 4217 code such as CNY or USD"),
    "invalid_utf8": ("不是有效的 UTF-8 文本", "not valid UTF-8 text", "以 UTF-8 编码发送 / Send it encoded as UTF-8"),
}  # fmt: skip
"""Reason code → sentence in zh, in en, and the next step; ``{…}`` are filled in from the event."""


class Event(msgspec.Struct):
    """The fields of one call that this product reads, with the types they must have."""

    type: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    messageId: str | None = None  # noqa: N815 - spelled as on the wire
    userId: str | int | float | None = None  # noqa: N815
    anonymousId: str | int | float | None = None  # noqa: N815
    previousId: str | int | float | None = None  # noqa: N815
    groupId: str | int | float | None = None  # noqa: N815
    timestamp: str | int | float | None = None
    originalTimestamp: str | int | float | None = None  # noqa: N815
    sentAt: str | int | float | None = None  # noqa: N815
    sessionId: str | int | float | None = None  # noqa: N815
    channel: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    integrations: dict[str, Any] | None = None


_OBJECT = ("object", "对象")
_ID = ("a string", "字符串")
_TEXT = ("a string", "字符串")
_MOMENT = ("a moment", "时间")
_WANTED: dict[str, tuple[tuple[type, ...], tuple[str, str]]] = {
    **dict.fromkeys(("type", "event", "name", "category", "messageId", "channel"), ((str,), _TEXT)),
    **dict.fromkeys(
        ("userId", "anonymousId", "previousId", "groupId", "sessionId"), ((str, int, float), _ID)
    ),
    **dict.fromkeys(("timestamp", "originalTimestamp", "sentAt"), ((str, int, float), _MOMENT)),
    **dict.fromkeys(("properties", "traits", "context", "integrations"), ((dict,), _OBJECT)),
}
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_event = msgspec.json.Decoder(Event)
_anything = msgspec.json.Decoder()


def violation(
    code: str, field: str = "", *, value: object = "", limit: object = "", wanted: str = "",
    wanted_zh: str = "",
) -> Violation:  # fmt: skip
    """A violation in words.

    Parameters
    ----------
    code
        A key of :data:`REASONS`.
    field
        Path of the field at fault; empty for the whole event.
    value
        What was found; cut to 60 characters.
    limit
        The bound that was broken.
    wanted, wanted_zh
        What should have been there.

    Returns
    -------
    Violation

    Examples
    --------
    >>> violation("message_id_too_long", "messageId", value=140, limit=100).en
    'messageId has 140 characters, more than 100'
    """
    zh, en, next_step = REASONS[code]
    shown = str(value)
    facts = {
        "field": field,
        "value": shown if len(shown) <= 60 else f"{shown[:60]}…",
        "limit": limit,
        "wanted": wanted,
        "wanted_zh": wanted_zh,
    }
    return Violation(field, code, zh.format(**facts), en.format(**facts), next_step.format(**facts))


def depth_within(raw: bytes, bound: int = MAX_DEPTH) -> bool:
    """Whether JSON is nested at most so deep; never recurses.

    Parameters
    ----------
    raw
        JSON text.
    bound
        Levels allowed; the outermost object is the first.

    Returns
    -------
    bool

    Examples
    --------
    >>> depth_within(b'{"a":[1]}', 2), depth_within(b'{"a":[[1]]}', 2), depth_within(b'"[[["', 0)
    (True, False, True)
    """
    # Fewer opening brackets than levels cannot nest deeper; nearly every event ends here.
    if raw.count(b"{") + raw.count(b"[") <= bound:
        return True
    depth = 0
    for found in _BRACKETS.finditer(_STRINGS.sub(b"", raw)):
        if found.group() in b"{[":
            depth += 1
            if depth > bound:
                return False
        else:
            depth -= 1
    return True


def read_event(raw: bytes, *, event_bytes: int) -> tuple[Event, list[Violation]]:
    """Read one event and say everything that is wrong with its shape.

    Parameters
    ----------
    raw
        JSON as the client sent it.
    event_bytes
        Largest event allowed.

    Returns
    -------
    tuple
        The event, as far as it can be read, and the violations; empty when it is in order.
    """
    if len(raw) > event_bytes:
        return Event(), [violation("event_too_large", value=len(raw), limit=event_bytes)]
    if not depth_within(raw):
        return Event(), [violation("too_deep", limit=MAX_DEPTH)]
    try:
        event = _event.decode(raw)
        faults: list[Violation] = []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        loose, faults = _read_loosely(raw)
        if loose is None:
            return Event(), faults
        event = loose
    _check_identity(event, faults)
    _check_call(event, faults)
    if len(raw) > SHORTEST_PROPERTY * MAX_PROPERTIES:
        _check_counts(event, faults)
    return event, faults


def _read_loosely(raw: bytes) -> tuple[Event | None, list[Violation]]:
    try:
        content = _anything.decode(raw)
    except UnicodeDecodeError:
        return None, [violation("invalid_utf8")]
    except (msgspec.MsgspecError, RecursionError) as error:
        return None, [violation("not_json", value=error)]
    if not isinstance(content, dict):
        return None, [violation("not_an_object")]
    faults: list[Violation] = []
    kept: dict[str, Any] = {}
    for field, (types, (wanted, wanted_zh)) in _WANTED.items():
        value = content.get(field)
        if value is None:
            continue
        if isinstance(value, types) and not isinstance(value, bool):
            kept[field] = value
        else:
            shown = type(value).__name__
            faults.append(
                violation("wrong_type", field, value=shown, wanted=wanted, wanted_zh=wanted_zh)
            )
    return Event(**kept), faults


def _check_identity(event: Event, faults: list[Violation]) -> None:
    named = {x.field for x in faults}
    if event.userId in (None, "") and event.anonymousId in (None, ""):
        if not named & {"userId", "anonymousId"}:
            faults.append(violation("missing_identity", "userId"))
        return
    for field in ("userId", "anonymousId"):
        value = getattr(event, field)
        if isinstance(value, str) and len(value) > MAX_ID:
            faults.append(violation("id_too_long", field, value=len(value), limit=MAX_ID))


def _check_call(event: Event, faults: list[Violation]) -> None:
    named = {x.field for x in faults}
    if not event.type:
        if "type" not in named:
            faults.append(violation("missing_type", "type"))
    elif event.type not in CALL_TYPES:
        faults.append(violation("unknown_type", "type", value=event.type))
    elif event.type == "track":
        if not (event.event or "").strip():
            if "event" not in named:
                faults.append(violation("missing_event_name", "event"))
        elif len(event.event or "") > MAX_NAME:
            length = len(event.event or "")
            faults.append(violation("id_too_long", "event", value=length, limit=MAX_NAME))
    elif event.type == "group" and event.groupId in (None, "") and "groupId" not in named:
        faults.append(violation("missing_group", "groupId"))
    elif event.type == "alias" and event.previousId in (None, "") and "previousId" not in named:
        faults.append(violation("missing_previous", "previousId"))
    if event.messageId is not None and len(event.messageId) > MAX_MESSAGE_ID:
        length = len(event.messageId)
        faults.append(
            violation("message_id_too_long", "messageId", value=length, limit=MAX_MESSAGE_ID)
        )


def _check_counts(event: Event, faults: list[Violation]) -> None:
    for field in ("properties", "traits"):
        count = len(getattr(event, field) or ())
        if count > MAX_PROPERTIES:
            faults.append(
                violation("too_many_properties", field, value=count, limit=MAX_PROPERTIES)
            )


def words(violations: Sequence[Violation]) -> list[dict[str, str]]:
    """Violations as JSON objects.

    Parameters
    ----------
    violations
        What is wrong.

    Returns
    -------
    list of dict
        Keys ``field``, ``reason``, ``zh``, ``en`` and ``next_step``.
    """
    return [
        {
            "field": x.field,
            "reason": x.reason,
            "zh": x.zh,
            "en": x.en,
            "next_step": x.next_step,
        }
        for x in violations
    ]
