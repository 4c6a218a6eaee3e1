"""The rows every bench prints."""

from __future__ import annotations

import io
import json
import math

import numpy as np

from shopkeeper.apps.bench.rows import BenchRow, measure, print_json, print_table

KEYS = [
    "capability",
    "data",
    "protocol",
    "method",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "seconds",
    "peak_mb",
    "seed",
]


def row(**changes: object) -> BenchRow:
    given: dict[str, object] = {
        "capability": "recommend",
        "data": "toys",
        "protocol": "leave-one-out, full ranking",
        "method": "markov",
        "metric": "ndcg@10",
        "value": 0.0599,
        "n": 19412,
        "seconds": 0.9,
        "peak_mb": 310,
        "seed": 7,
    }
    return BenchRow(**(given | changes))  # type: ignore[arg-type]


def test_json_is_one_array_with_the_keys_of_the_interface_in_order() -> None:
    out = io.StringIO()
    print_json([row(), row(metric="hr@10")], out)
    loaded = json.loads(out.getvalue())
    assert [list(figure) for figure in loaded] == [KEYS, KEYS]
    assert loaded[0]["low"] is None
    assert loaded[0]["value"] == 0.0599


def test_json_of_numpy_numbers_and_of_what_does_not_exist() -> None:
    out = io.StringIO()
    print_json([row(value=np.float64(0.5), n=np.int64(3)), row(value=math.nan)], out)
    first, second = json.loads(out.getvalue())
    assert first["value"] == 0.5
    assert first["n"] == 3
    assert second["value"] is None


def test_no_figures_is_an_empty_array() -> None:
    out = io.StringIO()
    print_json([], out)
    assert json.loads(out.getvalue()) == []


def test_table_has_one_line_a_method_and_one_column_a_metric() -> None:
    out = io.StringIO()
    print_table([row(), row(metric="hr@10", value=0.0919), row(method="popularity")], out)
    text = out.getvalue()
    assert "0.0919" in text
    assert text.count("markov") == 1
    assert "19,412" in text


def test_measure_sees_seconds_and_memory_of_its_own_block() -> None:
    with measure() as large:
        block = np.ones(40_000_000, dtype=np.float32)
        del block
    with measure() as small:
        pass
    assert large.seconds > 0
    if large.peak_mb is not None and small.peak_mb is not None:
        assert large.peak_mb >= small.peak_mb
