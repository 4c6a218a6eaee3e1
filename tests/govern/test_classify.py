"""A role sees what it may, and nothing of the rest."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import ALL, CUSTOMERS, PROFILES
from shopkeeper.govern.classify import MASK, ROLES, mask, may_see

ROWS = pa.table(
    {
        "customer_id": ["c_1", "c_2"], "person_name": ["张三", None], "phone": ["+8613912345678", "123"],
        "email": ["ann@qq.com", "broken"], "birth_date": [dt.date(1990, 1, 1), None],
        "income_band": ["a", "b"], "city": ["上海", None], "member_level": ["gold", "silver"],
        "secret": ["x", "y"],
    }
)  # fmt: skip


def test_viewer():
    assert mask(ROWS, PROFILES, role="viewer").to_pylist() == [
        {
            "customer_id": "c_1", "person_name": "张**", "phone": "+86139****5678", "email": "a***@qq.com",
            "birth_date": None, "income_band": MASK, "city": MASK, "member_level": "gold", "secret": MASK,
        },
        {
            "customer_id": "c_2", "person_name": None, "phone": MASK, "email": MASK, "birth_date": None,
            "income_band": MASK, "city": None, "member_level": "silver", "secret": MASK,
        },
    ]  # fmt: skip


def test_operator_sees_names_but_nothing_sensitive():
    row = mask(ROWS, PROFILES, role="operator").to_pylist()[0]
    assert (row["person_name"], row["city"], row["income_band"]) == ("张三", "上海", MASK)


def test_privacy_officer_sees_all_known_columns():
    assert mask(ROWS.drop(["secret"]), PROFILES, role="privacy").equals(ROWS.drop(["secret"]))


def test_no_sensitive_column_is_clear_to_others():
    for contract in ALL.values():
        for column in contract.columns:
            if column.privacy == "sensitive":
                assert not any(may_see(x, column) for x in ("viewer", "analyst", "operator"))
    assert all(isinstance(x, frozenset) for x in ROLES.values())


def test_unknown_role():
    with pytest.raises(NotFoundError, match="no role 'boss'"):
        mask(ROWS, CUSTOMERS, role="boss")
