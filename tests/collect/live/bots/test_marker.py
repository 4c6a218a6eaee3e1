"""Marks on arrival: what is found out, what is not, and what holds for any input."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.collect.live.bots import REASONS, Marker, fingerprint
from shopkeeper.collect.live.bots.agents import read_agent
from shopkeeper.collect.live.bots.memory import Memory
from shopkeeper.collect.live.bots.reasons import SIGNS
from shopkeeper.collect.live.bots.spam import spam_host
from shopkeeper.collect.live.envelope import Arrived
from shopkeeper.core.errors import InputError

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
S = 1_000_000
T0 = 1_730_044_800 * S


def seen(number, at_s, *, who="a", kind="view_item", agent=CHROME, ip="36.112.1.2", **given):
    context = {
        "userAgent": agent, "locale": "zh-CN", "timezone": "Asia/Shanghai",
        "screen": {"width": 1920, "height": 1080}, "library": {"name": "analytics.js"},
        **given.pop("context", {}),
    }  # fmt: skip
    at = T0 + int(at_s * S)
    return Arrived(
        event_id=f"e{number}", type="track", kind=kind, name="", occurred_us=at,
        received_us=given.pop("received_us", at + 300_000), source="web", anonymous_id=who,
        context=context, agent=agent, ip=ip, **given,
    )  # fmt: skip


def first_reason(events, **options):
    marker = Marker(**options)
    return next((x for x in map(marker.mark, events) if x), None)


@pytest.mark.parametrize(
    ("agent", "sort"),
    [
        ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "declared_bot"),
        ("Mozilla/5.0 (Linux; Android 5.0) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)", "declared_bot"),
        ("Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)", "declared_bot"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "declared_bot"),
        ("curl/8.4.0", "program"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/119.0 Safari/537.36", "program"),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 Chrome/80.0 Mobile Safari/537.36", "browser"),
        (CHROME + " SE 2.X MetaSr 1.0", "browser"),
        (CHROME + " YaBrowser/24.1.0", "browser"),
        (CHROME.replace("Windows NT 10.0; Win64; x64", "Linux; Android 12") + " DuckDuckGo/5", "browser"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) Mobile/15E148 baiduboxapp/13.5 (Baidu; P2 16.3)", "app"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.44 NetType/WIFI", "app"),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "mail_fetcher"),
        ("", "none"),
    ],
)  # fmt: skip
def test_agents_are_understood(agent, sort):
    assert read_agent(agent).sort == sort


def test_a_server_that_speaks_for_a_customer_is_no_program():
    told = Arrived(
        event_id="1", type="track", kind="purchase", name="", occurred_us=T0, received_us=T0,
        source="erp", customer_ref="user:1", agent="python-requests/2.31.0",
    )  # fmt: skip
    assert Marker().mark(told) is None
    assert fingerprint(told) is None
    told.anonymous_id = "x"
    assert Marker().mark(told) == "program"


@pytest.mark.parametrize(
    ("agent", "library"),
    [("okhttp/4.9.2", "@segment/analytics-react-native"), ("Dart/3.2 (dart:io)", "analytics_flutter"),
     ("analytics-node/1.1.3", "@segment/analytics-node"), ("MyShop/3 CFNetwork/1410 Darwin/22", "analytics-swift")],
)  # fmt: skip
def test_apps_and_servers_that_name_visitors_are_no_programs(agent, library):
    marker = Marker()
    for n in range(60):
        told = seen(n, n * 3, who=f"v{n}", kind="purchase", agent=agent)
        told.context = {"library": {"name": library}}
        assert marker.mark(told) is None
    told.context = {"library": {"name": library}, "userAgent": "curl/8.4.0"}
    told.agent = "curl/8.4.0"
    assert marker.mark(told) == "program", "a server that tells of a crawler's visit"


def test_a_person_is_left_alone():
    rng = random.Random(4)
    at, events = 0.0, []
    for n in range(120):
        kind = rng.choice(["view_item", "view_item", "view_item_list", "page_view", "search"])
        events.append(seen(n, at, kind=kind, product_id=f"p{rng.randrange(50)}"))
        at += rng.lognormvariate(1.0, 0.8)
    assert first_reason(events) is None


@pytest.mark.parametrize(
    ("reason", "events"),
    [
        ("headless", [seen(1, 0, context={"webdriver": True})]),
        ("headless", [seen(1, 0, context={"screen": {"width": 800, "height": 600}})]),
        ("contradiction", [seen(1, 0, context={"os": {"name": "Linux"}})]),
        ("honeypot", [seen(1, 0, kind="honeypot")]),
        ("honeypot", [seen(1, 0, context={"page": {"path": "/trap"}})]),
        ("referrer_spam", [seen(1, 0, context={"page": {"referrer": "http://x.semalt.com/"}})]),
        ("impossible_rate", [seen(n, n * 0.2 + n % 3 * 0.15, kind="page_view") for n in range(40)]),
        ("metronomic", [seen(n, n * 5.0, kind="page_view") for n in range(30)]),
        ("enumeration", [seen(n, 4 * n + n % 3, product_id=f"p{n}") for n in range(60)]),
        ("cart_rush", [seen(n, n * 0.1, kind="add_to_cart", product_id="p") for n in range(6)]),
        ("no_browsing", [seen(n, n * 9.0, kind="purchase") for n in range(6)]),
        ("no_browsing", [seen(n, n * 60, who=f"v{n}", kind="add_to_cart") for n in range(4)]),
        ("rotating", [seen(n, n * 2 + n % 3, who=f"v{n}", product_id=f"p{n}") for n in range(40)]),
        (
            "replayed_sequence",
            [seen(k * 9 + n, k * 500 + n * 7 + k % 3, who=f"v{k}", product_id=f"p{n}") for k in range(4) for n in range(5)],
        ),
        (
            "impossible_clock",
            [seen(n, n * (3 + n % 4), kind="page_view", raw=b'{"sentAt":"2024-01-01T00:00:00Z"}') for n in range(8)],
        ),
    ],
)  # fmt: skip
def test_each_layer_finds_its_kind(reason, events):
    assert first_reason(events, honeypots=["/trap"]) == reason
    assert reason in REASONS


def test_a_visitor_once_found_out_stays_found_out():
    marker = Marker()
    assert marker.mark(seen(1, 0)) is None
    assert marker.mark(seen(2, 30, kind="honeypot")) == "honeypot"
    assert marker.mark(seen(3, 9000, kind="page_view")) == "honeypot"
    assert marker.mark(seen(4, 9001, who="someone else", kind="page_view")) is None
    assert marker.found == {"a": "honeypot"}


def test_a_rush_of_many_people_on_one_product_is_no_farm():
    rng = random.Random(1)
    events = []
    for person in range(60):
        at = rng.uniform(0, 30)
        for n in range(10):
            events.append((at, person, n))
            at += rng.lognormvariate(0.0, 0.5)
    marker = Marker()
    marks = [
        marker.mark(seen(i, at, who=f"v{person}", ip=f"36.1.{person}.9", product_id="hot",
                         context={"screen": {"width": 1200 + person, "height": 800}}))
        for i, (at, person, _) in enumerate(sorted(events))
    ]  # fmt: skip
    assert not any(marks)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
KEYS = ("screen", "locale", "timezone", "os", "library", "webdriver", "page", "userAgent", "ip")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["view_item", "purchase", "add_to_cart", "email_opened", "", "x" * 99]),
            st.text(max_size=20),
            st.integers(-(2**62), 2**62),
            st.dictionaries(st.sampled_from(KEYS), anything, max_size=6),
            st.none() | st.text(max_size=5),
            st.binary(max_size=30),
        ),
        max_size=25,
    )
)
def test_marking_never_raises_and_a_saved_state_goes_on_the_same(rows):
    events = [
        Arrived(
            event_id=str(n), type="track", kind=kind, name="", occurred_us=at, received_us=at,
            source="s", anonymous_id=who, agent=agent, context=context, ip=agent[:3],
            raw=b'{"sentAt":"' + raw + b'"}', product_id=who, customer_ref=None if who else "u:1",
        )
        for n, (kind, agent, at, context, who, raw) in enumerate(rows)
    ]  # fmt: skip
    whole, half = Marker(actors=7), Marker(actors=7)
    expected = [whole.mark(x) for x in events]
    cut = len(events) // 2
    found = [half.mark(x) for x in events[:cut]]
    half = Marker.load(half.save())
    found += [half.mark(x) for x in events[cut:]]
    assert found == expected
    assert half.save() == whole.save()
    assert all(x is None or x in REASONS for x in expected)


@pytest.mark.slow
def test_memory_stays_bounded_under_two_hundred_thousand_strangers():
    limit = 1_000
    marker = Marker(actors=limit)
    stranger = seen(0, 0, kind="add_to_cart")

    def strangers(first, n):
        for i in range(first, first + n):
            stranger.anonymous_id = f"visitor {i}"
            stranger.ip = f"1.{i % 251}.{i % 241}.{i % 239}"
            stranger.occurred_us += 10_000
            if i % 50 == 0:
                stranger.agent = f"{CHROME} {i}"
            marker.mark(stranger)

    strangers(0, 190_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    strangers(190_000, 10_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(marker) <= 4 * 2 * limit
    # All four memories were replaced meanwhile; what they hold is what was traced.
    assert after - before < limit * 4_000


def test_the_order_of_events_alone_decides():
    rng = random.Random(9)
    events = [
        seen(n, rng.uniform(0, 600), who=f"v{rng.randrange(9)}", product_id=f"p{rng.randrange(99)}",
             kind=rng.choice(["view_item", "add_to_cart", "page_view"]))
        for n in range(600)
    ]  # fmt: skip
    one, two = Marker(), Marker()
    assert [one.mark(x) for x in events] == [two.mark(x) for x in events]
    assert one.save() == two.save()


def test_a_foreign_state_is_refused():
    for state in (b"{}", b"[", b'{"version":99}', b'{"version":1,"actors":3,"visitors":1}'):
        with pytest.raises(InputError, match="saved state of the bot marker cannot be read"):
            Marker.load(state)
    with pytest.raises(InputError, match="cannot remember 0 actors"):
        Marker(actors=0)


def test_memory_keeps_what_is_used():
    memory = Memory[int](3)
    for n in range(50):
        memory.put(f"k{n}", n)
        assert memory.get("k0") == 0
        assert len(memory) <= 6


def test_spam_hosts_and_their_subdomains():
    assert spam_host("http://a.b.darodar.com/x")
    assert not spam_host("https://notsemalt.com/")
    assert not spam_host("http://[::bad")


def test_reasons_and_signs_exist_in_both_languages():
    for zh, en in (*REASONS.values(), *SIGNS.values()):
        assert any("一" <= x <= "鿿" for x in zh)
        assert en.isascii()
