from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fastapi.testclient import TestClient

from shopkeeper.apps.flows.task import TaskReport
from shopkeeper.apps.flows.text import predict_text, reader_in_use
from shopkeeper.apps.service import create_app
from shopkeeper.backends.open import open_runtime
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ACTIVITY, EVENTS, SCORES, TEXT_SIGNALS
from shopkeeper.predict.text.summary import product_sentiment
from shopkeeper.simulate.texts import made_texts

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return AS_OF + timedelta(hours=1)


def _shop(folder: Path) -> Runtime:
    flags = {"store.folder": str(folder), "store.memory_mb": 512}
    return open_runtime(load_settings(flags=flags), clock=Clock())


def _write(runtime: Runtime, rows: list[dict[str, object]]) -> None:
    events = []
    for at, row in enumerate(rows):
        moment = AS_OF - timedelta(days=len(rows) - at)
        events.append(
            {"event_id": f"e{at:04d}", "occurred_at": moment, "received_at": moment,
             "ts_us": to_us(moment), "day": moment.date(), "month": f"{moment:%Y-%m}",
             "dow": moment.isoweekday(), "hour": 8, "source": "t", "load_id": "l",
             "customer_ref": "crm:1", **row}
        )  # fmt: skip
    names = dict.fromkeys(name for row in events for name in row)
    table = pa.table({x: pa.array([row.get(x) for row in events]) for x in names})
    runtime.tables.append(EVENTS, EVENTS.cast(table, fill=True))
    known = table.append_column("customer_id", pc.binary_join_element_wise("c", pc.utf8_slice_codeunits(table["event_id"], 3, 5), ""))  # fmt: skip
    names = [x for x in known.column_names if x in {str(c) for c in ACTIVITY.columns}]
    runtime.tables.append(ACTIVITY, ACTIVITY.cast(known.select(names), fill=True))


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory):
    """A shop on its first day: five texts, no ratings."""
    runtime = _shop(tmp_path_factory.mktemp("first"))
    _write(
        runtime,
        [
            {"kind": "product_reviewed", "query": "味道很好，服务热情", "product_id": "p1"},
            {"kind": "product_reviewed", "query": "味道太差，再也不来", "product_id": "p2"},
            {"kind": "chat_message_received", "query": "我要退货"},
            {"kind": "search", "query": "红色连衣裙"},
            {"kind": "search", "query": "优惠券"},
            {"kind": "chat_message_sent", "query": "您好，很差很差"},
            {"kind": "product_reviewed", "query": "刷单的好评", "invalid": "bot"},
        ],
    )
    report = predict_text(runtime, AS_OF)
    yield runtime, report
    runtime.close()


@pytest.fixture
def first(read: tuple[Runtime, TaskReport]) -> Runtime:
    return read[0]


def test_a_shop_without_ratings_is_read_by_rules(read: tuple[Runtime, TaskReport]):
    first, report = read
    assert (report.model, report.version) == ("rules", "rules-1")
    assert "too few to train" in report.refused
    signals = first.tables.run(first.tables.table(TEXT_SIGNALS))
    whole = signals.filter(pc.equal(signals["aspect"], "")).sort_by("event_id").to_pylist()
    told = [(x["event_id"], x["sentiment"], x["intent"]) for x in whole]
    assert told == [
        ("e0000", "positive", None), ("e0001", "negative", None), ("e0002", "negative", "return"),
        ("e0003", "neutral", "search"), ("e0004", "neutral", "price"),
    ]  # fmt: skip


def test_no_text_is_kept(first: Runtime):
    for contract in (TEXT_SIGNALS, SCORES):
        stored = json.dumps(first.tables.run(first.tables.table(contract)).to_pylist(), default=str)
        assert "味道" not in stored
        assert "连衣裙" not in stored


def test_products_and_customers_have_a_sentiment(first: Runtime):
    signals = first.tables.run(first.tables.table(TEXT_SIGNALS))
    weight = dict(zip(*product_sentiment(signals).select(["product_id", "weight"]), strict=True))
    told = {str(k): v.as_py() for k, v in weight.items()}
    assert told["p1"] > told["p2"]
    scores = first.tables.run(first.tables.table(SCORES)).to_pylist()
    assert {x["kind"] for x in scores} == {"sentiment"}
    # searches do not say how one feels
    assert {x["customer_id"] for x in scores} == {"c00", "c01", "c02"}
    by = {x["customer_id"]: x["value"] for x in scores}
    assert by["c00"] > by["c02"] > by["c01"]


def test_the_page_counts_and_a_sentence_is_read(first: Runtime):
    client = TestClient(create_app(first), base_url="http://127.0.0.1")
    page = client.get("/api/v1/predict/text/summary").json()
    assert (page["texts"], page["method"]) == (5, "rules")
    assert {x["key"]: x["count"] for x in page["sentiment"]} == {
        "positive": 1, "neutral": 0, "negative": 2,
    }  # fmt: skip
    assert {x["key"]: x["count"] for x in page["intents"]} == {"search": 1, "return": 1, "price": 1}
    assert [x["product_id"] for x in page["worst"]] == ["p2"]
    asked = {"text": "快递太慢了，我要退款"}
    found = client.post("/api/v1/predict/text/score", json=asked).json()
    assert (found["sentiment"], found["intent"]) == ("negative", "return")
    total = found["base"] + found["rest"] + sum(x["weight"] for x in found["words"])
    assert total == pytest.approx(found["log_odds"])
    refused = client.post("/api/v1/predict/text/score", json={"text": "очень"})
    assert refused.status_code in (400, 422)
    assert "script" in refused.json()["detail"]


def test_nothing_written_is_refused(tmp_path: Path):
    runtime = _shop(tmp_path)
    with pytest.raises(NotEnoughDataError, match="no review, chat or search"):
        predict_text(runtime, AS_OF)
    page = TestClient(create_app(runtime), base_url="http://127.0.0.1").get(
        "/api/v1/predict/text/summary"
    )
    assert page.json()["next_step"]["link"] == "/collect"
    runtime.close()


def test_ratings_train_a_model_that_reads_from_then_on(tmp_path: Path):
    runtime = _shop(tmp_path)
    texts, labels = made_texts(260, 3, noise=0.03)
    _write(
        runtime,
        [
            {"kind": "product_reviewed", "query": text, "product_id": f"p{at % 5}",
             "properties": json.dumps({"rating": 5 if label == "positive" else 1})}
            for at, (text, label) in enumerate(zip(texts, labels, strict=True))
        ],
    )  # fmt: skip
    report = predict_text(runtime, AS_OF)
    assert report.model == "linear"
    assert report.table["linear"]["log_loss"] <= report.table["rules"]["log_loss"]
    reader, version = reader_in_use(runtime)
    assert (reader.method, version) == ("linear", report.version)
    # what comes later than the moment is not seen
    early = predict_text(runtime, AS_OF - timedelta(days=230))
    assert early.rows < report.rows
    runtime.close()
