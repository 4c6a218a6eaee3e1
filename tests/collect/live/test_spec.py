from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.collect.live.spec import (
    MAX_DEPTH,
    REASONS,
    depth_within,
    read_event,
    violation,
    words,
)

GOOD: dict[str, Any] = {"type": "track", "event": "Product Viewed", "userId": "u"}


def reasons(event: Any, *, event_bytes: int = 32_768) -> list[tuple[str, str]]:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    return [(x.field, x.reason) for x in read_event(raw, event_bytes=event_bytes)[1]]


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


@pytest.mark.parametrize("change", [
    {}, {"userId": None, "anonymousId": "a"}, {"userId": 7}, {"messageId": "m" * 100},
    {"properties": {f"p{n}": n for n in range(300)}}, {"timestamp": 1.7e9}, {"integrations": {}},
    {"properties": nested(MAX_DEPTH - 1)}, {"unknown": [1, 2]},
])  # fmt: skip
def test_what_the_specification_allows(change: dict[str, Any]) -> None:
    assert reasons(GOOD | change) == []


@pytest.mark.parametrize(("change", "fault"), [
    ({"type": None}, ("type", "missing_type")),
    ({"type": "click"}, ("type", "unknown_type")),
    ({"type": 3}, ("type", "wrong_type")),
    ({"event": ""}, ("event", "missing_event_name")),
    ({"event": " "}, ("event", "missing_event_name")),
    ({"event": {"a": 1}}, ("event", "wrong_type")),
    ({"event": "e" * 501}, ("event", "id_too_long")),
    ({"userId": None}, ("userId", "missing_identity")),
    ({"userId": ""}, ("userId", "missing_identity")),
    ({"userId": True}, ("userId", "wrong_type")),
    ({"userId": ["u"]}, ("userId", "wrong_type")),
    ({"userId": "u" * 513}, ("userId", "id_too_long")),
    ({"anonymousId": {"id": 1}}, ("anonymousId", "wrong_type")),
    ({"messageId": "m" * 101}, ("messageId", "message_id_too_long")),
    ({"messageId": 5}, ("messageId", "wrong_type")),
    ({"properties": []}, ("properties", "wrong_type")),
    ({"context": "x"}, ("context", "wrong_type")),
    ({"properties": {f"p{n}": n for n in range(301)}}, ("properties", "too_many_properties")),
    ({"properties": {f"{n}": n for n in range(10_000)}}, ("", "event_too_large")),
    ({"properties": nested(MAX_DEPTH)}, ("", "too_deep")),
    ({"type": "group"}, ("groupId", "missing_group")),
    ({"type": "alias"}, ("previousId", "missing_previous")),
])  # fmt: skip
def test_what_it_does_not_allow_is_named(change: dict[str, Any], fault: tuple[str, str]) -> None:
    assert reasons(GOOD | change) == [fault]


def test_every_fault_of_an_event_is_told() -> None:
    event = {"type": "track", "properties": 3, "messageId": "m" * 200}
    assert reasons(event) == [
        ("properties", "wrong_type"), ("userId", "missing_identity"),
        ("event", "missing_event_name"), ("messageId", "message_id_too_long"),
    ]  # fmt: skip


@pytest.mark.parametrize(("raw", "reason"), [
    (b"", "not_json"), (b"{", "not_json"), (b"[]", "not_an_object"), (b"3", "not_an_object"),
    (b'{"event":"\xff"}', "invalid_utf8"), (b'{"a":NaN}', "not_json"), (b"[" * 30, "too_deep"),
])  # fmt: skip
def test_what_is_no_event_at_all(raw: bytes, reason: str) -> None:
    assert reasons(raw) == [("", reason)]


def test_small_events_with_many_properties_are_counted() -> None:
    short = {
        "type": "track",
        "event": "a",
        "userId": "u",
        "properties": {chr(300 + n): 1 for n in range(301)},
    }
    raw = json.dumps(short, ensure_ascii=False, separators=(",", ":")).encode()
    assert [x.reason for x in read_event(raw, event_bytes=32_768)[1]] == ["too_many_properties"]


@given(st.recursive(st.text() | st.integers() | st.none(),
                    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
                    max_leaves=30), st.integers(0, 8))  # fmt: skip
def test_depth_is_that_of_the_value(value: Any, bound: int) -> None:
    def depth(x: Any) -> int:
        inner = list(x.values()) if isinstance(x, dict) else x if isinstance(x, list) else None
        return 0 if inner is None else 1 + max((depth(y) for y in inner), default=0)

    raw = json.dumps(value, ensure_ascii=False).encode()
    assert depth_within(raw, bound) == (depth(value) <= bound)


@given(st.binary(max_size=300))
def test_bytes_never_raise(raw: bytes) -> None:
    read_event(raw, event_bytes=32_768)


def test_every_reason_reads_in_both_languages() -> None:
    for code in REASONS:
        found = violation(code, "f", value="v", limit=3, wanted="w", wanted_zh="w")
        assert found.zh
        assert found.en
        assert " / " in found.next_step
        assert "{" not in found.zh + found.en + found.next_step.replace("{…}", "")
    assert words([violation("missing_type", "type")])[0]["reason"] == "missing_type"
