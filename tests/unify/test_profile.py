"""Fields survive by their rule, with evidence."""

from __future__ import annotations

import datetime as dt
import json

from shopkeeper.core import tables as t
from shopkeeper.unify.profile import SURVIVAL, SURVIVAL_NAMES, Trust, profiles

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RECORDS = [
    {"customer_ref": "crm:1", "source": "crm", "updated_at": START, "person_name": "王伟", "gender": 1,
     "birth_date": dt.date(1990, 1, 1), "city": "上海", "joined_at": START},
    {"customer_ref": "web:1", "source": "web", "updated_at": START + dt.timedelta(days=9),
     "person_name": "王小伟", "gender": 2, "birth_date": dt.date(1991, 1, 1), "city": "未知",
     "joined_at": START - dt.timedelta(days=900)},
    {"customer_ref": "pos:1", "source": "pos", "gender": 1, "phone": "+8613912345678"},
    {"customer_ref": "crm:2", "source": 'a "quoted" source', "gender": 9, "email": "a@b.cn"},
]  # fmt: skip
OWNERS = [
    ("crm:1", "A"),
    ("web:1", "A"),
    ("pos:1", "A"),
    ("crm:2", "B"),
    ("crm:3", "C"),
    ("anonymous_id:x", "D"),
]


def survived(runtime, make, trust=None, order=1):
    ids = [
        {"identifier": i, "identifier_kind": i.split(":")[0], "customer_id": o} for i, o in OWNERS
    ]
    people = make(t.CUSTOMERS, RECORDS[::order], load_id="l")
    identities = make(t.IDENTITIES, ids[::order])
    runtime.tables.replace(t.CUSTOMERS, people)
    runtime.tables.replace(t.IDENTITIES, identities)
    expr = profiles(runtime.tables.table(t.CUSTOMERS), runtime.tables.table(t.IDENTITIES), trust)
    return {x["customer_id"]: x for x in runtime.tables.run(expr).to_pylist()}


def test_each_field_by_its_rule(runtime, make):
    found = survived(runtime, make)
    assert set(found) == {"A", "B", "C"}
    a = found["A"]
    assert a["person_name"] == "王小伟"  # most recent
    assert a["gender"] == 1  # most frequent
    assert a["birth_date"] == dt.date(1990, 1, 1)  # most trusted source
    assert a["city"] == "上海"  # a placeholder survives over nothing
    assert a["joined_at"] == START - dt.timedelta(days=900)  # earliest
    assert a["phone"] == "+8613912345678"
    assert a["updated_at"] == START + dt.timedelta(days=9)
    evidence = json.loads(a["evidence"])
    changed = int((START + dt.timedelta(days=9)).timestamp())
    assert evidence["person_name"] == {"source": "web", "at": changed, "rule": "most_recent"}
    assert evidence["birth_date"]["source"] == "crm"
    assert evidence["phone"] == {"source": "pos", "at": None, "rule": "most_recent"}
    assert "email" not in evidence


def test_nothing_known(runtime, make):
    found = survived(runtime, make)
    assert found["B"]["gender"] is None
    assert json.loads(found["B"]["evidence"])["email"]["source"] == 'a "quoted" source'
    assert found["C"]["evidence"] == "{}"
    assert {k for k, v in found["C"].items() if v is not None} == {"customer_id", "evidence"}


def test_row_order_is_irrelevant_and_trust_is_not(runtime, make):
    assert survived(runtime, make, order=-1) == survived(runtime, make)
    other = survived(runtime, make, trust=Trust(("web",)))
    assert other["A"]["birth_date"] == dt.date(1991, 1, 1)


def test_every_rule_has_a_name():
    assert set(SURVIVAL.values()) <= set(SURVIVAL_NAMES)
