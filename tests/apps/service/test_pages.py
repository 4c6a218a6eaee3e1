"""The small shop: every answer below can be counted by eye in `small_shop`."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shopkeeper.backends.runtime import Runtime


def get(shop: TestClient, path: str) -> Any:
    answer = shop.get(f"/api/v1{path}")
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def walk(shop: TestClient, path: str, limit: int) -> list[Any]:
    """All items of a list, page by page."""
    items: list[Any] = []
    cursor = ""
    while True:
        joint = "&" if "?" in path else "?"
        page = get(shop, f"{path}{joint}limit={limit}{cursor}")
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/collect/loads", 3),
        ("/collect/quarantine", 3),
        ("/collect/quarantine?reason=not_a_number", 2),
        ("/customers", 6),
        ("/customers?sort=-risk", 6),
        ("/customers?segment=tier:core", 5),
        ("/customers/c1/timeline", 7),
        ("/decide/plans/plan1/decisions", 6),
        ("/decide/plans/plan1/decisions?action=send", 3),
        ("/deliver/outbox", 3),
        ("/runs", 1),
    ],
)
def test_pages_add_up(shop: TestClient, path: str, count: int) -> None:
    items = walk(shop, path, 2)
    assert len(items) == count
    assert items == get(shop, path)["items"]


def test_a_cursor_of_another_filter_is_refused(shop: TestClient) -> None:
    cursor = get(shop, "/collect/quarantine?limit=1")["next_cursor"]
    answer = shop.get(f"/api/v1/collect/quarantine?limit=1&reason=x&cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "input")


def test_overview(shop: TestClient) -> None:
    body = get(shop, "/overview")
    assert len(body["sentences"]) == 3
    by_key = {x["key"]: x for x in body["sentences"]}
    # risk 9, 8, 7 are high; they are expected to spend 100 + 200 + 300 yuan
    assert by_key["risk"]["text"]["en"].startswith("3 customers are at high risk of leaving")
    assert "¥600" in by_key["risk"]["text"]["zh"]
    assert "3 位值得触达" in by_key["plan"]["text"]["zh"]
    assert by_key["effect"]["text"]["zh"] == "触达多赚 ¥4,100 ± 900"
    figures = {x["key"]: x for x in body["figures"]}
    assert figures["customers"]["value"] == 6
    assert figures["at_risk"]["value"] == 3
    assert figures["plan_net"]["value"] == 3 * (300 - 20)
    assert figures["quality"]["value"] == 1.0
    for figure in body["figures"]:
        assert figure["definition"]["zh"] != ""
        assert figure["definition"]["en"] != ""
        assert figure["link"].startswith("/")
    assert [x["key"] for x in body["today"]] == ["plan", "quarantine", "risk"]
    stages = {x["stage"]: x for x in body["stages"]}
    assert stages["unify"]["rows"] == 6
    assert stages["predict"]["seconds"] == 5.0
    assert stages["deliver"]["rows"] == 3
    assert body["next_step"] is None


@pytest.mark.parametrize(
    ("query", "kind", "key"),
    [
        ("crm:1002", "customer", "c3"),
        ("1002", "customer", "c3"),
        ("客户4", "customer", "c4"),
        ("c5", "customer", "c5"),
        ("plan1", "plan", "plan1"),
        ("净销售额", "indicator", "revenue"),
        ("decision ledger", "table", "decisions"),
        ("决策", "page", "decide"),
    ],
)
def test_search(shop: TestClient, query: str, kind: str, key: str) -> None:
    found = get(shop, f"/search?q={query}")["items"]
    assert (kind, key) in {(x["kind"], x["key"]) for x in found}


def test_quarantine_says_row_field_reason_and_next_step(shop: TestClient) -> None:
    row = get(shop, "/collect/quarantine?reason=unknown_currency")["items"][0]
    assert (row["row_number"], row["field"], row["value"]) == (4, "amount_minor", "abc")
    assert row["reason_text"] == {"zh": "未知币种", "en": "unknown currency"}
    assert "ISO 4217" in row["next_step"]["zh"]
    summary = get(shop, "/collect/quarantine/summary")
    assert (summary["total"], summary["admitted"], summary["share"]) == (3, 24, 3 / 27)
    assert [(x["key"], x["count"]) for x in summary["by_reason"]] == [
        ("not_a_number", 2), ("unknown_currency", 1),
    ]  # fmt: skip


def test_tables_are_counted(shop: TestClient) -> None:
    rows = {x["table"]: x["rows"] for x in get(shop, "/collect/tables")["items"]}
    assert (rows["purchases"], rows["profiles"], rows["events"]) == (13, 6, 0)


def test_quality_shows_the_latest_run_with_history(shop: TestClient) -> None:
    body = get(shop, "/govern/quality")
    assert (body["run_id"], body["passed"], body["failed"]) == ("run1", 1, 0)
    indicator = body["indicators"][0]
    assert indicator["value"] == pytest.approx(0.95)
    assert indicator["name"]["zh"] == "字段完整率"
    assert indicator["finding"]["zh"] == "渠道有缺"
    assert [x["value"] for x in indicator["history"]] == [0.90, indicator["value"]]


def test_the_report_speaks_of_the_latest_run(shop: TestClient) -> None:
    sections = get(shop, "/govern/report")["sections"]
    assert sections[0]["heading"] == {"zh": "概要", "en": "Summary"}
    assert "1 项指标" in sections[0]["body"]["zh"]


def test_rules_count_what_they_changed(shop: TestClient) -> None:
    body = get(shop, "/govern/rules")
    assert len(body["items"]) >= 40
    assert body["corrections"] == 2
    for rule in body["items"]:
        assert len(rule["examples"]) >= 2, rule["key"]
        assert rule["name"]["zh"] != ""


def test_dictionary_names_every_column(shop: TestClient) -> None:
    for table in get(shop, "/govern/dictionary")["tables"]:
        assert any(x["key"] for x in table["columns"]), table["table"]
        for column in table["columns"]:
            assert column["meaning"]["zh"] != "", column
            assert column["meaning"]["en"] != "", column


@pytest.mark.parametrize(
    ("query", "nodes"),
    [
        ("column=purchases.amount_minor", {-1: 1, 0: 1, 1: 1, 2: 1}),
        ("column=purchases.amount_minor&direction=upstream", {-1: 1, 0: 1}),
        ("column=purchases.amount_minor&direction=downstream&depth=1", {0: 1, 1: 1}),
        ("column=scores.value", {-3: 1, -2: 1, -1: 1, 0: 1}),
    ],
)
def test_lineage_walks_both_ways(shop: TestClient, query: str, nodes: dict[int, int]) -> None:
    body = get(shop, f"/govern/lineage?{query}")
    found: dict[int, int] = {}
    for node in body["nodes"]:
        found[node["distance"]] = found.get(node["distance"], 0) + 1
    assert found == nodes
    assert len(body["edges"]) == len(body["nodes"]) - 1
    assert body["truncated"] == ("depth=1" in query)


def test_lineage_of_tables(shop: TestClient) -> None:
    body = get(shop, "/govern/lineage")
    assert [x["table"] for x in body["nodes"]] == ["orders", "purchases", "features", "scores"]
    assert len(body["edges"]) == 3


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("-value", "c6"),
        ("value", "c1"),
        ("-risk", "c1"),
        ("-spent", "c6"),
        ("-last_purchase", "c1"),
    ],
)
def test_customers_are_sorted(shop: TestClient, sort: str, first: str) -> None:
    assert get(shop, f"/customers?sort={sort}")["items"][0]["customer_id"] == first


def test_customers_are_filtered_by_segment(shop: TestClient) -> None:
    page = get(shop, "/customers?segment=tier:vip")
    assert ([x["customer_id"] for x in page["items"]], page["total"]) == (["c6"], 1)
    assert get(shop, "/customers?segment=rfm8:champions")["total"] == 1  # not those of a month ago
    answer = shop.get("/api/v1/customers?segment=vip")
    assert answer.status_code == 400
    assert "scheme:label" in answer.json()["detail"]


def test_a_customer_in_the_round(shop: TestClient) -> None:
    body = get(shop, "/customers/c1")
    line = body["headline"]
    assert (line["orders"], line["spent"]["minor"], line["risk"]) == (2, 1500, 9)
    assert line["value"] == {"minor": 10_000, "currency": "CNY"}
    assert line["tier"] == {"key": "core", "name": {"zh": "核心客户", "en": "Core"}}
    traits = {x["name"]: x for x in body["traits"]}
    assert traits["city"]["source"] == "crm.csv"
    assert traits["city"]["freshness_days"] == pytest.approx(29.04, abs=0.01)
    assert traits["pet"]["value"] == "cat"
    assert traits["phone"]["masked"]
    assert "13900000000" not in shop.get("/api/v1/customers/c1").text
    assert {x["identifier"] for x in body["identifiers"]} == {"crm:1000", "phone:+86*******0000"}
    assert body["merges"][0]["evidence"]["zh"] == "same_record"
    assert {x["scheme"] for x in body["segments"]} == {"rfm8", "tier", "life_cycle"}
    value = next(x for x in body["scores"] if x["name"] == "expected_spend")
    assert (value["value"], value["interval"]["low"], value["unit"]) == (10_000, 5_000, "minor")
    assert value["horizon_days"] == 60
    assert body["recommendations"][0]["name"] == "面包"
    assert body["recommendations"][0]["reason"]["zh"] == "常在购买牛奶之后购买"
    assert body["consents"][0]["state"] == "GRANT"
    assert "消费 ¥15.00" in body["summary"]["zh"]


def test_a_profile_is_found_by_identifier(shop: TestClient) -> None:
    by_card = get(shop, "/profiles/crm:1000")
    assert by_card == get(shop, "/customers/c1")
    assert get(shop, "/profiles/phone:+8613900000000")["customer_id"] == "c1"
    assert shop.get("/api/v1/profiles/crm:9").status_code == 404


def test_the_timeline_holds_everything_newest_first(shop: TestClient) -> None:
    items = get(shop, "/customers/c1/timeline")["items"]
    assert [x["at"] for x in items] == sorted((x["at"] for x in items), reverse=True)
    kinds = [x["kind"] for x in items]
    assert {k: kinds.count(k) for k in kinds} == {
        "decision": 1, "event": 1, "purchase": 2, "return": 1, "touch": 1, "consent": 1,
    }  # fmt: skip
    bought = next(x for x in items if x["kind"] == "purchase")
    assert bought["lines"][0]["name"] == "牛奶"
    assert bought["title"] == {"zh": "购买 · 门店", "en": "Purchase · Store"}
    only = get(shop, "/customers/c1/timeline?kind=touch")["items"]
    assert [x["kind"] for x in only] == ["touch"]
    assert shop.get("/api/v1/customers/c1/timeline?kind=x").status_code == 400


def test_features_carry_their_definitions(shop: TestClient) -> None:
    items = {x["name"]: x for x in get(shop, "/customers/c2/features")["items"]}
    assert set(items) == {"recency_days", "orders_90d"}
    assert items["recency_days"]["value"] == 2.0
    assert items["orders_90d"]["window_days"] == 90
    assert "90" in items["orders_90d"]["definition"]["en"]


def test_scores_are_those_of_the_latest_moment(shop: TestClient) -> None:
    body = get(shop, "/predict/scores/summary")
    assert body["customers"] == 6
    assert [x["customers"] for x in body["risk"]] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert {x["key"]: x["customers"] for x in body["bands"]} == {"middle": 3, "high": 3}
    assert body["value_at_risk"]["minor"] == 60_000
    assert body["expected_value"]["minor"] == 210_000
    assert [(x["key"], x["customers"]) for x in body["tiers"]] == [("vip", 1), ("core", 5)]


def test_schemes(shop: TestClient) -> None:
    schemes = {x["scheme"]: x for x in get(shop, "/segment/schemes")["items"]}
    assert list(schemes) == ["rfm8", "tier", "life_cycle"]
    vip = schemes["tier"]["segments"][0]
    assert (vip["segment"], vip["customers"], vip["expected_value"]["minor"]) == ("vip", 1, 60_000)
    assert vip["spent"]["minor"] == 12_000
    assert vip["average_risk"] == 4.0


def test_plan(shop: TestClient) -> None:
    body = get(shop, "/decide/plans/plan1")
    totals = body["summary"]["totals"]
    assert (totals["customers"], totals["contacts"], totals["hold_out"], totals["refused"]) == (
        6, 3, 1, 2,
    )  # fmt: skip
    assert totals["spend"]["minor"] == 60
    assert totals["expected_net"]["minor"] == 840
    assert totals["bound_gap"] == 0.004
    assert body["by_offer"][0]["label"]["zh"] == "满减券"
    assert [(x["key"], x["contacts"]) for x in body["by_hour"]] == [("10", 3)]
    assert [(x["key"], x["count"], x["label"]["zh"]) for x in body["refusals"]] == [
        ("no_consent", 2, "无授权")
    ]
    assert {x["key"] for x in body["guards"]} == {
        "frequency_cap", "quiet_hours", "hold_out", "consent",
    }  # fmt: skip
    assert get(shop, "/decide/plans/latest") == body


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ("action=send", ["c1", "c2", "c3"]),
        ("action=hold_out", ["c4"]),
        ("action=none", ["c5", "c6"]),
        ("reason=no_consent", ["c5", "c6"]),
        ("channel=sms&offer_id=o1", ["c1", "c2", "c3"]),
    ],
)
def test_decisions_are_filtered(shop: TestClient, query: str, who: list[str]) -> None:
    page = get(shop, f"/decide/plans/plan1/decisions?{query}")
    assert [x["customer_id"] for x in page["items"]] == who
    assert page["total"] == len(who)


def test_a_decision_explains_itself(shop: TestClient) -> None:
    sent = get(shop, "/decide/decisions/c1")
    assert sent["decision"]["hour"] == 10
    assert sent["decision"]["probability"] == 0.9
    assert "满减券" in sent["sentence"]["zh"]
    assert sent["decision"]["reasons"][1]["text"]["zh"] == "按客户习惯在 10 点发送（避开勿扰时段）"
    assert sent["candidates"][0]["chosen"]
    assert sent["guards"][0]["text"]["zh"] == "短信：已授权，有联系方式"
    left = get(shop, "/decide/decisions/c6")
    assert left["decision"]["action"] == "none"
    assert left["candidates"][0]["refused"]["text"]["en"] == "No consent"
    assert left["guards"][0]["value"] == "closed"
    held = get(shop, "/decide/decisions/c4?plan_id=plan1")
    assert held["decision"]["action"] == "hold_out"
    assert "对照组" in held["sentence"]["zh"]


def test_outbox(shop: TestClient) -> None:
    body = get(shop, "/deliver/outbox")
    assert {x["key"]: x["count"] for x in body["summary"]["by_status"]} == {"sent": 2, "queued": 1}
    assert body["items"][0]["body"] == "你好"
    assert get(shop, "/deliver/outbox?channel=email")["items"] == []


def test_indicators(shop: TestClient) -> None:
    body = get(shop, "/measure/indicators")
    assert [x["key"] for x in body["items"]] == ["orders", "revenue"]
    orders = body["items"][0]
    assert (orders["value"], orders["previous"]) == (108, 107)
    assert orders["change"] == pytest.approx(1 / 107)
    assert len(orders["series"]) == 9
    assert body["items"][1]["currency"] == "CNY"
    part = get(shop, "/measure/indicators?start=2026-02-21&end=2026-02-23")
    assert [x["day"] for x in part["items"][0]["series"]] == ["2026-02-21", "2026-02-22"]


def test_cohorts(shop: TestClient) -> None:
    items = get(shop, "/measure/cohorts")["items"]
    assert sum(x["size"] for x in items) == 6
    for cohort in items:
        assert cohort["cells"][0]["share"] == 1.0


def test_migration(shop: TestClient) -> None:
    body = get(shop, "/measure/rfm-migration")
    moves = {(x["origin"], x["target"]): x["customers"] for x in body["cells"]}
    assert moves == {("champions", "champions"): 1, ("champions", "lost"): 5}
    assert (body["start"], body["end"]) == ("2026-01-30", "2026-03-01")


def test_effects(shop: TestClient) -> None:
    effect = get(shop, "/measure/effects")["items"][0]
    assert (effect["estimate"], effect["significant"], effect["unit"]) == (410_000, True, "minor")
    assert (effect["treated"], effect["hold_out"]) == (3, 1)
    assert effect["interval"] == {"low": 320_000, "high": 500_000, "level": 0.95}


def test_runs(shop: TestClient) -> None:
    run = get(shop, "/runs")["items"][0]
    assert run == get(shop, "/runs/run1")
    assert (run["status"], run["seconds"], run["as_of"]) == ("done", 30.0, "2026-03-01")
    assert [x["step"] for x in run["steps"]] == ["govern", "unify", "features", "predict"]


def test_every_text_exists_in_both_languages(shop: TestClient) -> None:
    def texts(part: Any, path: str) -> None:
        if isinstance(part, dict):
            if set(part) == {"zh", "en"}:
                assert bool(part["zh"]) == bool(part["en"]), path
            for key, value in part.items():
                texts(value, f"{path}.{key}")
        elif isinstance(part, list):
            for place, value in enumerate(part):
                texts(value, f"{path}[{place}]")

    for path in (
        "/overview", "/collect/loads", "/govern/quality", "/govern/rules", "/govern/report",
        "/govern/dictionary", "/customers/c1", "/customers/c1/timeline", "/segment/schemes",
        "/segment/vocabulary", "/decide/plans/plan1", "/decide/decisions/c1",
        "/measure/indicators", "/measure/effects",
    ):  # fmt: skip
        texts(get(shop, path), path)


def test_what_was_computed_is_kept_until_a_table_changes(
    shop: TestClient, runtime: Runtime
) -> None:
    from shopkeeper.apps.service.context import OpenShop
    from shopkeeper.core.tables import LOADS, ORDERS

    asked = []
    opened = OpenShop(runtime)
    for _ in range(2):
        opened.remember("question", (LOADS, ORDERS), lambda: asked.append(1))
    assert asked == [1]
