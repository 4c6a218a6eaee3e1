"""The nightly task of intent on a small simulated shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from shopkeeper.apps.flows.intent import predict_intent
from shopkeeper.apps.flows.unify import run_unify
from shopkeeper.apps.worker.online_judge import Scorer
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ACTIVITY, PURCHASES, SCORES
from shopkeeper.predict.intent.events import GAP_US
from shopkeeper.predict.intent.model import IntentModel
from shopkeeper.predict.intent.train import KINDS, score_intent
from shopkeeper.simulate.shop import generate
from shopkeeper.simulate.spec import ShopSpec


class Noon:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def _shop(folder: Path, spec: ShopSpec) -> Runtime:
    settings = load_settings(flags={"store.folder": str(folder)})
    runtime = open_runtime(settings, clock=Noon(spec.as_of))
    for number, (contract, rows) in enumerate(generate(spec)):
        runtime.tables.append(contract, rows, token=(f"s {contract.name}", number))
    run_unify(runtime, as_of=spec.as_of, run_id="test")
    return runtime


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runtime, ShopSpec]]:
    spec = ShopSpec(customers=300, days=120, join_days=30, seed=3, events_per_customer=12)
    runtime = _shop(tmp_path_factory.mktemp("intent") / "shop", spec)
    yield runtime, spec
    runtime.close()


def test_a_night_writes_what_recent_visitors_are_about_to_do(shop):
    runtime, spec = shop
    report = predict_intent(runtime, spec.as_of)
    scores = runtime.tables.run(runtime.tables.table(SCORES))
    assert set(scores["kind"].to_pylist()) == set(KINDS)
    assert report.rows == scores.num_rows
    assert set(report.table) >= {"boosting", "has-added-to-cart"}
    assert pc.unique(scores["as_of"]).to_pylist() == [spec.as_of]
    stored = runtime.models.get("intent", "champion")
    assert (stored.version, stored.card["protocol"].split(": ")[-1]) == (report.version, "checkout")
    chance = scores.filter(pc.equal(scores["kind"], KINDS[0]))["value"].to_numpy()
    assert ((chance > 0) & (chance <= 1)).all()
    assert np.unique(chance).size > 5


def test_a_shop_without_events_is_refused_with_the_reason(tmp_path):
    spec = ShopSpec(customers=30)
    settings = load_settings(flags={"store.folder": str(tmp_path / "shop")})
    runtime = open_runtime(settings, clock=Noon(spec.as_of))
    with pytest.raises(NotEnoughDataError, match="the shop has no events, so nothing is known"):
        predict_intent(runtime, spec.as_of)
    runtime.tables.append(ACTIVITY, ACTIVITY.empty(), token=("none", 0))
    with pytest.raises(NotEnoughDataError, match="no event of a known visitor"):
        predict_intent(runtime, spec.as_of)
    runtime.close()


def test_a_session_that_is_going_on_is_judged_live_as_the_batch_would(shop):
    runtime, spec = shop
    predict_intent(runtime, spec.as_of)
    activity = runtime.tables.run(runtime.tables.table(ACTIVITY))
    some = activity.sort_by("ts_us").slice(activity.num_rows // 2, 1).to_pylist()[0]
    now_us = some["ts_us"] + 1_000_000
    own = activity.filter(pc.equal(activity["customer_id"], some["customer_id"]))
    scorer = Scorer(runtime)
    scorer.refresh()
    stored = runtime.models.get("intent", "champion")
    assert scorer.versions()["intent"] == stored.version
    nothing = PURCHASES.empty()
    live = scorer.scores(nothing, own, now_us)[some["customer_id"]]
    batch = score_intent(
        IntentModel.load(stored.folder), activity, now_us, model_version=stored.version
    )
    told = {
        x["kind"]: x["value"] for x in batch.to_pylist() if x["customer_id"] == some["customer_id"]
    }
    assert {kind: score.value for kind, score in live.items()} == told
    assert KINDS[0] in told
    assert scorer.scores(nothing, own, now_us + GAP_US) == {}
    assert scorer.scores(nothing, ACTIVITY.empty(), now_us) == {}
