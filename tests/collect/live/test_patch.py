from __future__ import annotations

from typing import Any

import pytest

from shopkeeper.collect.live.patch import assignment, patched
from shopkeeper.core.errors import InputError

DOCUMENT: dict[str, Any] = {"a": {"b": [1, 2]}, "x/y": 1, "m~n": 2}


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/c", "value": 3}, DOCUMENT | {"c": 3}),
        ({"op": "add", "path": "/a/b/0", "value": 0}, DOCUMENT | {"a": {"b": [0, 1, 2]}}),
        ({"op": "add", "path": "/a/b/-", "value": 3}, DOCUMENT | {"a": {"b": [1, 2, 3]}}),
        ({"op": "add", "path": "/a/b/2", "value": 3}, DOCUMENT | {"a": {"b": [1, 2, 3]}}),
        ({"op": "replace", "path": "/a/b/1", "value": None}, DOCUMENT | {"a": {"b": [1, None]}}),
        ({"op": "replace", "path": "/x~1y", "value": 5}, DOCUMENT | {"x/y": 5}),
        ({"op": "replace", "path": "", "value": []}, []),
        ({"op": "remove", "path": "/a/b"}, DOCUMENT | {"a": {}}),
        ({"op": "remove", "path": "/m~0n"}, {"a": {"b": [1, 2]}, "x/y": 1}),
        ({"op": "test", "path": "/a/b/0", "value": 1}, DOCUMENT),
        ({"op": "copy", "from": "/a/b", "path": "/c"}, DOCUMENT | {"c": [1, 2]}),
        ({"op": "move", "from": "/a/b/0", "path": "/c"}, DOCUMENT | {"a": {"b": [2]}, "c": 1}),
    ],
)
def test_operations(operation: dict[str, Any], result: Any) -> None:
    before = repr(DOCUMENT)
    assert patched(DOCUMENT, [operation]) == result
    assert repr(DOCUMENT) == before


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"op": "dance", "path": "/a"}, "operation 0: needs op"),
        ({"op": "add", "path": 5, "value": 1}, "needs op"),
        ({"op": "add", "path": "/c"}, "add needs a value"),
        ({"op": "add", "path": "c", "value": 1}, "must begin with /"),
        ({"op": "add", "path": "/a/b/3", "value": 1}, "no element '3'"),
        ({"op": "replace", "path": "/a/b/-", "value": 1}, "no element '-'"),
        ({"op": "replace", "path": "/a/b/٣", "value": 1}, "no element"),
        ({"op": "replace", "path": "/q", "value": 1}, "there is no 'q'"),
        ({"op": "remove", "path": "/x~1y/z"}, "there is no 'z'"),
        ({"op": "test", "path": "/x~1y", "value": 2}, "has another value"),
        ({"op": "copy", "path": "/c"}, "copy needs from"),
        ({"op": "move", "from": "/a", "path": "/a/b"}, "into itself"),
    ],
)
def test_what_cannot_be_applied(operation: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        patched(DOCUMENT, [operation])


def test_a_patch_is_bounded() -> None:
    with pytest.raises(InputError, match="at most 100 operations"):
        patched({}, [{"op": "add", "path": "/a", "value": 1}] * 101)


def test_a_dotted_path_becomes_an_operation() -> None:
    assert patched({"a": {}}, [assignment("a.b/c", 1)]) == {"a": {"b/c": 1}}
