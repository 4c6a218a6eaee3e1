"""Reading series from users' files, and what the bench says of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from shopkeeper.apps.bench.forecast import orange_juice, run
from shopkeeper.apps.bench.forecast_elasticity import elasticity_rows
from shopkeeper.apps.bench.forecast_read import read_series, series_panel
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError, SourceError


def daily(series: int = 3, days: int = 70) -> pa.Table:
    """Daily sales of shops closed on Sundays, with a promotion that doubles them."""
    random = np.random.default_rng(2)
    day = np.tile(
        np.arange(np.datetime64("2022-01-03"), np.datetime64("2022-01-03") + days), series
    )
    shop = np.repeat(np.arange(series), days)
    promo = random.random(len(day)) < 0.3
    week = np.array([1.0, 1, 1, 1.2, 1.5, 2.0, 0])[np.arange(len(day)) % days % 7]
    sales = np.round(100 * (shop + 1) * week * (1 + promo) * random.uniform(0.95, 1.05, len(day)))
    open_ = week > 0
    return pa.table({
        "shop": np.char.add("shop ", shop.astype(str))[open_], "date": pa.array(day[open_]),
        "sales": sales[open_], "promo": promo[open_].astype(np.int64),
        "customers": sales[open_] / 7.0, "format": np.where(shop == 1, "big", "small")[open_],
    })  # fmt: skip


def test_it_finds_columns_and_says_which_are_known_ahead():
    made = series_panel(daily(), "daily.csv")
    assert made.panel.key_names == ("shop", "format")
    assert (made.panel.grain.unit, made.panel.grain.seasons) == ("day", (7, 365))
    assert made.ahead == ("promo",)
    assert made.unused == ("customers",)
    # Sundays are unknown, not zero.
    assert np.isnan(made.panel.values[0, 6])
    assert np.isfinite(made.panel.values[0, 5])


def test_a_price_that_is_the_value_in_other_words_is_left_out():
    table = daily()
    table = table.append_column("promo_sales", pa.array(table["sales"].to_numpy() * 2.0))
    assert "promo_sales" in series_panel(table, "x").unused
    assert series_panel(table, "x", exclude=["promo"]).ahead == ()


@pytest.mark.parametrize(
    ("times", "unit", "first"),
    [
        (["2020-01", "2020-02", "2020-04"], "month", "2020-01-01"),
        ([202001, 202002, 202004], "month", "2020-01-01"),
        ([20200101, 20200102, 20200104], "day", "2020-01-01"),
        (["03/02/2020", "03/09/2020", "03/16/2020"], "week", "2020-03-02"),
        (["2020-01-01 05:00", "2020-01-01 06:00", "2020-01-01 08:00"], "hour", "2020-01-01T05:00"),
        ([1_577_836_800, 1_577_840_400, 1_577_844_000], "hour", "2020-01-01T00:00"),
        ([7, 8, 10], "step", "7"),
    ],
)
def test_times_as_people_write_them(times, unit, first):
    table = pa.table({"t": times, "y": [1.0, 2.0, 3.0]})
    panel = series_panel(table, "x", time="t", value="y").panel
    assert (panel.grain.unit, panel.grain.label(panel.origin)) == (unit, first)


def test_files_compressed_or_with_semicolons(tmp_path: Path):
    csv.write_csv(daily(), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_bytes()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "b.csv").write_bytes(text.replace(b",", b";"))
    one, two = (read_series(tmp_path / name) for name in ("a.csv.gz", "b.csv"))
    np.testing.assert_array_equal(one.panel.values, two.panel.values)
    with pytest.raises(SourceError, match="cannot be read"):
        read_series(tmp_path / "nothing.csv")


def test_refusals_name_row_and_column():
    table = pa.table({"day": ["2020-01-01", "someday"], "y": [1.0, 2.0]})
    with pytest.raises(MappingError, match="row 2 of x: 'someday' in column day is no date"):
        series_panel(table, "x")
    with pytest.raises(MappingError, match="row 2 of x has no time in column day"):
        series_panel(table.set_column(0, "day", pa.array(["2020-01-01", None])), "x")
    with pytest.raises(MappingError, match="row 1 of x has no period in column t: 0.5"):
        series_panel(pa.table({"t": [0.5, 1.0], "y": [1.0, 2.0]}), "x", time="t")
    with pytest.raises(InputError, match="row 2 of x lies in the future: 2099-01-01"):
        series_panel(table.set_column(0, "day", pa.array(["2020-01-01", "2099-01-01"])), "x")
    with pytest.raises(MappingError, match="x has no column nowhere; it has day, y"):
        series_panel(table, "x", value="nowhere")
    with pytest.raises(MappingError, match="column day of x is no number"):
        series_panel(table, "x", value="day")
    with pytest.raises(MappingError, match="no column that looks like a value"):
        series_panel(pa.table({"day": ["2020-01-01"], "b": [1.0]}), "x")
    with pytest.raises(InputError, match="x has no row"):
        series_panel(table.slice(0, 0), "x")


def test_the_bench_prints_ours_beside_baselines(tmp_path: Path):
    csv.write_csv(daily(series=2), tmp_path / "daily.csv")
    options = BenchOptions(inputs=(tmp_path / "daily.csv",), series=("shop",), steps=7, peers=False)
    rows = run(options)
    table = {(row.data, row.method, row.metric): row.value for row in rows}
    ours = table["daily.csv", "shopkeeper", "mase"]
    for plain in ("naive", "seasonal_naive", "ets", "median8"):
        assert ours < table["daily.csv", plain, "mase"]
    assert 0.6 <= table["daily.csv", "shopkeeper", "coverage90"] <= 1.0
    assert "known ahead: promo" in rows[0].protocol
    csv.write_csv(daily(days=9), tmp_path / "short.csv")
    with pytest.raises(NotEnoughDataError, match="needs 18 periods of history, found 8"):
        run(BenchOptions(inputs=(tmp_path / "short.csv",), steps=7, peers=False))


def test_simulated_elasticities_are_measured_against_the_truth():
    rows = elasticity_rows(BenchOptions(), replicates=3)
    found = {(row.data, row.method, row.metric): row.value for row in rows}
    assert abs(found["one elasticity", "shopkeeper", "bias"]) < 0.1
    assert found["products differ", "shopkeeper", "coverage95"] > 0.7


def test_orange_juice_reads_own_prices_and_no_profit():
    folder = BenchOptions().data_folder
    if not (folder / "bayesm").is_dir():
        pytest.skip(f"reference data not found in {folder}")
    made = orange_juice(folder)
    assert made.panel.series == 913
    assert "profit" not in made.ahead
    assert "price" in made.ahead
