"""Live traits as YAML."""

from __future__ import annotations

import pytest

from shopkeeper.core.errors import InputError
from shopkeeper.features.live.builtin import BUILT_IN
from shopkeeper.features.live.definition import Condition
from shopkeeper.features.live.text import duration, traits_of, yaml_of


def test_yaml_and_back_is_the_same() -> None:
    assert traits_of(yaml_of(BUILT_IN)) == BUILT_IN


def test_every_part_is_read() -> None:
    (trait,) = traits_of(
        """
traits:
  tea_open:
    measure: open
    kinds: add_to_cart
    until: [purchase]
    window: 36h
    where:
      - {field: category, op: in, value: [tea, 茶]}
      - {field: amount_minor, op: ">=", value: 100}
    unit: truth
    zh: 茶叶加购未买
    en: Tea left in the cart
    owner: tea team
"""
    )
    assert trait.kinds == ("add_to_cart",)
    assert trait.window_s == 36 * 3600
    assert trait.where == (
        Condition("category", "in", ("tea", "茶")),
        Condition("amount_minor", ">=", 100),
    )
    assert (trait.until, trait.owner) == (("purchase",), "tea team")
    assert duration(36 * 3600) == "36h"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("traits: [", "the traits are not valid YAML"),
        ("other: 1", "no mapping under traits"),
        ("traits: {a: 5}", "live trait a is no mapping"),
        ("traits: {a: {measure: count, zh: a, en: a, widow: 1d}}", "live trait a, widow is no key"),
        ("traits: {a: {measure: count, en: a}}", "live trait a, zh is missing"),
        (
            "traits: {a: {measure: count, zh: a, en: a, window: soon}}",
            "window is no length of time",
        ),
        ("traits: {a: {measure: count, zh: a, en: a, kinds: 5}}", "kinds is no list of words"),
        ("traits: {a: {measure: count, zh: a, en: a, unit: 5}}", "unit is no text"),
        ("traits: {a: {measure: count, zh: a, en: a, where: 5}}", "where is no list"),
        ("traits: {a: {measure: count, zh: a, en: a, where: [{op: '='}]}}", "without a field"),
        (
            "traits: {a: {measure: count, zh: a, en: a, where: [{field: page, like: 1}]}}",
            "where.like is unknown",
        ),
        (
            "traits: {a: {measure: count, zh: a, en: a, where: [{field: page, op: in, value: 1}]}}",
            "where.value is no list",
        ),
        (
            "traits: {a: {measure: count, zh: a, en: a, where: [{field: page, value: [1]}]}}",
            "where.value is no text",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        traits_of(text)
