from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

sys.path.insert(0, str(Path(__file__).parents[1]))

from live_quarantine import LiveShop, open_live, order

from shopkeeper.apps.cli.quarantine import app as quarantine
from shopkeeper.apps.cli.tracking import app as tracking
from shopkeeper.core.errors import ConflictError, InputError, NotFoundError

STRICT = "version: 1\nevents: {purchase: {properties: {order_id: {required: true}}}}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LiveShop]:
    opened = open_live(tmp_path / "shop")
    yield opened
    opened.runtime.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "tracking.yaml"
    found.write_text(STRICT, encoding="utf-8")
    return found


def call(app: Any, shop: LiveShop, *words: str) -> Result:
    folder = str(shop.runtime.settings.store.folder)
    return CliRunner().invoke(app, [*words, "--shop", folder])


def told(app: Any, shop: LiveShop, *words: str, code: int = 0) -> Any:
    result = call(app, shop, *words, "--json")
    assert result.exit_code == code, result.output or result.exception
    return json.loads(result.stdout)


def test_a_plan_is_planned_applied_pulled_and_then_changes_nothing(
    shop: LiveShop, file: Path, tmp_path: Path
) -> None:
    shop.send(order("m1"), order("m2", order_id="o2"))
    assert "No tracking plan" in call(tracking, shop, "show").stdout
    assert told(tracking, shop, "show") is None
    words = call(tracking, shop, "plan", str(file)).stdout
    assert "added events.purchase" in words
    assert "Of the latest 2 events it would refuse 1 (now 0): 1 more, 0 fewer" in words
    assert "缺少 properties.order_id" in words
    preview = told(tracking, shop, "plan", str(file))
    assert (preview["based_on"], preview["stricter"]) == (0, True)
    assert preview["effect"]["newly_refused"] == 1

    first = told(tracking, shop, "apply", str(file), "--note", "开始", "--by", "mei")
    assert (first["version"], first["changed"], first["applied_by"]) == (1, True, "mei")
    assert told(tracking, shop, "apply", str(file))["changed"] is False
    pulled = tmp_path / "pulled.yaml"
    assert call(tracking, shop, "pull", str(pulled)).exit_code == 0
    assert call(tracking, shop, "show").stdout == pulled.read_text(encoding="utf-8")
    assert "No changes: version 1" in call(tracking, shop, "plan", str(pulled)).stdout
    assert told(tracking, shop, "show", "--version", "1")["note"] == "开始"
    assert [x["version"] for x in told(tracking, shop, "history")] == [1]
    assert "开始" in call(tracking, shop, "history").stdout


def test_the_standard_plan_is_offered_and_can_be_applied(shop: LiveShop, tmp_path: Path) -> None:
    text = call(tracking, shop, "show", "--standard").stdout
    file = tmp_path / "standard.yaml"
    file.write_text(text, encoding="utf-8")
    assert told(tracking, shop, "apply", str(file))["events"] > 10


def test_what_cannot_be_applied_says_why(shop: LiveShop, file: Path, tmp_path: Path) -> None:
    call(tracking, shop, "apply", str(file))
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\n", encoding="utf-8")
    late = call(tracking, shop, "apply", str(other), "--based-on", "0")
    assert isinstance(late.exception, ConflictError)
    other.write_text("version: 1\nevnts: {}", encoding="utf-8")
    assert "line 2" in str(call(tracking, shop, "plan", str(other)).exception)
    missing = call(tracking, shop, "plan", str(tmp_path / "none.yaml")).exception
    assert isinstance(missing, InputError)
    assert "cannot be read" in str(missing)
    other.write_bytes(b"\xff")
    assert "is not UTF-8" in str(call(tracking, shop, "plan", str(other)).exception)
    kept = call(tracking, shop, "pull", str(other), "--force")
    assert kept.exit_code == 0
    other.write_text("mine", encoding="utf-8")
    assert "says something else" in str(call(tracking, shop, "pull", str(other)).exception)
    nowhere = call(tracking, shop, "pull", str(tmp_path / "no" / "where.yaml"))
    assert "cannot be written" in str(nowhere.exception)


def test_nothing_to_pull_or_to_guess_from(shop: LiveShop, tmp_path: Path) -> None:
    for words in (("pull", str(tmp_path / "x.yaml")), ("guess",)):
        assert isinstance(call(tracking, shop, *words).exception, NotFoundError)


def test_a_guess_is_shown_before_anything_is_saved(shop: LiveShop, tmp_path: Path) -> None:
    shop.send(*(order(f"m{x}", order_id=str(x)) for x in range(25)))
    assert "order_id" in call(tracking, shop, "guess").stdout
    assert told(tracking, shop, "show") is None
    file = tmp_path / "guess.yaml"
    assert call(tracking, shop, "guess", "--out", str(file)).exit_code == 0
    assert told(tracking, shop, "plan", str(file))["effect"]["refused_then"] == 0
    assert "exists" in str(call(tracking, shop, "guess", "--out", str(file)).exception)


def test_a_refused_event_is_shown_edited_and_replayed(shop: LiveShop, file: Path) -> None:
    call(tracking, shop, "apply", str(file))
    shop.send(order("m1"), order("m2"))
    shop.work()
    found = told(quarantine, shop, "list")
    assert (found["total"], [x["reason"] for x in found["by_reason"]]) == (2, ["plan_missing"])
    number = str(next(x["number"] for x in found["events"] if x["event_id"] == "m1"))
    assert "plan_missing 2" in call(quarantine, shop, "list").stdout
    assert "✗ properties.order_id is missing" in call(quarantine, shop, "show", number).stdout
    assert told(quarantine, shop, "show", number)["verdict"]["admitted"] is False

    still = call(quarantine, shop, "edit", number, "--set", "properties.total=3", "--dry-run")
    assert still.exit_code == 1
    edited = told(quarantine, shop, "edit", number, "--set", "properties.order_id=o1",
                  "--unset", "properties.total")  # fmt: skip
    assert edited["verdict"]["admitted"] is True
    assert edited["event"]["properties"] == {"currency": "CNY", "order_id": "o1"}
    assert told(quarantine, shop, "list", "--status", "edited")["total"] == 1

    mixed = told(quarantine, shop, "replay", "--reason", "plan_missing", code=1)
    assert mixed["counts"] == {"requested": 1, "would_be_refused": 1}
    for _ in range(4):
        assert "1 sent" in call(quarantine, shop, "replay", number).stdout
    shop.work()
    assert told(quarantine, shop, "replay", number)["counts"] == {"admitted": 1}
    assert [x["event_id"] for x in shop.events()] == ["m1"]
    assert [x["event_id"] for x in told(quarantine, shop, "list")["events"]] == ["m2"]
    assert told(quarantine, shop, "list", "--status", "admitted")["total"] == 1
    assert "No such event" in call(quarantine, shop, "list", "--source", "pos").stdout


def test_edits_come_from_files_too(shop: LiveShop, file: Path, tmp_path: Path) -> None:
    call(tracking, shop, "apply", str(file))
    shop.send(order("m1"))
    shop.work()
    number = str(told(quarantine, shop, "list")["events"][0]["number"])
    patch = tmp_path / "patch.json"
    patch.write_text('[{"op": "add", "path": "/properties/order_id", "value": 7}]')
    assert told(quarantine, shop, "edit", number, "--patch", str(patch))["kept"] is True
    whole = tmp_path / "event.json"
    whole.write_text(json.dumps({"type": "page", "userId": "u1"}))
    assert told(quarantine, shop, "edit", number, "--event", str(whole))["event"]["type"] == "page"
    for words, why in (
        ((), "nothing to change"),
        (("--set", "order_id"), "is not PATH=VALUE"),
        (("--event", str(patch)), "must hold a JSON object"),
        (("--patch", str(tmp_path)), "cannot be read as JSON"),
    ):
        assert why in str(call(quarantine, shop, "edit", number, *words).exception)


def test_a_choice_must_be_made(shop: LiveShop) -> None:
    assert "no event was chosen" in str(call(quarantine, shop, "replay").exception)
    assert "unknown status" in str(call(quarantine, shop, "list", "--status", "odd").exception)
