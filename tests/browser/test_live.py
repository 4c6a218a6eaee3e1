"""What happens on live pages by itself, and what a person does about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LANGUAGES = ("zh-CN", "en")
TEXTS = Path(__file__).resolve().parents[2] / "console" / "src" / "i18n"
# A page of the shop sends with its own key: as a browser does, by fetch.
FETCH = """([key, events]) => fetch('/v1/batch', {
    method: 'POST',
    headers: {'content-type': 'application/json', authorization: 'Basic ' + btoa(key + ':')},
    body: JSON.stringify({batch: events}),
}).then(answer => answer.status)"""


def words(language: str) -> dict[str, Any]:
    texts: dict[str, Any] = json.loads((TEXTS / f"{language}.json").read_text("utf-8"))
    return texts


@pytest.fixture
def shop(site: str) -> Any:
    """Helpers of the live shop, after the site is there."""
    return sys.modules["browser_live_shop"]


def key_of(shop: Any, site: str) -> str:
    (source,) = (
        x for x in shop.ask(site, "GET", "/collect/sources")["items"] if x["source_id"] == "web"
    )
    key: str = source["write_key"]
    return key


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_event_appears_without_a_reload_and_opens(
    open_page: Callable[..., Any], site: str, shop: Any, language: str
) -> None:
    said = words(language)["live"]
    visit = open_page(language)
    visit.go("/collect/live")
    visit.page.evaluate("window.kept = true")
    name = f"Hello {language}"
    event = {"type": "track", "event": name, "userId": "1004", "messageId": name}
    assert visit.page.evaluate(FETCH, [key_of(shop, site), [event]]) == 200
    row = visit.page.locator("tr").filter(has_text=name)
    row.wait_for(timeout=20_000)
    assert said["verdicts"]["accepted"] in row.inner_text()
    assert visit.page.evaluate("window.kept") is True
    row.locator("button").click()
    dialog = visit.page.get_by_role("dialog")
    dialog.locator("[data-verdict=accepted]").wait_for()
    assert "arrival=" in visit.page.url
    visit.settle()
    visit.shot(f"live-arrival-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_event_is_tried_before_it_is_sent(open_page: Callable[..., Any], language: str) -> None:
    said = words(language)["live"]
    visit = open_page(language)
    visit.go("/collect/live?verdict=refused")
    assert visit.page.locator("tbody tr").filter(has_text="401").count() >= 1
    box = visit.page.get_by_role("textbox", name=said["try"])
    check = visit.page.get_by_role("button", name=said["check"], exact=True)
    assert check.is_disabled()
    bad = {
        "type": "track",
        "event": "Product Viewed",
        "properties": {"product_id": "p", "price": "cheap"},
    }
    box.fill(json.dumps(bad))
    check.click()
    verdict = visit.page.locator("#try-says [data-verdict]")
    verdict.wait_for()
    assert verdict.get_attribute("data-verdict") == "refused"
    assert visit.page.locator("#try-says .faults li").count() >= 1
    visit.shot(f"live-try-{language}")
    visit.sound()
    box.fill(
        json.dumps(
            {
                "type": "track",
                "event": "Product Viewed",
                "userId": "7",
                "properties": {"product_id": "p"},
            }
        )
    )
    check.click()
    visit.page.locator("#try-says [data-verdict=accepted]").wait_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refused_event_is_corrected_and_sent_again(
    open_page: Callable[..., Any], site: str, shop: Any, language: str
) -> None:
    said = words(language)["refused"]
    number = f"q-{language}"
    small = sys.modules["browser_small_shop"]
    broken = shop.track(number, "Product Added", small.NOW, who="1003", product_id="p1", price="贵")
    assert shop.send(site, key_of(shop, site), [broken]) == 200
    held = "/collect/quarantine/events?limit=200"

    def there() -> Any:
        items = shop.ask(site, "GET", held)["items"]
        return next((x for x in items if x["event_id"] == number), None)

    shop.wait(there)
    row = there()
    visit = open_page(language)
    visit.go(f"/collect/quarantine?of=events&event={row['number']}")
    dialog = visit.page.get_by_role("dialog")
    assert dialog.locator("[data-verdict]").get_attribute("data-verdict") == "refused"
    visit.shot(f"refused-open-{language}")
    visit.sound()
    right = row["event"] | {"properties": {"product_id": "p1", "price": 15}}
    dialog.get_by_role("textbox", name=said["edit"]).fill(json.dumps(right, ensure_ascii=False))
    dialog.get_by_role("button", name=said["check"]).click()
    dialog.locator("[data-verdict=accepted]").wait_for()
    dialog.get_by_role("button", name=said["saveAndSend"]).click()
    dialog.locator("[data-status=admitted]").wait_for(timeout=30_000)
    visit.settle()
    visit.shot(f"refused-admitted-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_trait_changes_on_the_open_page_after_an_event(
    open_page: Callable[..., Any], site: str, shop: Any, language: str
) -> None:
    small = sys.modules["browser_small_shop"]
    visit = open_page(language)
    # The one has a live profile; of the other this is the first event.
    who = LANGUAGES.index(language)
    visit.go(f"/customers/{small.PEOPLE[who]}?tab=live")
    visit.until("document.querySelector('[data-following=open]')")
    product = f"p-{language}"
    assert product not in visit.page.get_by_role("main").inner_text()
    seen = shop.track(product, "Product Viewed", small.NOW, who=f"{1000 + who}", product_id=product)
    assert shop.send(site, key_of(shop, site), [seen]) == 200
    visit.until(
        "document.querySelector('[data-trait=last_product_viewed]')?.innerText.includes("
        f"{json.dumps(product)})",
        30,
    )
    visit.shot(f"customer-live-changed-{language}")
    visit.sound(expected=("404",))  # nothing live was known before


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_source_is_made_and_a_plan_comes_into_force(
    open_page: Callable[..., Any], own_site: str, language: str
) -> None:
    said = words(language)["sources"]
    visit = open_page(language, site=own_site)
    visit.go("/collect/sources")
    visit.page.get_by_role("button", name=said["create"]).click()
    dialog = visit.page.get_by_role("dialog")
    dialog.get_by_placeholder(said["nameHint"]).fill("web-shop")
    visit.shot(f"source-new-{language}")
    dialog.get_by_role("button", name=said["createNow"], exact=True).click()
    code = visit.page.locator("[data-snippet]")
    code.wait_for()
    assert own_site in code.inner_text()
    visit.page.get_by_text(said["programs"]["python"], exact=True).click()
    assert "analytics.write_key" in code.inner_text()
    visit.settle()
    visit.shot(f"source-made-{language}")
    visit.sound()

    said = words(language)["tracking"]
    visit.go("/collect/tracking")
    box = visit.page.get_by_role("textbox", name=said["title"])
    plan = box.input_value()
    apply = visit.page.get_by_role("button", name=said["apply"])
    preview = visit.page.get_by_role("button", name=said["preview"])
    box.fill(plan.replace("version: 1", "version: 1\nwrong: [", 1))
    preview.click()
    visit.page.locator("#plan-says .faults li").first.wait_for()
    assert apply.is_disabled()
    visit.shot(f"tracking-fault-{language}")
    visit.sound()
    box.fill(plan)
    preview.click()
    visit.page.locator("#plan-says .tag.good").wait_for()
    visit.shot(f"tracking-preview-{language}")
    apply.click()
    visit.page.get_by_role("dialog").get_by_role(
        "button", name=said["applyNow"], exact=True
    ).click()
    visit.page.get_by_text(said["inForce"], exact=True).wait_for()
    visit.settle()
    visit.shot(f"tracking-applied-{language}")
    visit.sound()
