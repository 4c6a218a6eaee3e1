from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shopkeeper.apps.bench import churn, value
from shopkeeper.apps.bench.orders import order_tasks, read_orders
from shopkeeper.apps.bench.rows import BenchOptions
from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError, SourceError

DATA = Path(os.environ.get("SHOPKEEPER_DATA", Path(__file__).parents[4] / "shared" / "data"))


@pytest.fixture(scope="module")
def orders_csv(tmp_path_factory) -> Path:
    random = np.random.default_rng(3)
    lines = ["buyer;when;paid"]
    for customer in range(300):
        days = np.cumsum(random.exponential(random.gamma(2, 15), 40)) + random.uniform(0, 60)
        stop = random.uniform(60, 900)
        for day in days[days < min(stop, 300)]:
            moment = datetime(2024, 1, 1) + timedelta(days=float(day))
            lines.append(f"{customer};{moment:%Y-%m-%d %H:%M:%S};{random.gamma(4, 10):.2f}")
    path = tmp_path_factory.mktemp("orders") / "shop.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def _options(path: Path, **more) -> BenchOptions:
    return BenchOptions(
        inputs=(path,),
        customer="buyer",
        time="when",
        amount="paid",
        horizon_days=60,
        seed=1,
        **more,
    )


def test_churn_prints_every_method_and_metric(orders_csv: Path):
    rows = churn.run(_options(orders_csv))
    said = {(row.method, row.metric): row for row in rows}
    for method in (
        "shopkeeper",
        "recency",
        "p_alive",
        "pareto_nbd",
        "logistic",
        "boosted",
        "blend",
    ):
        for metric in ("auc", "average_precision", "brier", "ece"):
            assert np.isfinite(said[method, metric].value)
    ours = said["shopkeeper", "auc"]
    assert ours.low < ours.value < ours.high
    assert ours.seconds > 0
    assert ours.capability == "churn"


def test_value_prints_parameters_and_figures(orders_csv: Path):
    rows = value.run(
        _options(orders_csv, unit="day", methods=("shopkeeper", "bg_nbd", "gamma_gamma"))
    )
    said = {(row.method, row.metric): row.value for row in rows}
    assert {method for method, _ in said} == {"shopkeeper", "bg_nbd", "gamma_gamma"}
    for metric in ("mae", "rmse", "bias", "gini", "spend_mae", "spend_rmse", "spend_bias"):
        assert np.isfinite(said["shopkeeper", metric])
    assert 0.8 <= said["shopkeeper", "coverage90"] <= 1.0
    for metric in ("r", "alpha", "a", "b", "log_likelihood"):
        assert np.isfinite(said["bg_nbd", metric])
    with pytest.raises(InputError, match="no unit 'year'"):
        value.run(_options(orders_csv, unit="year"))


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["2024-03-01", "2024-03-02"], "2024-03-01"),
        (["01.03.2024", "13.03.2024"], "2024-03-01"),
        ([20240301, 20240302], "2024-03-01"),
        ([1709251200, 1709337600], "2024-03-01"),
        ([1709251200000, 1709337600000], "2024-03-01"),
        ([date(2024, 3, 1), date(2024, 3, 2)], "2024-03-01"),
    ],
)
def test_times_are_read_in_common_writings(tmp_path: Path, values, first: str):
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"customer": ["a", "b"], "time": values, "amount": [1.5, 2.0]}), path)
    table = read_orders(path, BenchOptions())
    assert table["ts_us"].cast(pa.timestamp("us"))[0].as_py() == datetime.fromisoformat(first)
    assert table["amount_minor"].to_pylist() == [150, 200]


def test_unreadable_input_is_refused(tmp_path: Path, orders_csv: Path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_orders(tmp_path / "absent.csv", BenchOptions())
    with pytest.raises(MappingError, match="has no column spent"):
        read_orders(orders_csv, BenchOptions(customer="buyer", time="when", amount="spent"))
    with pytest.raises(MappingError, match="is no number"):
        read_orders(orders_csv, BenchOptions(customer="buyer", time="when", amount="when"))
    for name, text in (
        ("t.csv", "customer,time,amount\na,soon,1\n"),
        ("b.txt", "a b c\n1 2\n"),
        ("e.csv", "customer,time,amount\n"),
    ):
        (tmp_path / name).write_text(text)
    with pytest.raises(MappingError, match="no date or moment"):
        read_orders(tmp_path / "t.csv", BenchOptions())
    with pytest.raises(SourceError, match="is no table"):
        read_orders(tmp_path / "b.txt", BenchOptions())
    empty = BenchOptions(inputs=(tmp_path / "e.csv",))
    with pytest.raises(NotEnoughDataError, match="holds no order"):
        order_tasks(empty, sample=False)


def test_a_horizon_beyond_the_data_is_refused(orders_csv: Path):
    with pytest.raises(NotEnoughDataError, match="the truth of the last"):
        churn.run(_options(orders_csv, cutoff=date(2024, 10, 20)))


@pytest.mark.skipif(not (DATA / "cdnow").is_dir(), reason="reference data not found")
def test_the_reference_is_cut_where_the_literature_cuts_it():
    task = order_tasks(BenchOptions(data_folder=DATA), sample=True)[0]
    assert (task.cutoff, task.horizon_days) == (date(1997, 9, 30), 273)
    assert task.orders.num_rows == 6_919
