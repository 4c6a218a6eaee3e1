"""The words of the audience builder, and the address the service is found at."""

from __future__ import annotations

from fastapi.testclient import TestClient

from shopkeeper.apps.cli.up import addresses


def test_every_example_is_a_rule_that_this_shop_can_answer(shop: TestClient) -> None:
    examples = shop.get("/api/v1/segment/vocabulary").json()["examples"]
    assert examples
    for example in examples:
        for text in example.values():
            said = shop.post("/api/v1/segment/audiences/preview", json={"rule_text": text}).json()
            assert said["error"] is None, text


def test_an_example_names_a_category_of_the_shop_or_is_left_out(empty: TestClient) -> None:
    examples = empty.get("/api/v1/segment/vocabulary").json()["examples"]
    assert examples
    assert not any("category" in example["en"] for example in examples)


def test_the_link_to_the_console_carries_the_token() -> None:
    assert addresses("127.0.0.1", 8321, "")[0] == "Console: http://127.0.0.1:8321/"
    assert addresses("::1", 80, "a&b")[0] == "Console: http://[::1]:80/?token=a%26b"
