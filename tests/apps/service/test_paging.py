from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopkeeper.apps.service.paging import cut, decode, encode
from shopkeeper.core.errors import InputError


@given(st.text(max_size=40), st.integers(min_value=0, max_value=10**12))
def test_a_cursor_comes_back(kind: str, offset: int) -> None:
    assert decode(kind, encode(kind, offset)) == offset


@pytest.mark.parametrize(
    "cursor",
    ["", "!!", "nonsense", "bnVsbA", encode("other", 3), encode("list", -1), "W10", "4pi6"],
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InputError, match="belongs to no page of this list"):
        decode("list", cursor)


@given(st.lists(st.integers(), max_size=30), st.integers(1, 7))
def test_pages_add_up_to_the_list(rows: list[int], limit: int) -> None:
    seen: list[int] = []
    cursor: str | None = None
    while True:
        offset = decode("x", cursor)
        page, cursor = cut("x", rows[offset : offset + limit + 1], offset, limit)
        assert len(page) <= limit
        seen += page
        if cursor is None:
            break
    assert seen == rows
