"""The dictionary explains every column of every table in both languages."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from shopkeeper.core import dictionary
from shopkeeper.core.tables import ALL, ORDERS


@pytest.mark.parametrize("entry", list(dictionary.entries()), ids=lambda x: f"{x.table}.{x.column}")
def test_every_column_is_explained(entry):
    assert re.search("[\u4e00-\u9fff]", entry.column.zh)
    assert entry.column.en.strip()
    assert not re.search("[\u4e00-\u9fff]", entry.column.en)


def test_every_table_is_there_once():
    text = dictionary.markdown()
    for contract in ALL.values():
        assert text.count(f"### `{contract.name}`\n") == 1
        assert contract.zh in text
        assert contract.en in text
    assert sum(line.startswith("| `") for line in text.splitlines()) == len(
        list(dictionary.entries())
    )


def test_one_table():
    text = dictionary.markdown([ORDERS])
    assert "| `amount_minor` | int64 | minor units | 是 yes | core |" in text
    assert "products" not in text


def test_it_prints():
    done = subprocess.run(
        [sys.executable, "-m", "shopkeeper.core.dictionary"],
        capture_output=True,
        text=True,
        check=True,
        encoding="utf-8",
    )
    assert done.stdout == dictionary.markdown()
