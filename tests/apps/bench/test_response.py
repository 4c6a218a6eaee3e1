"""Bench of response and of intent on tables: honest splits, doubtful columns, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from shopkeeper.apps.bench import intent_table, response
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.apps.bench.tables import METHODS, read_file, time_order
from shopkeeper.core.errors import InputError, NotEnoughDataError

CHEAP = ("base rate", "best single column", "logistic", "lightgbm default")


def sessions(folder: Path, months: tuple[str, ...] = ("Feb", "June", "Nov", "Dec")) -> Path:
    random = np.random.default_rng(2)
    bought = random.random(600) < 0.2
    page = np.where(random.random(600) < np.where(bought, 0.8, 0.1), random.gamma(2, 9, 600), 0)
    table = pa.table(
        {
            "pages": random.poisson(np.where(bought, 9, 6)), "PageValues": page,
            "exit_rate": random.random(600), "Month": random.choice(months, 600),
            "visitor": [f"v{x}" for x in random.integers(0, 200, 600)], "Revenue": bought,
        }
    )  # fmt: skip
    path = folder / "sessions.csv"
    pacsv.write_csv(table, path, pacsv.WriteOptions(delimiter=";"))
    return path


def test_sessions_in_time_with_and_without_the_page_value(tmp_path: Path, capsys) -> None:
    options = BenchOptions(
        inputs=(sessions(tmp_path),), target="Revenue", time="Month", methods=CHEAP
    )
    rows = intent_table.run(options)
    assert "PageValues may be known only after the outcome" in capsys.readouterr().err
    with_it, without = dict.fromkeys(x.protocol for x in rows)
    assert with_it.startswith("temporal: test on the latest")
    assert without == f"{with_it}; without PageValues"
    area = {(x.protocol, x.method): x.value for x in rows if x.metric == "auc"}
    assert area[with_it, "logistic"] > area[without, "logistic"] + 0.03
    assert area[with_it, "base rate"] == 0.5
    december = sum(x == "Dec" for x in read_file(options.inputs[0])["Month"].to_pylist())
    assert {x.n for x in rows} == {december}
    assert {x.metric for x in rows} == {"auc", "average_precision", "brier", "ece"}


def test_folds_keep_groups_on_one_side(tmp_path: Path) -> None:
    options = BenchOptions(
        inputs=(sessions(tmp_path),), target="Revenue", group="visitor", methods=("logistic",),
        exclude=("PageValues",),
    )  # fmt: skip
    (protocol,) = {x.protocol for x in response.run(options)}
    assert protocol.startswith("5 folds, rows of one visitor on one side")


def test_months_and_days_are_put_in_order() -> None:
    assert time_order(pa.chunked_array([["Nov", "june", "Feb"]]), "m").tolist() == [11, 6, 2]
    assert time_order(pa.chunked_array([[30, 10, 20]]), "m").tolist() == [2, 0, 1]
    days = time_order(pa.chunked_array([["2025-03-01", "2024-12-31"]]), "m")
    assert days[0] > days[1]
    with pytest.raises(InputError, match="column 'm' cannot be ordered in time"):
        time_order(pa.chunked_array([["a", "b"]]), "m")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    path = sessions(tmp_path, ("May",))
    with pytest.raises(InputError, match="which column is the outcome"):
        response.run(BenchOptions(inputs=(path,)))
    with pytest.raises(InputError, match="there is no column 'sold'"):
        response.run(BenchOptions(inputs=(path,), target="sold"))
    with pytest.raises(InputError, match="needs a column of time"):
        response.run(BenchOptions(inputs=(path,), target="Revenue", protocol="temporal"))
    with pytest.raises(InputError, match="'leave-one-out' is not known for a table"):
        response.run(BenchOptions(inputs=(path,), target="Revenue", protocol="leave-one-out"))
    with pytest.raises(NotEnoughDataError, match="nothing lies before the test"):
        intent_table.run(BenchOptions(inputs=(path,), target="Revenue", time="Month"))
    with pytest.raises(InputError, match="cannot be read"):
        read_file(tmp_path / "none.csv")


def test_every_method_is_named_once() -> None:
    assert tuple(METHODS) == ("shopkeeper", *CHEAP)
