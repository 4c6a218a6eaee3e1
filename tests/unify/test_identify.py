"""From loaded rows to customers through a real lake."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.core import tables as t
from shopkeeper.unify import graph
from shopkeeper.unify.identifiers import Guards, customer_id_of
from shopkeeper.unify.identify import identify

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PHONE, OTHER = "+8613912345678", "+8613912345679"


def moment(day):
    return START + dt.timedelta(days=day)


def people(make, *given, load="l1"):
    return make(t.CUSTOMERS, list(given), source="crm", load_id=load)


def owner(runtime):
    rows = runtime.tables.run(runtime.tables.table(t.IDENTITIES)).to_pylist()
    return {x["identifier"]: x["customer_id"] for x in rows}


def run(runtime, day=30, guards=None):
    return identify(runtime.tables, guards or Guards(), as_of=moment(day))


def loaded(runtime, make, *ids):
    rows = [
        {"load_id": x, "table_name": "customers", "created_at": moment(i)}
        for i, x in enumerate(ids)
    ]
    runtime.tables.append(t.LOADS, make(t.LOADS, rows))


def test_a_shared_phone_is_one_customer_with_evidence(runtime, make):
    runtime.tables.append(
        t.CUSTOMERS,
        people(
            make, {"customer_ref": "crm:1", "phone": PHONE},
            {"customer_ref": "shop:9", "phone": PHONE, "email": "a@b.cn"},
            {"customer_ref": "crm:2", "phone": OTHER},
        ),
    )  # fmt: skip
    report = run(runtime)
    one, two = customer_id_of("crm:1"), customer_id_of("crm:2")
    assert owner(runtime) == {
        "crm:1": one, "shop:9": one, f"phone:{PHONE}": one, "email:a@b.cn": one,
        "crm:2": two, f"phone:{OTHER}": two,
    }  # fmt: skip
    assert report.edges == {"same_phone": 2}
    assert report.customers == 2
    edges = runtime.tables.run(runtime.tables.table(t.IDENTITY_EDGES)).to_pylist()
    assert {x["evidence"] for x in edges} == {'{"kind": "phone", "references": 2, "source": "crm"}'}
    before = {x["edge_id"]: x["created_at"] for x in edges}
    again = run(runtime, day=31)
    assert again == report
    edges = runtime.tables.run(runtime.tables.table(t.IDENTITY_EDGES)).to_pylist()
    assert {x["edge_id"]: x["created_at"] for x in edges} == before


def test_an_undone_merge_restores_both_and_stays_undone(runtime, make):
    tables = runtime.tables
    tables.append(t.CUSTOMERS, people(make, {"customer_ref": "crm:1", "phone": PHONE}, {"customer_ref": "crm:2", "phone": PHONE}))  # fmt: skip
    run(runtime)
    assert owner(runtime)["crm:2"] == customer_id_of("crm:1")
    edges = tables.run(tables.table(t.IDENTITY_EDGES))
    edge = edges.filter(pc.equal(edges["left"], "crm:2"))["edge_id"][0].as_py()
    tables.replace(t.IDENTITY_EDGES, graph.undo(edges, edge, at=moment(31)))
    report = run(runtime, day=32)
    assert report.undone == 1
    found = owner(runtime)
    assert found["crm:2"] == customer_id_of("crm:2")
    assert found[f"phone:{PHONE}"] == customer_id_of("crm:1")


def test_a_later_load_changes_nobody_it_does_not_touch_and_keeps_older_ids(runtime, make):
    loaded(runtime, make, "l1", "l2")
    tables = runtime.tables
    tables.append(t.CUSTOMERS, people(make, {"customer_ref": "crm:5", "phone": PHONE}, {"customer_ref": "crm:7", "phone": OTHER}))  # fmt: skip
    run(runtime)
    before = owner(runtime)
    # crm:1 sorts before crm:5, but crm:5 was known first.
    tables.append(t.CUSTOMERS, people(make, {"customer_ref": "crm:1", "phone": PHONE}, load="l2"))
    run(runtime, day=31)
    after = owner(runtime)
    assert after["crm:1"] == before["crm:5"] == after["crm:5"]
    assert {k: after[k] for k in before} == before
    # Even if the source rewrites the older record, so that it belongs to a later load.
    tables.merge(t.CUSTOMERS, people(make, {"customer_ref": "crm:5", "phone": PHONE}, load="l2"))
    run(runtime, day=32)
    assert owner(runtime) == after


def test_guard_rails(runtime, make):
    crowd = [{"customer_ref": f"crm:{i}", "phone": PHONE} for i in range(20, 26)]
    couple = [
        {"customer_ref": "crm:7", "phone": OTHER, "gender": 1, "birth_date": dt.date(1990, 1, 1)},
        {"customer_ref": "crm:8", "phone": OTHER, "gender": 2, "birth_date": dt.date(1991, 1, 1)},
    ]
    nobody = [
        {"customer_ref": "crm:null", "email": "x@y.cn"}, {"customer_ref": "crm:9", "email": "x@y.cn"},
        {"customer_ref": "crm:10", "email": "test@test.com"},
        {"customer_ref": "crm:11", "email": "test@test.com"},
    ]  # fmt: skip
    runtime.tables.append(t.CUSTOMERS, people(make, *crowd, *couple, *nobody))
    report = run(runtime)
    found = owner(runtime)
    assert len({found[x["customer_ref"]] for x in (*crowd, *couple, *nobody)}) == 12
    assert f"phone:{PHONE}" not in found
    assert "email:test@test.com" not in found
    assert found["email:x@y.cn"] == found["crm:9"]
    assert report.overshared == {"phone": 1}
    assert report.blocked == 1
    assert sum(report.refused.values()) == 1
    assert run(runtime, guards=Guards(limits={"phone": 6})).edges == {"same_phone": 7}


def test_devices_follow_their_one_owner(runtime, make, event):
    runtime.tables.append(
        t.EVENTS,
        pa.concat_tables(
            [
                event("e1", customer_ref="crm:1", anonymous_id="mine"),
                event("e2", anonymous_id="mine"),
                event("e3", customer_ref="crm:1", anonymous_id="tablet"),
                event("e4", customer_ref="crm:2", anonymous_id="tablet"),
                event("e5", anonymous_id="tablet"),
                event("e6", anonymous_id="stranger"),
                event("e7"),
            ]
        ),
    )
    run_unify(runtime, as_of=moment(30), run_id="r")
    found = owner(runtime)
    assert found["anonymous_id:mine"] == found["crm:1"]
    assert found["crm:1"] != found["crm:2"]
    assert found["anonymous_id:tablet"] == customer_id_of("anonymous_id:tablet")
    rows = runtime.tables.run(runtime.tables.table(t.ACTIVITY)).to_pylist()
    assert {x["event_id"]: x["customer_id"] for x in rows} == {
        "e1": found["crm:1"], "e2": found["crm:1"], "e3": found["crm:1"], "e4": found["crm:2"],
        "e5": found["anonymous_id:tablet"], "e6": found["anonymous_id:stranger"],
    }  # fmt: skip
    profiles = runtime.tables.run(runtime.tables.table(t.PROFILES)).to_pylist()
    assert {x["customer_id"] for x in profiles} == {found["crm:1"], found["crm:2"]}


def test_a_phone_as_reference_meets_the_customer_of_that_phone(runtime, make):
    runtime.tables.append(
        t.CUSTOMERS,
        people(make, {"customer_ref": "crm:1", "phone": PHONE}, {"customer_ref": f"phone:{PHONE}"}),
    )
    run(runtime)
    assert set(owner(runtime).values()) == {customer_id_of("crm:1")}


@pytest.mark.slow
def test_a_million_references_without_contacts(runtime):
    n = 1_000_000
    import numpy as np

    refs = pa.array(np.char.add("crm:", np.arange(n).astype(str)))
    table = pa.table(
        {"customer_ref": refs, "source": pa.repeat("crm", n), "load_id": pa.repeat("l", n)}
    )
    runtime.tables.append(t.CUSTOMERS, t.CUSTOMERS.cast(table, fill=True))
    report = run_unify(runtime, as_of=moment(30), run_id="r")
    assert report.customers == n
    assert report.seconds["identities"] < 60


def test_an_alias_ties_a_device_to_its_user(runtime, event) -> None:
    tables = runtime.tables
    tables.append(t.EVENTS, event("e1", anonymous_id="d1"))
    told = '{"$name":"","$previous":"d1"}'
    tables.append(t.EVENTS, event("e2", kind="alias", customer_ref="user:1", properties=told))
    other = '{"$previous":"d2"}'
    tables.append(t.EVENTS, event("e3", kind="odd", customer_ref="user:2", properties=other))
    identify(tables, Guards(), as_of=moment(9))
    owner = {
        x["identifier"]: x["customer_id"]
        for x in tables.run(tables.table(t.IDENTITIES)).to_pylist()
    }
    assert owner["anonymous_id:d1"] == owner["user:1"]
    assert "anonymous_id:d2" not in owner
