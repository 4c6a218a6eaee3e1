"""The main path of every page, in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

LANGUAGES = ("zh-CN", "en")
PAGES = {
    "overview": "/",
    "collect": "/collect",
    "quarantine": "/collect/quarantine",
    "tables": "/collect/tables",
    "live": "/collect/live",
    "sources": "/collect/sources",
    "source": "/collect/sources?source=web",
    "connectors": "/collect/connectors",
    "connector": "/collect/connectors?connector=doors",
    "tracking": "/collect/tracking",
    "refused": "/collect/quarantine?of=events",
    "bots": "/collect/bots",
    "freshness": "/collect/freshness",
    "quality": "/govern",
    "rules": "/govern/rules",
    "dictionary": "/govern/dictionary",
    "lineage": "/govern/lineage",
    "customers": "/customers",
    "predict": "/predict",
    "models": "/predict/models",
    "recommend": "/predict/recommend",
    "uplift": "/predict/uplift",
    "forecast": "/predict/forecast",
    "prices": "/predict/forecast?view=prices",
    "text": "/predict/text",
    "asked": "/predict/asked",
    "ask": "/predict/asked/new",
    "learn": "/learn",
    "model-events": "/learn/events",
    "schemes": "/segment",
    "audiences": "/segment/audiences",
    "builder": "/segment/audiences/new",
    "decide": "/decide",
    "deliver": "/deliver",
    "measure": "/measure",
    "effects": "/measure/effects",
    "cohorts": "/measure/cohorts",
    "migration": "/measure/rfm-migration",
    "flow": "/measure/rfm-migration?view=ribbons",
    "stores": "/measure/stores",
    "store": "/measure/stores?store=s1",
    "uncounted": "/measure/stores?store=s2",
    "runs": "/runs",
    "settings": "/settings",
}
TEXTS = Path(__file__).resolve().parents[2] / "console" / "src" / "i18n"


def words(language: str) -> dict[str, Any]:
    texts: dict[str, Any] = json.loads((TEXTS / f"{language}.json").read_text("utf-8"))
    return texts


def first(site: str, path: str) -> dict[str, Any]:
    with urlopen(f"{site}/api/v1{path}") as answer:
        items = json.load(answer)["items"]
    if not items:
        pytest.skip(f"the shop has nothing at {path}")
    item: dict[str, Any] = items[0]
    return item


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_complaint(
    open_page: Callable[..., Any], name: str, language: str
) -> None:
    visit = open_page(language)
    visit.go(PAGES[name])
    assert visit.page.get_attribute("html", "lang") == language
    assert visit.page.locator("h1").inner_text().strip()
    visit.shot(f"{name}-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tab", ["live", "scores", "timeline", "traits", "features", "identity"])
def test_customer(open_page: Callable[..., Any], site: str, tab: str, language: str) -> None:
    one = first(site, "/customers")
    visit = open_page(language)
    visit.go(f"/customers/{one['customer_id']}?tab={tab}")
    visit.shot(f"customer-{tab}-{language}")
    # A customer without any event has no live profile, and the page says so.
    visit.sound(expected=("404",) if tab == "live" else ())


@pytest.mark.parametrize("language", LANGUAGES)
def test_model_card(open_page: Callable[..., Any], site: str, language: str) -> None:
    model = first(site, "/predict/models")
    visit = open_page(language)
    visit.go(f"/predict/models/{model['task']}/{model['version']}")
    visit.shot(f"model-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_plan_explains_every_decision(
    open_page: Callable[..., Any], site: str, language: str
) -> None:
    plan = first(site, "/decide/plans")
    visit = open_page(language)
    visit.go(f"/decide/plans/{plan['plan_id']}")
    visit.shot(f"plan-{language}")
    visit.sound()
    visit.page.locator("main button[aria-haspopup=dialog]").first.click()
    visit.page.get_by_role("dialog").wait_for()
    visit.settle()
    assert "customer=" in visit.page.url
    visit.shot(f"decision-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_figure_opens_its_definition(open_page: Callable[..., Any], language: str) -> None:
    visit = open_page(language)
    visit.go("/")
    visit.page.locator(".tile").first.click()
    dialog = visit.page.get_by_role("dialog")
    dialog.wait_for()
    assert words(language)["figure"]["definition"] in dialog.inner_text()
    assert "figure=" in visit.page.url
    visit.settle()
    visit.shot(f"figure-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_indicator_opens_its_series(open_page: Callable[..., Any], language: str) -> None:
    visit = open_page(language)
    visit.go("/measure")
    visit.page.locator("main button[aria-haspopup=dialog]").first.click()
    visit.page.get_by_role("dialog").wait_for()
    visit.settle()
    visit.shot(f"indicator-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_audience_page(open_page: Callable[..., Any], site: str, language: str) -> None:
    audience = first(site, "/segment/audiences")
    customer = first(site, "/customers")
    visit = open_page(language)
    visit.go(f"/segment/audiences/{audience['audience_id']}?customer={customer['customer_id']}")
    visit.shot(f"audience-{language}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_rule_is_counted_and_its_faults_are_pointed_at(
    open_page: Callable[..., Any], language: str
) -> None:
    visit = open_page(language)
    visit.go("/segment/audiences/new")
    rule = visit.page.locator("textarea.editor")
    visit.page.locator(".vocabulary li button").first.click()
    assert rule.input_value().strip()
    rule.fill("recency_days > 10")
    visit.page.locator("#rule-says strong").wait_for()
    assert "rule=" in visit.page.url
    visit.shot(f"builder-good-{language}")
    visit.sound()
    rule.fill("??")
    visit.page.locator("#rule-says .problem").wait_for()
    visit.shot(f"builder-fault-{language}")
    visit.sound()


def test_language_switch_keeps_the_page_and_is_remembered(open_page: Callable[..., Any]) -> None:
    visit = open_page("zh-CN", fresh=True)
    visit.go("/measure/effects")
    assert visit.page.locator("h1").inner_text() == words("zh-CN")["nav"]["measure"]
    visit.page.get_by_text("EN", exact=True).click()
    visit.until("document.documentElement.lang === 'en'")
    assert visit.page.locator("h1").inner_text() == words("en")["nav"]["measure"]
    assert visit.page.url.endswith("/measure/effects")
    visit.go("/decide")
    assert visit.page.get_attribute("html", "lang") == "en"
    visit.sound()


@pytest.mark.parametrize("path", ["/", "/customers", "/measure/cohorts"])
def test_dark(open_page: Callable[..., Any], path: str) -> None:
    visit = open_page("en", dark=True)
    visit.go(path)
    visit.shot(f"dark{path.replace('/', '-')}")
    visit.sound()


@pytest.mark.parametrize("language", LANGUAGES)
def test_narrow_window(open_page: Callable[..., Any], language: str) -> None:
    visit = open_page(language, width=760)
    visit.go("/")
    visit.shot(f"narrow-{language}")
    visit.sound()


def test_keyboard_reaches_the_content(open_page: Callable[..., Any]) -> None:
    visit = open_page("en", fresh=True)
    visit.go("/customers")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("location.hash") == "#content"


def test_unknown_address_says_so(open_page: Callable[..., Any]) -> None:
    visit = open_page("en")
    visit.go("/nowhere/at/all")
    assert visit.page.locator("h1").inner_text() == words("en")["lost"]["title"]
    visit.sound()


def test_problem_shows_the_next_step(open_page: Callable[..., Any]) -> None:
    visit = open_page("en", fresh=True)
    visit.page.route(
        "**/api/v1/decide/plans",
        lambda route: route.fulfill(
            status=503,
            content_type="application/problem+json",
            body=json.dumps(
                {
                    "title": "The store refused",
                    "title_text": {"zh": "存储拒绝了请求", "en": "The store refused"},
                    "status": 503,
                    "detail": "state.sqlite is locked",
                    "code": "store",
                    "next_step": "Close the other process and try again",
                    "retryable": False,
                }
            ),
        ),
    )
    visit.go("/decide")
    alert = visit.page.get_by_role("alert").inner_text()
    assert "state.sqlite is locked" in alert
    assert "Close the other process and try again" in alert
    visit.shot("problem-en")
    visit.sound(expected=("503",))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/collect",
        "/collect/live",
        "/collect/sources",
        "/collect/connectors",
        "/measure/stores",
        "/govern",
        "/customers",
        "/predict",
        "/segment",
        "/decide",
        "/measure",
    ],
)
def test_empty_shop_says_what_to_do(
    open_page: Callable[..., Any], empty_site: str, path: str, language: str
) -> None:
    visit = open_page(language, site=empty_site)
    visit.go(path)
    visit.shot(f"empty{path.replace('/', '-')}-{language}")
    assert visit.page.locator(".state").count() >= 1
    visit.sound()
