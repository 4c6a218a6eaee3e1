"""A merge is seen, previewed and taken back, and stays taken back."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from shopkeeper.apps.cli import context
from shopkeeper.apps.cli.identity import app
from shopkeeper.apps.flows.identity import customer_named, edges_of, preview_undo, undo_edge
from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import tables as t
from shopkeeper.core.errors import NotFoundError, PlanError
from shopkeeper.core.settings import load_settings
from shopkeeper.unify.identifiers import customer_id_of

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
AS_OF = START + dt.timedelta(days=30)
PHONE, OTHER = "+8613912345678", "+8613912345679"
ONE, TWO = customer_id_of("crm:1"), customer_id_of("web:9")


def rows(contract: t.TableContract, given: list[dict[str, Any]], **same: Any) -> pa.Table:
    full = [{"source": "crm", "load_id": "l1", **same, **x} for x in given]
    names = {n for x in full for n in x}
    fields = [f for f in contract.arrow_schema if f.name in names]
    table = pa.table({f.name: pa.array([x.get(f.name) for x in full], f.type) for f in fields})
    return contract.cast(table, fill=True)


def order(number: int, ref: str, day: int) -> dict[str, Any]:
    at = START + dt.timedelta(days=day, hours=12)
    return {
        "order_id": f"o{number}", "customer_ref": ref, "kind": "sale", "amount_minor": 100 * number,
        "currency": "CNY", "occurred_at": at, "ts_us": int(at.timestamp() * 1_000_000),
        "day": at.date(), "month": f"{at:%Y-%m}", "dow": at.isoweekday(), "hour": at.hour,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture
def runtime(folder: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    people = [
        {"customer_ref": "crm:1", "phone": PHONE},
        {"customer_ref": "web:9", "phone": PHONE, "email": "nine@example.com"},
        {"customer_ref": "crm:2", "phone": OTHER},
    ]
    bought = [
        order(1, "crm:1", 3), order(2, "crm:1", 5), order(3, "web:9", 4), order(4, "crm:2", 6),
    ]  # fmt: skip
    said = [
        {"customer_ref": ref, "purpose": "marketing", "channel": "email", "status": status,
         "status_at": START + dt.timedelta(days=day)}
        for ref, status, day in (("crm:1", "GRANT", 1), ("web:9", "REVOKED", 2))
    ]  # fmt: skip
    opened.tables.append(t.CUSTOMERS, rows(t.CUSTOMERS, people))
    opened.tables.append(t.ORDERS, rows(t.ORDERS, bought))
    opened.tables.append(t.CONSENTS, rows(t.CONSENTS, said))
    run_unify(opened, as_of=AS_OF, run_id="r1")
    yield opened
    opened.close()


def histories(runtime: Runtime) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for x in runtime.tables.run(runtime.tables.table(t.PURCHASES)).to_pylist():
        found.setdefault(x["customer_id"], set()).add(x["order_id"])
    return found


def permits(runtime: Runtime) -> dict[str, str]:
    table = runtime.tables.table(t.PERMITS)
    return {x["customer_id"]: x["status"] for x in runtime.tables.run(table).to_pylist()}


def edge_of(runtime: Runtime, ref: str) -> str:
    (found,) = (x for x in edges_of(runtime.tables, ref) if x["left"] == ref)
    return str(found["edge_id"])


def test_undoing_restores_both_histories_and_stays_undone(runtime: Runtime) -> None:
    third = customer_id_of("crm:2")
    assert histories(runtime) == {ONE: {"o1", "o2", "o3"}, third: {"o4"}}
    assert permits(runtime) == {ONE: "REVOKED"}
    edge = edge_of(runtime, "web:9")
    seen = preview_undo(runtime, edge, as_of=AS_OF)
    assert histories(runtime) == {ONE: {"o1", "o2", "o3"}, third: {"o4"}}  # nothing was written
    report = undo_edge(runtime, edge, as_of=AS_OF, run_id="r2")
    assert report.change == seen
    assert (seen.before, set(seen.after)) == ((ONE,), {ONE, TWO})
    assert ("web:9", ONE, TWO) in seen.moved
    apart = {ONE: {"o1", "o2"}, TWO: {"o3"}, third: {"o4"}}
    assert histories(runtime) == apart
    assert permits(runtime) == {ONE: "GRANT", TWO: "REVOKED"}
    assert customer_named(runtime.tables, "email:nine@example.com") == TWO
    again = run_unify(runtime, as_of=AS_OF + dt.timedelta(days=1), run_id="r3")
    assert again.undone == 1
    assert histories(runtime) == apart
    (kept,) = edges_of(runtime.tables, TWO)
    assert kept["edge_id"] == edge
    assert kept["undone_at"] is not None


def test_edges_say_why_in_both_languages(runtime: Runtime) -> None:
    for who in (ONE, "crm:1", "web:9", f"phone:{PHONE}"):
        found = edges_of(runtime.tables, who)
        assert {x["left"] for x in found} == {"crm:1", "web:9"}
        assert {(x["rule_zh"], x["rule_en"]) for x in found} == {
            ("手机号相同", "Same phone number")
        }
        assert found[0]["evidence"] == {"kind": "phone", "references": 2, "source": "crm"}
    assert edges_of(runtime.tables, "crm:2") == []


def test_what_is_not_there_cannot_be_undone(runtime: Runtime) -> None:
    with pytest.raises(NotFoundError, match="no customer answers to 'crm:77'"):
        edges_of(runtime.tables, "crm:77")
    with pytest.raises(NotFoundError, match="there is no identity edge 'e_no'"):
        preview_undo(runtime, "e_no", as_of=AS_OF)
    with pytest.raises(NotFoundError, match="there is no identity edge 'e_no'"):
        undo_edge(runtime, "e_no", as_of=AS_OF, run_id="r")
    edge = edge_of(runtime, "web:9")
    undo_edge(runtime, edge, as_of=AS_OF, run_id="r")
    with pytest.raises(PlanError, match="was undone before"):
        undo_edge(runtime, edge, as_of=AS_OF, run_id="r")


def test_the_verb_lists_previews_and_undoes(
    runtime: Runtime, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context.out, "width", 200)  # tables fold in narrow terminals

    def typed(*words: str) -> Result:
        answer = CliRunner().invoke(app, [*words, "--shop", str(folder)])
        assert answer.exit_code == 0, answer.output
        return answer

    listed = json.loads(typed("edges", "web:9", "--json").stdout)
    edge = next(x["edge_id"] for x in listed if x["left"] == "web:9")
    said = typed("preview", edge).output
    assert f"web:9: {ONE} → {TWO}" in said
    assert f"shopkeeper identity undo {edge}" in said
    assert histories(runtime)[ONE] == {"o1", "o2", "o3"}
    done = json.loads(typed("undo", edge, "--json").stdout)
    assert {"identifier": "web:9", "from": ONE, "to": TWO} in done["moved"]
    assert histories(runtime)[TWO] == {"o3"}
    assert "Same phone number · 手机号相同" in typed("edges", "web:9").output
    assert "Nothing was merged" in typed("edges", "crm:2").output
