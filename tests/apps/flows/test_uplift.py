from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1] / "service"))

from small_shop import open_shop, when

from shopkeeper.apps.flows.uplift import learn_trial, model_task, predict_uplift
from shopkeeper.apps.flows.uplift_rows import features_at, randomised_contacts, read_bought
from shopkeeper.apps.service import create_app
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.tables import CONTACTS, PROFILES, PURCHASES, SCORES
from shopkeeper.predict.uplift.trial import Trial
from shopkeeper.simulate.uplift import draw_trial, world

AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
SENT = AS_OF - timedelta(days=20)
PEOPLE = 700


def _fill(runtime: Runtime, held: float) -> None:
    """Contacts of one campaign; who was written to buys more often, frequent buyers above all."""
    random = np.random.default_rng(5)
    ids = [f"c{i:04d}" for i in range(PEOPLE)]
    sent = random.random(PEOPLE) >= held
    often = random.random(PEOPLE) < 0.5
    before = [(i, SENT - timedelta(days=5 + 9 * k)) for i in range(PEOPLE)
              for k in range(1 + 8 * often[i])]  # fmt: skip
    chance = 0.1 + sent * (0.05 + 0.45 * often)
    after = [(i, SENT + timedelta(days=2)) for i in np.flatnonzero(random.random(PEOPLE) < chance)]
    moments = [moment for _, moment in before + after]
    size = len(moments)
    tables = {
        CONTACTS: {
            "touch_id": [f"t{i}" for i in range(PEOPLE)], "customer_id": ids,
            "campaign_id": ["spring"] * PEOPLE, "channel": ["email"] * PEOPLE,
            "status": np.where(sent, "sent", "held_out"), "ts_us": [to_us(SENT)] * PEOPLE,
            "day": [SENT.date()] * PEOPLE,
        },
        PURCHASES: {
            "order_id": [f"o{i}" for i in range(size)],
            "customer_id": [ids[i] for i, _ in before + after],
            "ts_us": [to_us(x) for x in moments], "day": [x.date() for x in moments],
            "kind": ["sale"] * size, "amount_minor": [1_000] * size,
        },
        PROFILES: {"customer_id": ids},
    }  # fmt: skip
    stamps = [when(moment) for moment in moments]
    tables[PURCHASES] |= {k: [x[k] for x in stamps] for k in stamps[0]}
    for contract, columns in tables.items():
        # What a test does not speak about is filled with a value of the column's type.
        for field in contract.arrow_schema:
            if field.name not in columns and not field.nullable:
                empty = "x" if pa.types.is_string(field.type) else 0
                columns[field.name] = pa.array([empty] * len(columns["customer_id"])).cast(
                    field.type
                )
        rows = pa.table({k: pa.array(v) for k, v in columns.items()})
        runtime.tables.replace(contract, contract.cast(rows, fill=True))


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Runtime]:
    runtime = open_shop(tmp_path_factory.mktemp("uplift"))
    _fill(runtime, 0.4)
    predict_uplift(runtime, AS_OF)
    yield runtime
    runtime.close()


def test_features_see_nothing_at_or_after_the_contact(shop: Runtime):
    bought = read_bought(shop.tables, AS_OF)
    code = np.array([0, 0, -1])
    moment = np.array([int(SENT.timestamp()), int((SENT - timedelta(days=5)).timestamp()), 10**9])
    rows = features_at(bought, code, moment)
    assert rows[0, 7] == pytest.approx(5.0)  # days since the last purchase
    assert rows[1, 0] == rows[0, 0] - 1  # a purchase in the very second is not seen
    assert rows[2, 0] == 0
    assert np.isnan(rows[2, 7])


def test_the_shop_learns_from_its_own_hold_out(shop: Runtime):
    contacted = randomised_contacts(shop, AS_OF)
    assert len(contacted.treated) == PEOPLE
    assert not len(randomised_contacts(shop, SENT + timedelta(days=3)).treated)  # window is open
    table = shop.tables.run(shop.tables.table(SCORES))
    assert set(table["kind"].to_pylist()) == {"uplift:all"}
    assert table.num_rows == PEOPLE
    value = np.array(table["value"].to_pylist())
    assert 0.1 < value.mean() < 0.5  # truth: .05 + .45 / 2
    assert set(table["band"].to_pylist()) <= {
        "persuadable", "sure_thing", "lost_cause", "do_not_disturb"
    }  # fmt: skip


def test_the_page_shows_baselines_curves_and_groups(shop: Runtime):
    client = TestClient(create_app(shop), base_url="http://127.0.0.1")
    page = client.get("/api/v1/predict/uplift").json()
    # A trial that another test uploaded may stand beside it.
    task = next(one for one in page["tasks"] if one["task"] == "uplift.all")
    assert task["treated"] + task["controls"] == PEOPLE
    assert {m["method"] for m in task["methods"] if m["baseline"]} == {
        "response", "one_column", "random"
    }  # fmt: skip
    curve = next(x for x in task["curves"] if x["method"] == "shopkeeper")["points"]
    assert curve[0]["gain"] == 0.0
    assert curve[-1]["gain"] == pytest.approx(curve[-1]["random"])
    path = "/api/v1/predict/uplift/uplift.all/groups"
    asked = {"cost_minor": 1_000, "worth_minor": 5_000}
    answer = client.get(path, params=asked).json()
    assert answer["break_even"] == pytest.approx(0.2)
    assert sum(group["customers"] for group in answer["groups"]) == PEOPLE
    saved = answer["spend_saved"]["minor"]
    assert saved == (PEOPLE - answer["treat"]) * 1_000
    dear = client.get(path, params=asked | {"cost_minor": 4_900}).json()
    assert dear["treat"] <= answer["treat"]
    assert client.get("/api/v1/predict/uplift/uplift.none/groups").status_code == 404


def test_too_few_random_contacts_say_how_many_more(tmp_path):
    runtime = open_shop(tmp_path)
    try:
        with pytest.raises(NotEnoughDataError, match="200 more randomised contacts are needed"):
            predict_uplift(runtime, AS_OF)
        _fill(runtime, 0.05)
        held = int((~randomised_contacts(runtime, AS_OF).treated).sum())
        with pytest.raises(NotEnoughDataError, match=rf"{100 - held} more randomised contacts"):
            predict_uplift(runtime, AS_OF)
        client = TestClient(create_app(runtime), base_url="http://127.0.0.1")
        page = client.get("/api/v1/predict/uplift").json()
        assert page["tasks"] == []
        assert page["waiting"][0]["more_needed"] == 100 - held
        assert page["next_step"]["action"]["zh"]
    finally:
        runtime.close()


def test_an_uploaded_trial_is_kept_under_its_name(shop: Runtime):
    drawn = draw_trial(world("visits"), 3, 600)
    names = tuple(f"x{i}" for i in range(drawn.matrix.shape[1]))
    trial = Trial(names, drawn.matrix, drawn.treated, drawn.outcome)
    report = learn_trial(shop, "Mail 2024", trial, AS_OF, cost=0.05, simulated=True)
    assert report.model == model_task("Mail 2024")
    client = TestClient(create_app(shop), base_url="http://127.0.0.1")
    tasks = client.get("/api/v1/predict/uplift").json()["tasks"]
    mine = next(x for x in tasks if x["task"] == report.model)
    assert mine["simulated"]
    assert mine["name"]["en"] == "Mail 2024 (simulated trial)"
