"""The laws every model obeys; a model joins by one line in CASES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shopkeeper.predict.churn.model import ChurnModel
from shopkeeper.predict.contract import Model
from shopkeeper.predict.forecast.grain import Grain
from shopkeeper.predict.forecast.model import ForecastModel, ForecastQuestion
from shopkeeper.predict.forecast.panel import Panel
from shopkeeper.predict.history import DAY_US, Question, read_history
from shopkeeper.predict.intent.events import EventRows, read_events
from shopkeeper.predict.intent.model import IntentData, IntentModel
from shopkeeper.predict.intent.prefixes import last_prefixes
from shopkeeper.predict.intent.settings import IntentSettings
from shopkeeper.predict.propensity.learners import Settings
from shopkeeper.predict.propensity.model import PropensityModel
from shopkeeper.predict.propensity.rows import TrainingRows
from shopkeeper.predict.propensity.table import plan_layout
from shopkeeper.predict.recommend.alike import SessionKnn
from shopkeeper.predict.recommend.als import Ials
from shopkeeper.predict.recommend.blend import Blend
from shopkeeper.predict.recommend.interactions import Interactions
from shopkeeper.predict.recommend.model import ShopRecommender
from shopkeeper.predict.recommend.popularity import RecentPopularity
from shopkeeper.predict.recommend.similar import Markov
from shopkeeper.predict.sequence.model import GruNet, TransformerNet
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import Sequences
from shopkeeper.predict.text.learn import Labelled
from shopkeeper.predict.text.model import TextModel
from shopkeeper.predict.uplift.forest import ForestSettings
from shopkeeper.predict.uplift.model import UpliftModel
from shopkeeper.predict.uplift.trial import Trial
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.simulate.texts import made_texts

AS_OF_US = 300 * DAY_US


def _orders(seed: int, customers: int = 400) -> pa.Table:
    random = np.random.default_rng(seed)
    rate = random.gamma(1.0, 1 / 25.0, customers)
    count = random.poisson(rate * 300) + 1
    code = np.repeat(np.arange(customers), count)
    life = np.repeat(random.uniform(0.2, 1.0, customers), count)
    return pa.table(
        {
            "customer_id": pa.array([f"c{one:04d}" for one in code]),
            "ts_us": (random.random(len(code)) * life * 300 * DAY_US).astype(np.int64),
            "amount_minor": random.gamma(4.0, 1_000.0, len(code)).astype(np.int64) + 1,
        }
    )


def _churn_answer(model: Any, table: pa.Table) -> np.ndarray:
    return np.column_stack(model.predict(Question(read_history(table), AS_OF_US, 60.0)))


def _value_answer(model: Any, table: pa.Table) -> np.ndarray:
    said = model.predict(Question(read_history(table), AS_OF_US, 60.0)).forecast
    return np.column_stack([said.orders, said.orders_high, said.spend_minor, said.spend_high])


def _baskets(table: pa.Table) -> Interactions:
    """The amount names the product: 25 of them."""
    code = np.mod(table["amount_minor"].to_numpy(), 25)
    return Interactions.from_table(table.append_column("product_id", pa.array(code.astype(str))))


def _recommend_answer(model: Any, table: pa.Table) -> np.ndarray:
    histories = _baskets(table)
    return np.hstack([part.score(histories) for part in (model.new, model.again, model.together)])


def _recommender() -> ShopRecommender:
    parts = [Markov(), SessionKnn(neighbours=50), Ials(factors=8), RecentPopularity()]
    return ShopRecommender(Blend(parts, [0.4, 0.3, 0.2, 0.1]))


def _question(table: pa.Table) -> Question:
    return Question(read_history(table), AS_OF_US, 60.0)


KINDS = ("page_viewed", "product_viewed", "product_viewed", "product_added", "order_completed")
QUICK = IntentSettings(rounds=5, least_goals=20)


def _visits(seed: int, customers: int = 120) -> pa.Table:
    """Events of sessions; the amount says which kind, product and category an event is."""
    random = np.random.default_rng(seed)
    session = np.repeat(np.arange(customers * 4), random.integers(1, 7, customers * 4))
    start = np.sort(random.uniform(0, 290, customers * 4))[session] * DAY_US
    return pa.table(
        {
            "customer_id": pa.array([f"c{one % customers:04d}" for one in session]),
            "ts_us": (start + np.arange(len(session)) % 7 * 40_000_000).astype(np.int64),
            "amount_minor": random.integers(0, 400, len(session)),
        }
    )


def _intent_rows(table: pa.Table) -> EventRows:
    amount = table["amount_minor"].to_numpy()
    return read_events(
        table.append_column("kind", pa.array(KINDS).take(pa.array(amount % len(KINDS))))
        .append_column("product_id", pa.array([f"p{x % 30}" for x in amount]))
        .append_column("category", pa.array([f"k{x % 4}" for x in amount]))
    )


def _intent_answer(model: Any, table: pa.Table) -> np.ndarray:
    said = model.predict(last_prefixes(_intent_rows(table)))
    return np.column_stack([said.buy, said.action, said.category_share, said.days])


def _items(table: pa.Table) -> Sequences:
    by = table.sort_by([("customer_id", "ascending"), ("ts_us", "ascending"),
                        ("amount_minor", "ascending")])  # fmt: skip
    _, counts = np.unique(by["customer_id"].to_numpy(zero_copy_only=False), return_counts=True)
    return Sequences(by["amount_minor"].to_numpy() % 20, np.r_[0, np.cumsum(counts)])


def _net(kind: type) -> Callable[[], Model]:
    def make() -> Model:
        pytest.importorskip("torch")
        shape = NetSettings(kind=kind.name, dim=8, layers=1, window=6, epochs=2)
        return kind(shape, items=20)

    return make


def _demand(table: pa.Table) -> ForecastQuestion:
    """Ten days a period, a hundred customers a series."""
    words = np.asarray(table["customer_id"].to_numpy(zero_copy_only=False), dtype=str)
    names, code = np.unique([word[:3] for word in words], return_inverse=True)
    period = np.asarray(table["ts_us"].to_numpy()) // (10 * DAY_US)
    values = np.zeros((len(names), 30))
    np.add.at(values, (code, period), 1.0)
    panel = Panel(tuple((str(name),) for name in names), ("part",), values, Grain("step", 1, 0))
    return ForecastQuestion(panel, 3, 30)


def _demand_answer(model: Any, table: pa.Table) -> np.ndarray:
    said = model.predict(_demand(table))
    return np.hstack([said.value, said.low[0.9], said.high[0.9]])


def _trial(table: pa.Table) -> Trial:
    """Orders as customers of a trial: the coin follows from the order's second, larger orders gain."""
    moment = table["ts_us"].to_numpy()
    amount = table["amount_minor"].to_numpy()
    coin = (moment // 1_000_000) % 2 == 0
    matrix = np.column_stack([moment / DAY_US, amount]).astype(np.float32)
    return Trial(("day", "amount"), matrix, coin, amount / 1_000.0 + coin * (amount > 4_000))


def _uplift_answer(model: Any, table: pa.Table) -> np.ndarray:
    order = np.lexsort((table["amount_minor"].to_numpy(), table["ts_us"].to_numpy()))
    matrix = _trial(table).matrix[order]
    return np.column_stack([model.predict(matrix), model.baseline(matrix)])


def _written(seed: int) -> pa.Table:
    """The name is what was written, the amount says whether it pleased."""
    texts, labels = made_texts(120, seed, noise=0.1)
    pleased = np.array([label == "positive" for label in labels], dtype=np.int64)
    return pa.table(
        {"customer_id": texts, "ts_us": np.arange(120, dtype=np.int64), "amount_minor": pleased}
    )


def _labelled(table: pa.Table) -> Labelled:
    return Labelled(table["customer_id"].to_pylist(), table["amount_minor"].to_pylist())


def _text_answer(model: Any, table: pa.Table) -> np.ndarray:
    return np.asarray(model.probabilities(sorted(table["customer_id"].to_pylist())))


@dataclass(frozen=True)
class Case:
    """One model under the laws.

    `rows` makes a table of facts from a seed, `data` turns it into what `fit` takes, and `answer`
    gives the model's answers on a table as one array in a fixed order of customers.
    """

    name: str
    make: Callable[[], Model]
    rows: Callable[[int], pa.Table]
    data: Callable[[pa.Table], Any]
    answer: Callable[[Any, pa.Table], np.ndarray]


def _response_facts(table: pa.Table) -> pa.Table:
    """Numbers, a word and gaps out of the moment and the amount."""
    amount, moment = table["amount_minor"].to_numpy(), table["ts_us"].to_numpy()
    return pa.table(
        {
            "hour": (moment // 3_600_000_000) % 24,
            "day": np.where(moment % 7 == 0, np.nan, moment / DAY_US),
            "word": pa.array(["a", "b", "c"]).take(pa.array(amount % 3)),
        }
    )


def _responses(table: pa.Table) -> TrainingRows:
    """Spending much in the right hours is the outcome."""
    facts, amount = _response_facts(table), table["amount_minor"].to_numpy()
    outcome = (amount + facts["hour"].to_numpy() * 200) > 6_000
    return TrainingRows(plan_layout(facts).read(facts), outcome)


def _response_answer(model: Any, table: pa.Table) -> np.ndarray:
    by = table.sort_by([("customer_id", "ascending"), ("ts_us", "ascending"),
                        ("amount_minor", "ascending")])  # fmt: skip
    return model.predict(model.layout.read(_response_facts(by)))


CASES = [
    Case("churn", lambda: ChurnModel("stack"), _orders, _question, _churn_answer),
    Case("value", ValueModel, _orders, _question, _value_answer),
    Case(
        "propensity",
        lambda: PropensityModel(Settings(trees=16)),
        _orders,
        _responses,
        _response_answer,
    ),
    Case("forecast", ForecastModel, _orders, _demand, _demand_answer),
    Case("recommend", _recommender, _orders, _baskets, _recommend_answer),
    Case(
        "intent",
        lambda: IntentModel(QUICK),
        _visits,
        lambda table: IntentData(_intent_rows(table), AS_OF_US),
        _intent_answer,
    ),
    Case("gru", _net(GruNet), _visits, _items, lambda net, table: net.scores(_items(table))),
    Case(
        "transformer",
        _net(TransformerNet),
        _visits,
        _items,
        lambda net, table: net.scores(_items(table)),
    ),
    Case(
        "uplift",
        lambda: UpliftModel(ForestSettings(trees=4, depth=3), folds=3),
        lambda seed: _orders(seed, customers=25),
        _trial,
        _uplift_answer,
    ),
    Case("text", TextModel, _written, _labelled, _text_answer),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name, scope="module")
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def facts(case: Case) -> pa.Table:
    return case.rows(1)


@pytest.fixture(scope="module")
def fitted(case: Case, facts: pa.Table) -> Model:
    return case.make().fit(case.data(facts), seed=5)


def test_it_is_a_model(fitted: Model):
    assert isinstance(fitted, Model)


def test_refitting_refits(case: Case, facts: pa.Table, fitted: Model):
    again = case.make().fit(case.data(case.rows(2)), seed=5).fit(case.data(facts), seed=5)
    np.testing.assert_array_equal(case.answer(again, facts), case.answer(fitted, facts))


def test_saving_and_loading_changes_nothing(case: Case, facts: pa.Table, fitted: Model, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = type(fitted).load(tmp_path / "model")
    np.testing.assert_array_equal(case.answer(loaded, facts), case.answer(fitted, facts))
    suffixes = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".npz", ".txt", ".arrow", ".parquet", ".onnx"}


def test_row_order_is_irrelevant(case: Case, facts: pa.Table, fitted: Model):
    order = np.random.default_rng(8).permutation(facts.num_rows)
    shuffled = facts.take(pa.array(order))
    again = case.make().fit(case.data(shuffled), seed=5)
    np.testing.assert_allclose(case.answer(again, shuffled), case.answer(fitted, facts), rtol=1e-9)


def test_the_seed_decides_everything(case: Case, facts: pa.Table, fitted: Model):
    np.random.seed(99)
    same = case.make().fit(case.data(facts), seed=5)
    np.testing.assert_array_equal(case.answer(same, facts), case.answer(fitted, facts))


def test_the_input_is_not_changed(case: Case, facts: pa.Table, fitted: Model):
    assert facts.equals(case.rows(1))
    case.answer(fitted, facts)
    assert facts.equals(case.rows(1))


def test_an_unseen_customer_gets_an_answer(case: Case, facts: pa.Table, fitted: Model):
    new = pa.table({"customer_id": ["zz"], "ts_us": [250 * DAY_US], "amount_minor": [500]})
    answer = case.answer(fitted, new.cast(facts.schema))
    assert len(answer) == 1
    assert np.isfinite(answer).all()
