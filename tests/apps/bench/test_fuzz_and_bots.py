"""The fuzz bench draws the same requests again, reaches every answer, and counts what escapes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shopkeeper.apps.bench import bots, fuzz
from shopkeeper.apps.bench.fuzz_requests import Mutator
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.settings import load_settings


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = open_runtime(load_settings(flags={"store.folder": str(tmp_path / "shop")}))
    yield opened
    opened.close()


def test_equal_seeds_draw_equal_requests() -> None:
    one, two, other = Mutator("k", 3), Mutator("k", 3), Mutator("k", 4)
    drawn = [one.draw() for _ in range(60)]
    assert drawn == [two.draw() for _ in range(60)]
    assert drawn != [other.draw() for _ in range(60)]


def test_the_door_answers_everything_and_the_worker_fails_on_nothing(runtime: Runtime) -> None:
    found = fuzz.fuzz_door(runtime, 600, seed=5)
    assert sum(found.values()) == 600
    assert found["crashes"] == 0
    assert not any(x.startswith("5") and x != "503" for x in found)
    assert {"200", "400", "401", "413"} <= set(found), "mutations reach every kind of answer"
    failed, admitted = fuzz.work_off(runtime)
    assert failed == 0
    assert admitted > 100


def test_what_escapes_a_door_is_counted() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            raise RuntimeError("escaped")

    found = asyncio.run(fuzz._all(broken, Mutator("k", 1), 40))
    assert found["crashes"] > 30


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(NotFoundError, match="no way of recognising bots called magic"):
        bots.run(BenchOptions(methods=("magic",)))
    with pytest.raises(NotFoundError, match="the fuzz bench has no methods"):
        fuzz.run(BenchOptions(methods=("magic",)))
