"""Which bench answers to which word."""

from __future__ import annotations

import pytest

from shopkeeper.apps.bench.registry import CAPABILITIES, bench_function
from shopkeeper.core.errors import NotFoundError


def test_an_unknown_capability_is_told_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match=r"no bench called 'astrology'.*recommend"):
        bench_function("astrology")


def test_every_capability_is_a_module_of_the_bench_package() -> None:
    for word, module in CAPABILITIES.items():
        assert module == f"shopkeeper.apps.bench.{word}"
