"""The official Segment SDKs, unmodified but for the host: what they send arrives once."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from shopkeeper.apps.bench.sdk import KEY, NODE, DoorProcess, deliver, message_ids, sender
from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.envelope import unpack
from shopkeeper.core.settings import load_settings

INSTALLED = (NODE / "node_modules").is_dir()
needs_node = pytest.mark.skipif(
    not INSTALLED or shutil.which("node") is None, reason="run: npm ci --prefix tests/sdk/node"
)
PYTHON = pytest.param("python", id="python")
NODE_SDK = pytest.param("node", id="node", marks=needs_node)


@pytest.mark.slow
@pytest.mark.parametrize("sdk", [PYTHON, NODE_SDK])
def test_every_event_arrives_once(sdk: str, tmp_path: Path) -> None:
    if sdk == "python":
        pytest.importorskip("segment.analytics", reason="segment-analytics-python is not installed")
    result = deliver(sender(sdk), tmp_path, 2000)
    assert (result.arrived, result.doubled, list(result.errors)) == (2000, 0, [])


@pytest.mark.slow
def test_every_event_arrives_once_though_the_door_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("segment.analytics", reason="segment-analytics-python is not installed")
    result = deliver(sender("python"), tmp_path, 3000, kills=1)
    assert (result.arrived, result.doubled, list(result.errors)) == (3000, 0, [])


PAGE = """<!doctype html><title>Shop</title><script src="/index.js"></script><script>
const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: '%s', cdnURL: '%s' });
async function go(count) {
  await analytics.page('Home');
  await analytics.identify('user-1', { tier: 'gold' });
  for (let n = 0; n < count; n += 1) await analytics.track('Product Viewed', { product_id: 'p1', n });
  return (await analytics.user()).anonymousId();
}
</script>"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, DoorProcess]]:
    """A page of a shop on one port, the door on another."""
    door = DoorProcess(tmp_path / "shop")
    door.start()
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE % (KEY, door.host))
    umd = NODE / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
    for script in umd.glob("*.js"):
        shutil.copy(script, folder)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", door
    server.shutdown()
    door.stop()


@pytest.mark.slow
@pytest.mark.browser
@needs_node
def test_the_browser_sdk_needs_the_host_of_its_settings_alone(
    site: tuple[str, DoorProcess],
) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    page_url, door = site
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    if chromium is None:
        pytest.skip("no Chromium found")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_url)
        anonymous = page.evaluate("go(200)")
        page.wait_for_load_state("networkidle")
        browser.close()
    door.stop()
    assert {x.split("/")[2] for x in asked} == {page_url.split("/")[2], door.host.split("/")[2]}
    ids = Counter(message_ids(door.folder))
    assert (len(ids), max(ids.values())) == (202, 1)
    runtime = open_runtime(load_settings(flags={"store.folder": str(door.folder)}))
    try:
        events = [
            json.loads(bytes(raw))
            for partition in range(runtime.log.partitions)
            for record in runtime.log.read(partition, 0, limit=1000)
            for raw in unpack(record.payload).events
        ]
    finally:
        runtime.close()
    assert Counter(x["type"] for x in events) == {"page": 1, "identify": 1, "track": 200}
    assert sorted(x["properties"]["n"] for x in events if x["type"] == "track") == list(range(200))
    assert {x["anonymousId"] for x in events} == {anonymous}
