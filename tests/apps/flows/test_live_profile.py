"""The profile as the API gives it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from shopkeeper.apps.flows.live_profile import profile_document
from shopkeeper.backends.embedded.profiles import SqliteProfiles
from shopkeeper.core.ports import ProfileUpdate

NOW = 1_750_000_000_000_000
MOMENT = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NOW)


def test_three_sections_are_joined_with_their_moments(tmp_path: Path) -> None:
    store = SqliteProfiles(tmp_path / "p.db")
    store.put_many(
        {
            "c1": {
                "as_of_us": NOW - 9,
                "traits": {"city": ["上海", NOW - 5, "crm"], "orders_30d": [1, None, "night"]},
                "permits": {"marketing/email": ["GRANT", NOW - 100], "marketing/sms": ["DENY", 5]},
                "segments": {"rfm": ["champions", "1"]},
                "scores": {"churn": {"value": 0.25, "unit": "probability", "horizon_days": 60}},
                "audiences": {"a_old": [NOW - 9, "1"]},
            }
        }
    )
    store.apply(
        ProfileUpdate(
            "live",
            profiles={
                "c1": {
                    "traits": {"orders_30d": [2, NOW, "web"], "last_seen": [NOW, NOW, "web"]},
                    "stated": {"plan": ["gold", NOW, "web"]},
                    "permits": {"marketing/email": ["REVOKED", NOW]},
                    "timeline": [[NOW, "view_item", "p1", "web", None, "e1"]],
                    "updated_us": NOW,
                    "state": {"series": {"x": [1]}},
                }
            },
            identifiers={"crm:1": "c1", "anonymous_id:d": "c1"},
        )
    )
    store.put_many(
        {
            "c1": {
                "as_of_us": NOW - 1,
                "features": {"orders_life": 4},
                "scores": {"churn": {"value": 0.5}},
                "audiences": {"a_new": {"since_us": NOW - 1, "version": "2"}},
            }
        },
        section="features",
    )
    found = profile_document(store, "crm:1")
    assert found is not None
    assert found == profile_document(store, "c1") == profile_document(store, "customer_id:c1")
    assert found["customer_id"] == "c1"
    assert found["identifiers"] == ["anonymous_id:d", "crm:1"]
    traits = found["traits"]
    assert traits["orders_30d"] == {"value": 2, "unit": "orders", "source": "web", "as_of": MOMENT}
    assert traits["last_seen"]["value"] == MOMENT
    assert traits["city"]["source"] == "crm"
    assert traits["orders_life"]["value"] == 4
    assert traits["plan"]["value"] == "gold"
    assert found["scores"]["churn"]["value"] == 0.5
    assert found["scores"]["churn"]["horizon_days"] == 60
    assert [x["audience_id"] for x in found["audiences"]] == ["a_new"]
    assert [(x["channel"], x["status"]) for x in found["permits"]] == [
        ("email", "REVOKED"),
        ("sms", "DENY"),
    ]
    assert found["timeline"][0]["word"] == "p1"
    assert found["segments"]["rfm"]["label"] == "champions"
    assert found["freshness"]["live"] == MOMENT
    assert b'"2025-06-15T' in msgspec.json.encode(found)
    assert profile_document(store, "crm:2") is None
    store.close()


def test_the_night_alone_is_a_profile(tmp_path: Path) -> None:
    store = SqliteProfiles(tmp_path / "p.db")
    store.put_many({"c1": {"as_of_us": NOW, "audiences": {"a": [NOW, "1"]}}})
    found = profile_document(store, "c1")
    assert found is not None
    assert found["audiences"] == [{"audience_id": "a", "version": "1", "since": MOMENT}]
    assert found["freshness"] == {"base": MOMENT, "live": None, "features": None}
    store.close()
