from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shopkeeper.apps.service import problems
from shopkeeper.core import errors
from shopkeeper.core.errors import ShopkeeperError

FIELDS = {
    "type", "title", "title_text", "status", "detail", "code", "facts", "next_step", "retryable",
    "instance",
}  # fmt: skip


def raising(error: Exception) -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/fail")
    def fail() -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False)


def all_errors() -> list[type[ShopkeeperError]]:
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, ShopkeeperError)
    ]
    return [x for x in found if x not in {ShopkeeperError, errors.MissingExtraError}]


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_becomes_a_problem_with_its_facts(kind: type[ShopkeeperError]) -> None:
    error = kind("row 3 is wrong", next_step="Correct it", row=3, at=datetime(2026, 1, 1))
    answer = raising(error).get("/fail")
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(body) == FIELDS
    assert answer.status_code == body["status"] == kind.status
    assert (body["code"], body["detail"], body["next_step"]) == (
        kind.code, "row 3 is wrong", "Correct it",
    )  # fmt: skip
    assert body["facts"] == {"row": 3, "at": "2026-01-01T00:00:00"}
    assert body["title_text"]["zh"] != body["title_text"]["en"] == body["title"]
    assert body["instance"] == "/fail"
    assert body["retryable"] == kind.retryable
    assert ("retry-after" in answer.headers) == kind.retryable


def test_facts_that_are_no_json_become_text() -> None:
    answer = raising(errors.StoreError("full", raised=object)).get("/fail").json()
    assert "object" in answer["facts"]["raised"]


def test_an_unexpected_error_says_nothing_of_the_inside() -> None:
    answer = raising(RuntimeError("secret path")).get("/fail")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["facts"] == {"error": "RuntimeError"}


def test_a_missing_extra_names_the_command() -> None:
    answer = raising(errors.MissingExtraError("pyspark", "spark")).get("/fail")
    assert answer.status_code == 501
    assert "pip install 'shopkeeper[spark]'" in answer.json()["next_step"]


def test_a_wrong_parameter_names_the_field(empty: TestClient) -> None:
    answer = empty.get("/api/v1/customers", params={"limit": 0})
    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "invalid_request")
    assert body["facts"]["faults"][0]["field"] == "query.limit"
    assert set(body) == FIELDS


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v2", 404, "not_found"),
        ("DELETE", "/api/v1/runs", 405, "method_not_allowed"),
        ("GET", "/api/v1/customers/nobody", 404, "not_found"),
        ("GET", "/api/v1/profiles/nobody", 400, "input"),
        ("GET", "/api/v1/customers?cursor=xx", 400, "input"),
        ("GET", "/api/v1/decide/plans/none", 404, "not_found"),
        ("GET", "/api/v1/runs/none", 404, "not_found"),
        ("GET", "/api/v1/predict/models/churn/none", 404, "not_found"),
        ("GET", "/api/v1/govern/lineage?column=a.b", 404, "not_found"),
    ],
)
def test_what_is_not_there(
    empty: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = empty.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) == FIELDS
