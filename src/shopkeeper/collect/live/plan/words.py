# ruff: noqa: E501  one entry, one line of words
"""Why a tracking plan refuses an event: code, sentence and next step in both languages.

Codes are stored in the quarantine; they are never renamed.
"""

from __future__ import annotations

from shopkeeper.collect.live.envelope import Violation
from shopkeeper.collect.reasons import Reason

SHOWN = 80
"""Characters of a value that a sentence quotes."""
KIND_WORDS = {
    "string": ("文字", "text"),
    "integer": ("整数", "a whole number"),
    "number": ("数字", "a number"),
    "decimal": ("数字或数字文本", "a number or its text"),
    "boolean": ("真假值", "true or false"),
    "datetime": ("ISO 8601 时间", "an ISO 8601 moment"),
    "array": ("列表", "a list"),
    "object": ("对象", "an object"),
    "any": ("任意值", "anything"),
}
"""Types of values as people read them."""

_FIX_ZH, _FIX_EN = (
    "更正埋点；已隔离的事件可编辑后重放",
    "Correct the instrumentation; quarantined events can be edited and replayed",
)
_PLAN_ZH, _PLAN_EN = (
    "若确有需要，加入埋点方案后重放",
    "If it is wanted, add it to the tracking plan and replay",
)

PLAN_REASONS: dict[str, Reason] = {
    r.code: r
    for r in (
        Reason("plan_unplanned_event", "埋点方案里没有事件“{value}”", "the tracking plan has no event “{value}”", _PLAN_ZH, _PLAN_EN),
        Reason("plan_unplanned_property", "埋点方案里没有属性 {field}", "the tracking plan has no property {field}", _PLAN_ZH, _PLAN_EN),
        Reason("plan_missing", "缺少 {field}", "{field} is missing", _FIX_ZH, _FIX_EN),
        Reason("plan_missing_with", "有 {value} 时必须有 {field}", "{field} is missing, which {value} requires", _FIX_ZH, _FIX_EN),
        Reason("plan_type", "{field} 应为{expected}，得到“{value}”", "{field} must be {expected}, not “{value}”", _FIX_ZH, _FIX_EN),
        Reason("plan_enum", "{field} 的值“{value}”不在允许之列：{expected}", "{field} is “{value}”, allowed are {expected}", _FIX_ZH, _FIX_EN),
        Reason("plan_pattern", "{field} 的值“{value}”不符合格式 {expected}", "{field} is “{value}”, which does not match {expected}", _FIX_ZH, _FIX_EN),
        Reason("plan_range", "{field} 的值“{value}”应{expected}", "{field} is “{value}”, it must be {expected}", _FIX_ZH, _FIX_EN),
        Reason("plan_length", "{field} 的长度为 {value}，应{expected}", "{field} has length {value}, it must be {expected}", _FIX_ZH, _FIX_EN),
    )
}  # fmt: skip
"""Every reason of the tracking plan by code."""


def violation(
    reason: str, field: str, value: object, expected: tuple[str, str] = ("", "")
) -> Violation:
    """One violation in words.

    Parameters
    ----------
    reason
        Code from :data:`PLAN_REASONS`.
    field
        Path of the field.
    value
        What the sentence quotes, shortened.
    expected
        What was expected, in Chinese and English.

    Returns
    -------
    Violation

    Examples
    --------
    >>> violation("plan_missing", "properties.order_id", "").en
    'properties.order_id is missing'
    """
    known = PLAN_REASONS[reason]
    quoted = shown(value)
    return Violation(
        field=field,
        reason=reason,
        zh=known.zh.format(field=field, value=quoted, expected=expected[0]),
        en=known.en.format(field=field, value=quoted, expected=expected[1]),
        next_step=known.next_step,
    )


def shown(value: object) -> str:
    """A value as a sentence quotes it: short, printable, and never failing.

    Parameters
    ----------
    value
        Anything JSON holds.

    Returns
    -------
    str

    Examples
    --------
    >>> shown(True), shown(None), shown([1, 2]), shown("a" * 200)[-3:]
    ('true', 'null', '[…2]', 'aa…')
    """
    if isinstance(value, dict | list):
        bracket = "{}" if isinstance(value, dict) else "[]"
        return f"{bracket[0]}…{len(value)}{bracket[1]}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 256:
        return "1e…"  # printing it could take longer than judging it
    text = str(value)
    if len(text) > SHOWN:
        text = text[: SHOWN - 1] + "…"
    return text.encode("utf-8", "replace").decode()
