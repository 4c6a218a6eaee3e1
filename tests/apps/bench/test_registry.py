"""Which bench answers to which word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shopkeeper.apps.bench.registry import (
    CAPABILITIES,
    REFERENCE,
    bench_function,
    missing_reference,
    run_bench,
)
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import InputError, NotFoundError

DATA = Path(os.environ.get("SHOPKEEPER_DATA", Path(__file__).parents[4] / "shared" / "data"))


def test_an_unknown_capability_is_told_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match=r"no bench called 'astrology'.*recommend"):
        bench_function("astrology")


def test_every_capability_is_a_module_of_the_bench_package() -> None:
    for word, module in CAPABILITIES.items():
        assert module == f"shopkeeper.apps.bench.{word}"


def test_all_takes_no_file_of_one_capability(tmp_path: Path) -> None:
    for options in (BenchOptions(inputs=(tmp_path,)), BenchOptions(methods=("ease",))):
        with pytest.raises(InputError, match="bench all runs on reference data"):
            run_bench("all", options)


def test_the_first_missing_file_of_the_reference_data_is_named(tmp_path: Path) -> None:
    options = BenchOptions(data_folder=tmp_path)
    for name in CAPABILITIES:
        missing = missing_reference(name, options)
        assert missing == (str(tmp_path / REFERENCE[name][0]) if name in REFERENCE else None)
    (tmp_path / "s3rec").mkdir()
    (tmp_path / "s3rec" / "Toys_and_Games.txt").touch()
    assert missing_reference("recommend", options) == str(tmp_path / "s3rec" / "LastFM.txt")


@pytest.mark.skipif(not DATA.is_dir(), reason="reference data is absent (SHOPKEEPER_DATA)")
def test_nothing_is_missing_where_the_reference_data_lies() -> None:
    options = BenchOptions(data_folder=DATA)
    assert {missing_reference(name, options) for name in CAPABILITIES} == {None}
