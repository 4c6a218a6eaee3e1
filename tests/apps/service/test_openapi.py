from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shopkeeper.apps.service import openapi

COMMITTED = Path(__file__).parents[3] / "console" / "openapi.json"


document = cache(openapi.document)


def test_committed_document_is_the_generated_one() -> None:
    if not COMMITTED.is_file():
        pytest.skip("the console's sources are not part of this checkout")
    generated = document()
    assert COMMITTED.read_text(encoding="utf-8") == generated, (
        "run: python -m shopkeeper.apps.service.openapi > console/openapi.json"
    )


def test_document_is_openapi_3_1_and_names_every_operation_once() -> None:
    described = json.loads(document())
    assert described["openapi"].startswith("3.1")
    operations = [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names)) >= 45
    assert all(name.islower() and " " not in name for name in names)
    for path, method, operation in operations:
        assert operation["description"], (path, method)
        assert operation["tags"], (path, method)


def test_every_operation_of_the_api_answers_problems() -> None:
    described = json.loads(document())
    for path, methods in described["paths"].items():
        if path.startswith("/api/"):
            for operation in methods.values():
                answer = operation["responses"]["default"]["content"]
                assert list(answer) == ["application/problem+json"]


def test_every_reference_resolves() -> None:
    described = json.loads(document())
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}

    def references(part: object) -> set[str]:
        if isinstance(part, dict):
            own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
            return own.union(*(references(value) for value in part.values()))
        if isinstance(part, list):
            return set().union(*(references(value) for value in part))
        return set()

    assert references(described) <= known


def test_the_service_serves_the_same_document(empty: TestClient) -> None:
    assert empty.get("/api/v1/openapi.json").json() == json.loads(document())
