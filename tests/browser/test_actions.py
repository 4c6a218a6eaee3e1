"""What the console changes: a plan from draft to performed, an audience from rule to members."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

TEXTS = Path(__file__).resolve().parents[2] / "console" / "src" / "i18n" / "zh-CN.json"


def words() -> dict[str, Any]:
    texts: dict[str, Any] = json.loads(TEXTS.read_text("utf-8"))
    return texts


def answer(site: str, path: str) -> dict[str, Any]:
    with urlopen(f"{site}/api/v1{path}") as given:
        body: dict[str, Any] = json.load(given)
    return body


def test_a_plan_is_approved_and_performed(open_page: Callable[..., Any], own_site: str) -> None:
    said, states = words()["decide"], words()["plan"]["status"]
    visit = open_page("zh-CN", site=own_site)
    visit.go("/decide/plans/plan1")
    main = visit.page.get_by_role("main")
    status = main.locator(".tag").filter(has_text=re.compile("|".join(states.values()))).first
    assert status.inner_text() == states["draft"]

    main.get_by_role("button", name=said["approve"]).click()
    dialog = visit.page.get_by_role("dialog")
    assert said["approveUndo"] in dialog.inner_text()
    dialog.get_by_role("button", name=said["approve"]).click()
    main.get_by_role("button", name=said["perform"]).wait_for()
    assert status.inner_text() == states["approved"]
    assert answer(own_site, "/deliver/outbox?plan_id=plan1")["total"] == 0

    dialog.wait_for(state="detached")
    main.get_by_role("button", name=said["perform"]).click()
    assert said["performUndo"] in dialog.inner_text()
    visit.shot("perform-zh-CN")
    dialog.get_by_role("button", name=said["performNow"]).click()
    status.filter(has_text=states["performed"]).wait_for()
    assert main.get_by_role("button", name=said["perform"]).count() == 0
    assert answer(own_site, "/deliver/outbox?plan_id=plan1")["total"] == 3
    visit.shot("performed-zh-CN")
    visit.sound()


def test_an_audience_is_saved_from_the_builder_and_built(
    open_page: Callable[..., Any], own_site: str
) -> None:
    said, page_said = words()["builder"], words()["audience"]
    visit = open_page("zh-CN", site=own_site)
    visit.go("/segment/audiences/new")
    save = visit.page.get_by_role("button", name=said["save"])
    assert save.is_disabled()
    visit.page.locator("textarea.editor").fill("expected_spend >= 50000")
    visit.page.locator("#rule-says strong").wait_for()
    visit.page.get_by_placeholder(said["nameHint"]).fill("预计消费高")
    save.click()
    visit.page.get_by_role("button", name=page_said["build"]).click()
    visit.page.get_by_role("button", name=page_said["rebuild"]).wait_for()
    assert visit.page.locator("h1").inner_text() == "预计消费高"
    (kept,) = answer(own_site, "/segment/audiences")["items"]
    assert (kept["name"], kept["status"]) == ("预计消费高", "built")
    now = answer(own_site, f"/segment/audiences/{kept['audience_id']}")
    assert kept["size"] == now["size"] > 0
    assert visit.page.url.endswith(kept["audience_id"])
    visit.settle()
    visit.shot("built-zh-CN")
    visit.sound()
