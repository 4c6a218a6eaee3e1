"""The console in a real Chromium, over the real service and a small prepared shop."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.request import Request, urlopen

import pytest
import uvicorn

playwright_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: run `pip install playwright`"
)

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SERIOUS = ("serious", "critical")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def loaded(path: Path) -> ModuleType:
    """A module beside the tests, under a name of its own."""
    name = f"browser_{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def small_shop() -> ModuleType:
    """The hand-made shop of the service tests."""
    return loaded(ROOT / "tests" / "apps" / "service" / "small_shop.py")


def live_shop() -> ModuleType:
    """What happens in it live."""
    return loaded(Path(__file__).parent / "live_shop.py")


def serve(runtime: Any) -> Iterator[str]:
    """Answer on a free loopback port, with a worker, until the tests are done."""
    from shopkeeper.apps.service import create_app
    from shopkeeper.apps.worker.start import StreamThread

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(runtime),
            host="127.0.0.1",
            port=port,
            log_level="critical",
            timeout_graceful_shutdown=1,  # a page may still follow changes
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        assert time.monotonic() < deadline, "the service did not start in time"
        time.sleep(0.05)
    stream = StreamThread(runtime)
    yield f"http://127.0.0.1:{port}"
    stream.stop()
    server.should_exit = True
    thread.join(timeout=10)
    runtime.close()


def _built() -> None:
    from shopkeeper.apps.service.pages import STATIC

    if not (STATIC / "index.html").is_file():
        pytest.skip("the console is not built: run `make console`")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the service over the small shop, or the one given by SHOPKEEPER_CONSOLE_URL."""
    given = os.environ.get("SHOPKEEPER_CONSOLE_URL")
    if given:
        yield given.rstrip("/")
        return
    _built()
    shop = small_shop()
    runtime = shop.open_shop(tmp_path_factory.mktemp("shop"))
    shop.fill(runtime)
    live_shop().prepare(runtime, shop)
    for address in serve(runtime):
        keep_audience(address)
        live_shop().live(address, shop)
        yield address


@pytest.fixture
def own_site(tmp_path: Path) -> Iterator[str]:
    """Address of the service over a shop of this test alone, which it may change."""
    _built()
    shop = small_shop()
    runtime = shop.open_shop(tmp_path)
    shop.fill(runtime)
    live_shop().prepare(runtime, shop)
    yield from serve(runtime)


def keep_audience(site: str) -> None:
    """Save one audience, and build it."""
    draft = {"name": "沉默老客", "description": "十天没来的客户", "rule_text": "recency_days > 10"}
    audience = post(site, "/segment/audiences", draft)
    post(site, f"/segment/audiences/{audience['audience_id']}/build", {})


def post(site: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = Request(
        f"{site}/api/v1{path}",
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urlopen(request) as answer:
        given: dict[str, Any] = json.load(answer)
    return given


@pytest.fixture(scope="session")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the service over a shop in which nothing ever happened."""
    _built()
    yield from serve(small_shop().open_shop(tmp_path_factory.mktemp("empty")))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system."""
    found = os.environ.get("SHOPKEEPER_CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.skip("chromium is not installed: run `apt-get install chromium`")
    with playwright_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Folder of the screenshots: SHOPKEEPER_SCREENSHOTS, or a temporary one."""
    given = os.environ.get("SHOPKEEPER_SCREENSHOTS")
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="shopkeeper-shots-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Visit:
    """One page in one language, with everything it complained about."""

    page: Any
    site: str
    shots: Path
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Follow a link to a path, or load it first, and wait until nothing on it is loading."""
        if self.page.url.startswith(self.site):
            self.page.evaluate(
                "path => { history.pushState({}, '', path);"
                " dispatchEvent(new PopStateEvent('popstate')); }",
                path,
            )
        else:
            self.page.goto(f"{self.site}{path}", wait_until="load")
        place = path.split("?", maxsplit=1)[0]
        self.until(f"document.querySelector('.page')?.dataset.place === {json.dumps(place)}")
        self.settle()

    def settle(self) -> None:
        """Wait for skeletons to go and charts to be drawn."""
        self.until(
            "document.querySelector('h1') && !document.querySelector('.ant-skeleton')"
            " && ![...document.querySelectorAll('.chart')].some(c => c.dataset.ready !== 'true')"
        )
        self.drawn()

    def drawn(self) -> None:
        """Wait until what changed is on the screen: two frames."""
        self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def until(self, condition: str, seconds: float = 30.0) -> None:
        """Ask again and again; the page's own policy forbids to leave a question in it."""
        deadline = time.monotonic() + seconds
        while not self.page.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"{self.page.url} never came to: {condition}"
            self.page.wait_for_timeout(20)

    def shot(self, name: str) -> Path:
        """Keep the whole page, not only what fits the window."""
        height = self.page.evaluate("document.querySelector('.main')?.scrollHeight ?? 0")
        size = self.page.viewport_size
        self.page.set_viewport_size(
            {"width": size["width"], "height": max(size["height"], min(height + 60, 3200))}
        )
        self.drawn()
        path = self.shots / f"{name}.png"
        self.page.screenshot(path=str(path))
        self.page.set_viewport_size(size)
        return path

    def axe(self) -> list[str]:
        """Serious and critical accessibility findings, one line each."""
        if not AXE.is_file():
            pytest.skip("axe-core is not installed: run `npm ci` in console/")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text("utf-8"))
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{finding['id']} ({finding['impact']}): {finding['help']} at "
            + json.dumps([node["html"][:160] for node in finding["nodes"][:3]], ensure_ascii=False)
            for finding in result["violations"]
            if finding["impact"] in SERIOUS
        ]

    def sound(self, *, expected: tuple[str, ...] = ()) -> None:
        """Nothing complained, nothing hinders a reader, nothing runs over the edge."""
        unexpected = [
            line for line in self.complaints if not any(word in line for word in expected)
        ]
        assert not unexpected, "\n".join(unexpected)
        assert not self.axe()
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"the page is {wide} pixels wider than the window"


@pytest.fixture(scope="session")
def windows(browser: Any, shots: Path) -> Iterator[Callable[..., Visit]]:
    """Windows by language, appearance, width and site; each stays open for the next test."""
    kept: dict[object, Visit] = {}

    def window(language: str, dark: bool, width: int, site: str, fresh: object) -> Visit:
        key = (language, dark, width, site, fresh)
        if key not in kept:
            context = browser.new_context(
                viewport={"width": width, "height": 860},
                locale=language,
                timezone_id="Asia/Shanghai",
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.set_default_timeout(20_000)
            visit = Visit(page, site, shots)

            def said(message: Any) -> None:
                if message.type in {"error", "warning"}:
                    visit.complaints.append(f"{message.type}: {message.text}")

            page.on("console", said)
            page.on("pageerror", lambda error: visit.complaints.append(f"page error: {error}"))
            kept[key] = visit
        kept[key].complaints.clear()
        return kept[key]

    yield window
    for visit in kept.values():
        visit.page.context.close()


@pytest.fixture
def open_page(
    windows: Callable[..., Visit], request: pytest.FixtureRequest
) -> Callable[..., Visit]:
    """Open the console: `open_page(language, dark=False, width=1360, site=None, fresh=False)`.

    A fresh window shares neither cookies nor choices with any other test.
    """

    def opened(
        language: str,
        *,
        dark: bool = False,
        width: int = 1360,
        site: str | None = None,
        fresh: bool = False,
    ) -> Visit:
        place = site or request.getfixturevalue("site")
        return windows(language, dark, width, place, request.node.name if fresh else None)

    return opened
