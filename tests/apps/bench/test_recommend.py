"""The benches of recommenders and baskets on small files and on reference data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shopkeeper.apps.bench import basket, recommend
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.apps.bench.sequences import read_histories
from shopkeeper.core.errors import InputError, MappingError, NotEnoughDataError, SourceError

DATA = Path(os.environ.get("SHOPKEEPER_DATA", Path(__file__).parents[4] / "shared" / "data"))


def value(rows: list[BenchRow], data: str, method: str, metric: str) -> float:
    found = [r for r in rows if (r.data, r.method, r.metric) == (data, method, metric)]
    assert len(found) == 1
    assert found[0].value is not None
    return float(found[0].value)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "walks.csv"
    lines = [
        f"u{user},i{(user + step) % 9},2024-{1 + step % 3:02d}-{1 + user % 28:02d}"
        for user in range(60)
        for step in range(3)
    ]
    path.write_text("user,item,time\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    path = tmp_path / "walks.txt"
    lines = [f"u{u} " + " ".join(f"i{(u + s) % 9}" for s in range(5)) for u in range(60)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_lines_of_sequences(sequences: Path) -> None:
    options = BenchOptions(inputs=(sequences,), methods=("popularity", "markov"))
    rows = recommend.run(options)
    assert value(rows, "walks", "markov", "hr@10") == 1.0
    assert {row.metric for row in rows} == {"hr@10", "ndcg@10", "recall@20", "mrr@20", "coverage"}
    assert {row.n for row in rows} == {60}


@pytest.mark.parametrize("protocol", ["leave-one-out", "next-in-session", "next-basket"])
def test_a_csv_of_user_item_time(csv: Path, protocol: str) -> None:
    options = BenchOptions(inputs=(csv,), protocol=protocol, methods=("popularity", "markov"))
    rows = recommend.run(options)
    assert {row.method for row in rows} == {"popularity", "markov"}
    assert all(row.value is not None and 0 <= row.value <= 1 for row in rows)


def test_temporal_has_both_protocols_and_needs_times(csv: Path, sequences: Path) -> None:
    options = BenchOptions(
        inputs=(csv,), protocol="temporal", horizon_days=28, methods=("buy-again", "blend")
    )
    protocols = {row.protocol for row in recommend.run(options)}
    assert protocols == {
        "temporal, next 28 days, full ranking, new items only",
        "temporal, next 28 days, full ranking, repeats allowed",
    }
    with pytest.raises(NotEnoughDataError, match="walks has no times"):
        recommend.run(BenchOptions(inputs=(sequences,), protocol="temporal"))


def test_what_is_not_known_is_said(csv: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--protocol 'guess' is not known"):
        recommend.run(BenchOptions(inputs=(csv,), protocol="guess"))
    with pytest.raises(InputError, match="no recommender called 'oracle'"):
        recommend.run(BenchOptions(inputs=(csv,), methods=("oracle",)))
    with pytest.raises(MappingError, match=r"walks.csv has no column who; it has user, item, time"):
        recommend.run(BenchOptions(inputs=(csv,), customer="who"))
    with pytest.raises(SourceError, match=r"gone.txt cannot be read"):
        recommend.run(BenchOptions(inputs=(tmp_path / "gone.txt",)))
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(SourceError, match=r"empty.txt is empty"):
        recommend.run(BenchOptions(inputs=(tmp_path / "empty.txt",)))


@pytest.mark.parametrize(
    "text", ["a,b\na,b\na\nc\n", "basket,item\n1,a\n1,b\n2,a\n2,b\n3,a\n4,c\n", "a b\na b\na\nc\n"]
)
def test_baskets_in_three_forms(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baskets.csv"
    path.write_text(text)
    rows = basket.run(BenchOptions(inputs=(path,), support=0.5))
    assert value(rows, "baskets", "apriori", "baskets") == 4
    assert value(rows, "baskets", "apriori", "itemsets_2") == 1
    assert value(rows, "baskets", "b => a", "confidence") == 1.0
    assert value(rows, "baskets", "b => a", "lift") == pytest.approx(4 / 3)
    assert value(rows, "baskets", "b => a", "count") == 2


def test_groceries_by_default() -> None:
    if not (DATA / "groceries_arules").exists():
        pytest.skip(f"reference data not found at {DATA}")
    rows = basket.run(BenchOptions(data_folder=DATA))
    assert value(rows, "groceries", "apriori", "itemsets") == 333
    assert value(rows, "groceries", "apriori", "rules") == 15


def test_lastfm_is_above_the_baseline() -> None:
    path = DATA / "s3rec" / "LastFM.txt"
    if not path.exists():
        pytest.skip(f"reference data not found at {path}")
    rows = recommend.run(BenchOptions(inputs=(path,), methods=("item-knn", "blend")))
    assert value(rows, "LastFM", "item-knn", "hr@10") > 0.0853
    assert value(rows, "LastFM", "blend", "hr@10") > 0.0853
    assert value(rows, "LastFM", "blend", "ndcg@10") > 0.0435


@pytest.mark.slow
def test_toys_gives_the_published_figure_and_more() -> None:
    path = DATA / "s3rec" / "Toys_and_Games.txt"
    if not path.exists():
        pytest.skip(f"reference data not found at {path}")
    rows = recommend.run(BenchOptions(inputs=(path,), methods=("markov", "item-graph")))
    assert value(rows, path.stem, "markov", "hr@10") == pytest.approx(0.0919, abs=5e-5)
    assert value(rows, path.stem, "markov", "ndcg@10") == pytest.approx(0.0599, abs=5e-5)
    assert value(rows, path.stem, "item-graph", "hr@10") >= 0.097
    assert value(rows, path.stem, "item-graph", "ndcg@10") >= 0.060


def test_order_numbers_are_an_order_and_no_time(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("user,item,order_number\na,x,2\na,y,1\nb,x,1\n")
    read = read_histories(path, BenchOptions())
    assert read.times is None
    assert read.item_ids.take(read.items).to_pylist() == ["y", "x", "x"]


def test_a_blend_answers_users_without_history(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    lines = [f"u{n},hit{n % 3},2024-{1 + n // 28:02d}-{1 + n % 28:02d}" for n in range(28 * 5)]
    path.write_text("user,item,time\n" + "\n".join(lines) + "\n")
    options = BenchOptions(
        inputs=(path,), protocol="temporal", horizon_days=20, methods=("markov", "blend")
    )
    rows = [row for row in recommend.run(options) if "new items" in row.protocol]
    assert value(rows, "new", "markov", "hr@10") == 0
    assert value(rows, "new", "blend", "hr@10") == 1
