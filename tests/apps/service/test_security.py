from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from small_shop import open_shop

from shopkeeper.apps.service import create_app

TOKEN = "correct-horse"
RULE = {"rule_text": "orders_90d > 1"}


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>console</title>")
    (folder / "assets" / "main-abc.js").write_text("1")
    (tmp_path / "secret.txt").write_text("hidden-content")
    return folder


@pytest.fixture
def closed(tmp_path: Path, static: Path) -> Iterator[TestClient]:
    runtime = open_shop(tmp_path / "shop", **{"service.token": TOKEN})
    app = create_app(runtime, static=static, max_body_bytes=1000)
    yield TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    runtime.close()


def test_every_answer_carries_the_security_headers(empty: TestClient) -> None:
    for path in ("/health", "/api/v1/settings", "/api/v1/nothing", "/customers"):
        headers = empty.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_no_foreign_host_name_is_believed(empty: TestClient) -> None:
    answer = empty.get("/api/v1/settings", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert empty.get("/api/v1/settings", headers={"Host": "localhost:8321"}).status_code == 200
    assert empty.get("/api/v1/settings", headers={"Host": "[::1]:8321"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"}, False),
    ],
)
def test_writes_come_from_the_own_pages_only(
    empty: TestClient, headers: dict[str, str], allowed: bool
) -> None:
    answer = empty.post("/api/v1/segment/audiences/preview", json=RULE, headers=headers)
    assert (answer.status_code != 403) == allowed


def test_a_token_closes_the_api_and_leaves_the_probes_open(closed: TestClient) -> None:
    assert closed.get("/health").status_code == 200
    assert closed.get("/ready").status_code == 200
    for path in ("/api/v1/overview", "/metrics", "/api/v1/openapi.json"):
        answer = closed.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised"), path
    for wrong in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        headers = {"Authorization": wrong.encode()}
        assert closed.get("/api/v1/settings", headers=headers).status_code == 401, wrong
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert closed.get("/api/v1/settings", headers=right).status_code == 200
    assert TOKEN not in closed.get("/api/v1/settings", headers=right).text


def test_the_start_up_address_gives_the_console_its_cookie(closed: TestClient) -> None:
    first = closed.get(f"/customers?token={TOKEN}")
    assert (first.status_code, first.headers["location"]) == (303, "/customers")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert closed.get("/api/v1/settings").status_code == 200  # the client kept the cookie
    foreign = {"Origin": "http://evil.example"}
    assert closed.post("/api/v1/segment/audiences", json={}, headers=foreign).status_code == 403


def test_the_cookie_address_leads_nowhere_else(closed: TestClient) -> None:
    assert closed.get("http://127.0.0.1//evil.example?token=x").headers["location"][:2] != "//"


def test_a_large_body_is_refused(closed: TestClient) -> None:
    right = {"Authorization": f"Bearer {TOKEN}"}
    answer = closed.post("/api/v1/segment/audiences", content=b"x" * 1001, headers=right)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    answer = closed.post(
        "/api/v1/segment/audiences", content=b"x", headers=right | {"Content-Length": "lots"}
    )
    assert answer.status_code == 413


def test_a_large_body_of_unknown_length_is_cut_off(closed: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(10):
            yield b'{"name": "' + b"x" * 400

    right = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    answer = closed.post("/api/v1/segment/audiences", content=endless(), headers=right)
    assert answer.status_code in {400, 413, 422}


def test_the_console_is_served_with_its_fallback(closed: TestClient) -> None:
    page = closed.get("/decide/plans/p1")
    assert page.text == "<title>console</title>"
    assert page.headers["cache-control"] == "no-cache"
    asset = closed.get("/assets/main-abc.js")
    assert asset.text == "1"
    assert "immutable" in asset.headers["cache-control"]
    assert closed.get("/assets/gone-def.js").status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd"]
)
def test_no_file_outside_the_console_is_served(closed: TestClient, path: str) -> None:
    assert "hidden-content" not in closed.get(f"http://127.0.0.1{path}").text
    assert "root:" not in closed.get(f"http://127.0.0.1{path}").text


def test_a_missing_console_says_how_to_build_it(tmp_path: Path) -> None:
    runtime = open_shop(tmp_path / "shop")
    client = TestClient(create_app(runtime, static=tmp_path / "none"), base_url="http://localhost")
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make console" in answer.text
    assert "控制台" in answer.text
    runtime.close()


def test_an_unchanged_answer_costs_a_header(shop: TestClient) -> None:
    first = shop.get("/api/v1/collect/loads")
    again = shop.get("/api/v1/collect/loads", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = shop.get(
        "/api/v1/collect/loads?limit=1", headers={"If-None-Match": first.headers["etag"]}
    )
    assert other.status_code == 200
    assert "etag" not in shop.get("/api/v1/nothing").headers
