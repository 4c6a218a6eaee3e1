"""The verb `shopkeeper plan`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from shopkeeper.apps.cli.plan import app, one_decision
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import DECISIONS, IDENTITIES, TableContract

AS_OF = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)


def rows(contract: TableContract, given: list[dict[str, Any]]) -> pa.Table:
    fields = [f for f in contract.arrow_schema if f.name in given[0]]
    table = pa.table({f.name: pa.array([x[f.name] for x in given], f.type) for f in fields})
    return contract.cast(table, fill=True)


def decided(customer_id: str, code: str) -> dict[str, Any]:
    return {
        "decision_id": f"plan_1:{customer_id}", "plan_id": "plan_1", "customer_id": customer_id,
        "as_of": AS_OF, "action": "none", "probability": 1.0, "policy_version": "v1",
        "holdout": False, "currency": "CNY", "reason": code,
        "reasons": json.dumps([{"code": code}]), "candidates": "[]", "constraints": "[]",
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop"


@pytest.fixture
def runtime(folder: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    with opened.state.begin() as connection:
        connection.execute(
            insert(state.plans).values(
                plan_id="plan_1", as_of=AS_OF, status="draft", digest="d", summary={},
                created_at=AS_OF,
            )
        )  # fmt: skip
    opened.tables.append(
        DECISIONS, rows(DECISIONS, [decided(x, "budget") for x in ("c_1", "c_2", "c_gone")])
    )
    known = [
        {"identifier": i, "identifier_kind": i.partition(":")[0], "customer_id": x}
        for i, x in (("crm:1", "c_1"), ("phone:+8613912345678", "c_1"), ("crm:3", "c_3"))
    ]
    opened.tables.append(IDENTITIES, rows(IDENTITIES, known))
    yield opened
    opened.close()


@pytest.mark.parametrize("who", ["c_1", "crm:1", "phone:+8613912345678"])
def test_a_customer_is_found_by_id_and_by_identifier(runtime: Runtime, who: str) -> None:
    assert one_decision(runtime, "plan_1", who)["customer_id"] == "c_1"


def test_a_plan_keeps_the_ids_it_was_made_with(runtime: Runtime) -> None:
    assert one_decision(runtime, "plan_1", "c_gone")["customer_id"] == "c_gone"


def test_who_is_nobody_or_not_in_the_plan_is_said(runtime: Runtime) -> None:
    with pytest.raises(NotFoundError, match="no customer answers to 'crm:77'"):
        one_decision(runtime, "plan_1", "crm:77")
    with pytest.raises(NotFoundError, match="plan plan_1 holds no customer 'crm:3'"):
        one_decision(runtime, "plan_1", "crm:3")


@pytest.mark.usefixtures("runtime")
def test_show_takes_an_identifier(folder: Path) -> None:
    def typed(*words: str) -> Result:
        answer = CliRunner().invoke(app, ["show", *words, "--shop", str(folder)])
        assert answer.exit_code == 0, answer.output
        return answer

    found = json.loads(typed("latest", "--customer", "crm:1", "--json").stdout)
    assert found["customer_id"] == "c_1"
    assert "The budget earns more with other customers" in typed("--customer", "crm:1").output
