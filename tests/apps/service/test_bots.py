"""The page on invalid traffic counts marks and later verdicts once each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from small_shop import open_shop

from shopkeeper.apps.service import create_app
from shopkeeper.collect.live.bots import REASONS
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.collect.live.rows import event_rows
from shopkeeper.core.tables import EVENTS, VERDICTS

PATH = "/api/v1/collect/bots"
AT_US = 1_730_044_800_000_000


def arrived(name: str, *, invalid: str | None = None, source: str = "web", day: int = 0) -> Arrived:
    at = AT_US + day * 86_400_000_000
    return Arrived(
        event_id=name, type="track", kind="view_item", name="", occurred_us=at, received_us=at,
        source=source, anonymous_id="a", agent="curl/8.4.0", invalid=invalid,
    )  # fmt: skip


def verdict(name: str, human: float, reason: str | None) -> dict[str, object]:
    return {
        "event_id": name, "kind": "view_item", "ts_us": AT_US, "human": human, "reason": reason,
        "reasons": "[]", "decided_at": dt.datetime.now(dt.UTC), "version": "1",
    }  # fmt: skip


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    runtime = open_shop(tmp_path)
    events = [arrived(f"p{n}", day=1) for n in range(6)]
    events += [arrived(f"m{n}", invalid="program", source="app", day=n % 2) for n in range(7)]
    events += [arrived("old", invalid="honeypot", day=-40), arrived("later", day=1)]
    runtime.tables.append(EVENTS, event_rows(events, zone_name="Asia/Shanghai"))
    rows = [
        verdict("later", 0.1, "improbable"),
        verdict("p0", 0.9, None),
        verdict("m0", 0.1, "mail_scanner"),
    ]
    runtime.tables.append(VERDICTS, pa.Table.from_pylist(rows, schema=VERDICTS.arrow_schema))
    yield TestClient(create_app(runtime), base_url="http://127.0.0.1")
    runtime.close()


def test_counts_days_sources_and_examples(client: TestClient) -> None:
    found = client.get(PATH).json()
    assert (found["events"], found["marked"], found["judged"]) == (14, 7, 1)
    assert found["share"] == pytest.approx(8 / 14)
    reasons = {
        x["key"]: (x["count"], x["label"]["zh"], x["label"]["en"]) for x in found["by_reason"]
    }
    assert reasons == {
        "program": (7, *REASONS["program"]),
        "improbable": (1, *REASONS["improbable"]),
    }
    days = [(x["day"], x["source"], x["events"], x["marked"], x["judged"]) for x in found["by_day"]]
    assert days == [
        ("2024-10-29", "app", 3, 3, 0), ("2024-10-29", "web", 7, 0, 1), ("2024-10-28", "app", 4, 4, 0),
    ]  # fmt: skip
    assert sum(x["events"] for x in found["by_day"]) == found["events"]
    shown = [x["reason"] for x in found["examples"]]
    assert shown == ["improbable"] + ["program"] * 5, "at most five of each"
    assert client.get(PATH, params={"days": 60}).json()["marked"] == 8


def test_without_events_it_says_what_to_do(empty: TestClient) -> None:
    found = empty.get(PATH).json()
    assert (found["events"], found["share"]) == (0, None)
    assert found["next_step"]["text"]["zh"]


def test_a_foolish_number_of_days_is_refused(client: TestClient) -> None:
    assert client.get(PATH, params={"days": 0}).status_code == 422
