"""What the night brings into the profiles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.apps.flows.live_profile import profile_document
from shopkeeper.apps.flows.profiles import refresh_profiles
from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import tables as t
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import TableContract

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
AT = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def rows(contract: TableContract, given: list[dict[str, Any]]) -> pa.Table:
    names = {n for x in given for n in x}
    fields = [f for f in contract.arrow_schema if f.name in names]
    table = pa.table({f.name: pa.array([x.get(f.name) for x in given], f.type) for f in fields})
    return contract.cast(table, fill=True)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    people = [
        {"customer_ref": "crm:1", "source": "crm", "load_id": "l1", "person_name": "李雷",
         "phone": "+8613812345678", "city": "上海", "updated_at": AT, "gender": 1,
         "birth_date": dt.date(1990, 1, 2), "attributes": '{"hobby": "tea"}'},
        {"customer_ref": "pos:7", "source": "pos", "load_id": "l1", "phone": "+8613812345678"},
        {"customer_ref": "crm:3", "source": "crm", "load_id": "l1", "person_name": "韩梅梅"},
    ]  # fmt: skip
    opened.tables.append(t.CUSTOMERS, rows(t.CUSTOMERS, people))
    said = {"customer_ref": "pos:7", "purpose": "marketing", "status_at": AT, "load_id": "l1",
            "basis": "form", "channel": "sms", "status": "GRANT"}  # fmt: skip
    opened.tables.append(t.CONSENTS, rows(t.CONSENTS, [said]))
    yield opened
    opened.close()


def _scored(runtime: Runtime, customer: str) -> None:
    score = {
        "customer_id": customer,
        "kind": "churn",
        "model": "m",
        "model_version": "v1",
        "horizon_days": 60,
        "value": 0.7,
        "unit": "probability",
        "reasons": '[["a", 1]]',
    }
    older = score | {"as_of": AT, "value": 0.1}
    runtime.tables.append(t.SCORES, rows(t.SCORES, [older, score | {"as_of": NOW}]))
    segment = {"customer_id": customer, "scheme": "rfm", "version": "1"}
    runtime.tables.append(
        t.SEGMENTS,
        rows(t.SEGMENTS, [segment | {"as_of": AT, "label": "lost"},
                          segment | {"as_of": NOW, "label": "champions"}]),
    )  # fmt: skip
    members = [{"audience_id": "a", "version": "2", "as_of": NOW, "customer_id": customer}]
    runtime.tables.append(t.AUDIENCE_MEMBERS, rows(t.AUDIENCE_MEMBERS, members))


def test_nightly_facts_carry_value_source_and_moment(runtime: Runtime) -> None:
    run_unify(runtime, as_of=NOW, run_id="r")
    owner = runtime.tables.run(runtime.tables.table(t.IDENTITIES)).to_pylist()
    customer = {x["identifier"]: x["customer_id"] for x in owner}["crm:1"]
    _scored(runtime, customer)
    done = refresh_profiles(runtime, as_of=NOW)
    assert (done.customers, done.identifiers, done.removed) == (2, 4, 0)
    found = profile_document(runtime.profiles, "phone:+8613812345678")
    assert found is not None
    assert found["customer_id"] == customer
    assert found["identifiers"] == ["crm:1", "phone:+8613812345678", "pos:7"]
    assert found["traits"]["city"] == {"value": "上海", "unit": "", "source": "crm", "as_of": AT}
    assert found["traits"]["birth_date"]["value"] == "1990-01-02"
    assert found["traits"]["hobby"]["value"] == "tea"
    assert found["permits"] == [
        {"purpose": "marketing", "channel": "sms", "status": "GRANT", "at": AT}
    ]
    assert found["segments"] == {"rfm": {"label": "champions", "version": "1", "as_of": NOW}}
    churn = found["scores"]["churn"]
    assert (churn["value"], churn["horizon_days"], churn["as_of"]) == (0.7, 60, NOW)
    assert churn["reasons"] == [["a", 1]]
    assert found["audiences"] == [{"audience_id": "a", "version": "2", "since": NOW}]
    assert found["freshness"]["base"] == NOW


def test_who_is_no_more_goes_and_a_second_night_changes_nothing(runtime: Runtime) -> None:
    run_unify(runtime, as_of=NOW, run_id="r")
    runtime.profiles.put_many({"c_gone": {"as_of_us": 1}})
    first = refresh_profiles(runtime, as_of=NOW)
    assert first.removed == 1
    before = runtime.profiles.get_many(runtime.profiles.ids("base"))
    again = refresh_profiles(runtime, as_of=NOW)
    assert (again.removed, again.moved, again.gone) == (0, 0, 0)
    assert runtime.profiles.get_many(runtime.profiles.ids("base")) == before


def test_ranges_hold_everybody(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopkeeper.apps.flows.profiles.RANGE", 1)
    run_unify(runtime, as_of=NOW, run_id="r")
    assert refresh_profiles(runtime, as_of=NOW).customers == 2
    assert runtime.profiles.count() == 2


def test_links_and_guards_of_the_night_are_known_online(runtime: Runtime) -> None:
    run_unify(runtime, as_of=NOW, run_id="r")
    refresh_profiles(runtime, as_of=NOW)
    store = runtime.profiles
    assert store.references_of(["phone:+8613812345678"]) == {
        "phone:+8613812345678": ["crm:1", "pos:7"]
    }
    known = store.known(["crm:1", "pos:7"])
    assert (known["crm:1"].birth_date, known["crm:1"].gender) == ("1990-01-02", "1")
    assert known["pos:7"].birth_date is None
