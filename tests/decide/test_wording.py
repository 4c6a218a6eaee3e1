"""Sentences of decisions."""

from __future__ import annotations

import json

import pytest

from shopkeeper.decide.wording import render


@pytest.mark.parametrize(
    ("currency", "value", "cost"),
    [("CNY", "¥2.80", "¥0.05"), ("USD", "$2.80", "$0.05"), ("CHF", "CHF 2.80", "CHF 0.05")],
)
def test_amounts_carry_the_sign_of_their_currency(currency: str, value: str, cost: str) -> None:
    stored = json.dumps([{"code": "best_value", "value": 280, "cost": 5}])
    (said,) = render(stored, currency)
    assert value in said["zh"]
    assert cost in said["zh"]
    assert value in said["en"]
    assert cost in said["en"]
