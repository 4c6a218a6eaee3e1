"""Live traits: folding event by event is the same as looking at everything that happened."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from shopkeeper.features.live.builtin import BUILT_IN
from shopkeeper.features.live.compiled import compile_traits
from shopkeeper.features.live.definition import Condition, LiveTrait, holds
from shopkeeper.features.live.engine import (
    NEVER,
    WAITING,
    Fact,
    State,
    advance,
    merge,
    values_now,
)
from shopkeeper.features.live.series import BUCKETS, VALUES, WIDTHS

S = 1_000_000
DAY = 86_400
NOW = 1_750_000_000 * S
TRAITS = (
    *BUILT_IN,
    LiveTrait("cheap_views_2h", "count", "events", "便宜", "Cheap", kinds=("view_item",),
              window_s=7200, where=(Condition("amount_minor", "<", 500),)),
    LiveTrait("ever_tea", "ever", "truth", "茶", "Tea", kinds=("view_item", "add_to_cart"),
              where=(Condition("category", "in", ("tea", "milk")),)),
    LiveTrait("page_1h", "last", "", "页", "Page", field="page", window_s=3600),
    LiveTrait("first_query", "first", "", "词", "Query", kinds=("search",), field="query"),
    LiveTrait("channels_3d", "distinct", "channels", "渠道", "Channels", field="channel",
              window_s=3 * DAY),
    LiveTrait("session_seconds", "session", "seconds", "时长", "Seconds", field="seconds",
              window_s=1800),
)  # fmt: skip
KINDS = ("page_view", "view_item", "add_to_cart", "search", "purchase", "refund", "email_sent",
         "email_opened", "begin_checkout", "product_reviewed", "store_visited", "odd")  # fmt: skip


# --- an oracle that looks at every event, at one moment --------------------------------------


def oracle(trait: LiveTrait, facts: Sequence[Fact], now_us: int) -> Any:  # noqa: C901, PLR0911
    now = now_us // S
    past = [x for x in facts if x.ts_us // S <= now]
    mine = [x for x in past if not trait.kinds or x.kind in trait.kinds]
    mine = [x for x in mine if all(holds(w, x.values.get(w.field)) for w in trait.where)]
    measure, window, field = trait.measure, trait.window_s, trait.field
    if field is not None and measure != "session":
        mine = [x for x in mine if x.values.get(field) is not None]
    inside = mine if window is None else [x for x in mine if x.ts_us // S > now - window]
    by_time = sorted(mine, key=lambda x: (x.ts_us, str(x.values.get(field or "")), x.source))
    if measure in ("count", "sum"):
        if not mine:
            return None
        return len(inside) if measure == "count" else sum(x.values[field] for x in inside)
    if measure == "distinct":
        return len({x.values[field] for x in inside}) if mine else None
    if measure == "none":
        clock = max((x.ts_us for x in mine), default=min((x.ts_us for x in past), default=None))
        return None if clock is None else now >= clock // S + window
    if measure == "open":
        settled = [x.ts_us for x in past if x.kind in trait.until]
        if not mine:
            return None
        last = max(x.ts_us for x in mine)
        return last > max(settled, default=-1) and (window is None or now < last // S + window)
    if measure == "session":
        return _session(sorted(x.ts_us // S for x in mine), field, window, now)
    if not mine:
        return None
    if measure == "ever":
        return True
    if measure in ("active", "new"):
        at = max(x.ts_us for x in mine) if measure == "active" else min(x.ts_us for x in mine)
        return now < at // S + window
    chosen = by_time[-1] if measure == "last" else by_time[0]
    if window is not None and now >= chosen.ts_us // S + window:
        return None
    return chosen.ts_us if field is None else chosen.values[field]


def _session(seconds: list[int], field: str | None, gap: int, now: int) -> Any:
    if not seconds or now >= seconds[-1] + gap:
        return None
    start = len(seconds) - 1
    while start and seconds[start] - seconds[start - 1] < gap:
        if seconds[start - 1] < seconds[-1] - 4 * 3600:
            break
        start -= 1
    if field == "events":
        return len(seconds) - start
    return seconds[-1] - seconds[start] if field == "seconds" else seconds[start] * S


def happenings(rng: random.Random, n: int, span_s: int) -> list[Fact]:
    """Bursts over a span, some long before, some in the future."""
    found = []
    at = NOW - span_s * S
    for _ in range(n):
        at = min(NOW + 600 * S, at + int(rng.expovariate(n / span_s) * S))
        if rng.random() < 0.5:
            at += rng.randrange(5 * S)
        when = at if rng.random() < 0.95 else at + rng.randrange(3 * DAY) * S
        values: dict[str, Any] = {
            "page": f"/{rng.randrange(9)}", "channel": rng.choice(["web", "app", "store"]),
            "product_id": f"p{rng.randrange(30)}", "category": rng.choice(["tea", "milk", "pan"]),
            "query": f"q{rng.randrange(5)}", "amount_minor": rng.randrange(1000),
            "properties.rating": rng.randrange(1, 6), "device": "mobile",
        }  # fmt: skip
        kept = {k: v for k, v in values.items() if rng.random() < 0.8}
        found.append(Fact(when, rng.choice(KINDS), rng.choice(["web", "pos"]), kept))
    return found


def through_json(state: State) -> State:
    return msgspec.json.decode(msgspec.json.encode(state), type=State)


# --- parity ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_folding_is_looking_at_everything(seed: int) -> None:
    rng = random.Random(seed)
    traits = compile_traits(TRAITS)
    facts = happenings(rng, rng.choice([20, 90]), rng.choice([7200, 5 * DAY, 120 * DAY]))
    arriving = facts[:]
    rng.shuffle(arriving)
    state, seen, now = State(), [], NOW - DAY * S
    due = NEVER
    while arriving:
        size = rng.randint(0, 6)
        batch, arriving = arriving[:size], arriving[size:]
        seen += batch
        now += rng.choice([0, 1, 60, 4000, 90_000]) * S + rng.randrange(S)
        state, _, due = advance(traits, through_json(state), batch, now)
        for trait in TRAITS:
            expected = oracle(trait, seen, now)
            got = state.values.get(trait.name, [None])[0]
            assert got == expected, (trait.name, now)
        assert due > now
        # Until the due moment, nothing changes by time alone.
        later = rng.randint(now, min(due - 1, now + 40 * DAY * S))
        changed = advance(traits, through_json(state), [], later)[1]
        assert changed == {}
        for trait in TRAITS:
            assert state.values.get(trait.name, [None])[0] == oracle(trait, seen, later), trait.name


@pytest.mark.parametrize("seed", range(6))
def test_every_flip_happens_at_its_second(seed: int) -> None:
    """Ticking from due moment to due moment sees every change that the oracle sees."""
    rng = random.Random(100 + seed)
    traits = compile_traits(TRAITS)
    facts = happenings(rng, 25, 3 * DAY)
    state, _, due = advance(traits, State(), facts, NOW)
    for _ in range(60):
        if due >= NEVER:
            break
        before = {x.name: oracle(x, facts, due - 1) for x in TRAITS}
        after = {x.name: oracle(x, facts, due) for x in TRAITS}
        state, changed, following = advance(traits, state, [], due)
        told = {k: v for k, v in before.items() if v != after[k]}
        assert changed == told
        assert {k: v[0] for k, v in state.values.items() if v[0] is not None} == {
            k: v for k, v in after.items() if v is not None
        }
        due = following


@pytest.mark.parametrize("seed", range(6))
def test_two_that_are_one_are_as_if_always_one(seed: int) -> None:
    rng = random.Random(200 + seed)
    traits = compile_traits(TRAITS)
    facts = happenings(rng, 60, 20 * DAY)
    parts: tuple[list[Fact], list[Fact]] = ([], [])
    for fact in facts:
        rng.choice(parts).append(fact)
    one, _, _ = advance(traits, State(), parts[0], NOW)
    two, _, _ = advance(traits, State(), parts[1], NOW)
    joined, _, due = advance(traits, merge(traits, one, two), [], NOW)
    whole, _, whole_due = advance(traits, State(), facts, NOW)
    assert joined.values == whole.values
    assert due == whole_due


# --- bounds ----------------------------------------------------------------------------------


def _views(seconds: Sequence[int]) -> list[Fact]:
    return [Fact(NOW + x * S, "view_item", "web", {"product_id": f"p{x}"}) for x in seconds]


def test_a_busy_customer_stays_small_and_errs_by_less_than_the_stated_width() -> None:
    rng = random.Random(5)
    traits = compile_traits(BUILT_IN)
    seconds = sorted(rng.randrange(-7 * DAY, 0) for _ in range(5000))
    state = State()
    for start in range(0, 5000, 50):
        batch = _views(seconds[start : start + 50])
        state, _, _ = advance(traits, state, batch, batch[-1].ts_us)
    assert len(msgspec.json.encode(state)) < 20_000
    levels = [x[0] for x in state.series.values() if len(x) == 6]
    width = WIDTHS[max(levels)]
    assert width <= 86_400
    state, _, _ = advance(traits, state, [], NOW)
    got = state.values["views_7d"][0]
    exact = sum(1 for x in seconds if x > -7 * DAY)
    late = sum(1 for x in seconds if -7 * DAY - width < x <= -7 * DAY)
    assert exact <= got <= exact + late
    assert state.values["products_viewed_7d"][0] == VALUES


def test_as_many_moments_as_are_kept_are_exact() -> None:
    traits = compile_traits(BUILT_IN)
    facts = _views([-i * 300 for i in range(BUCKETS)])
    state, _, _ = advance(traits, State(), facts, NOW)
    assert state.values["views_30d"][0] == BUCKETS
    for i in (0, 1, 50, BUCKETS - 1):
        leaves = NOW + 30 * DAY * S - i * 300 * S
        assert values_now(traits, state, leaves)["views_30d"][0] == i
        assert values_now(traits, state, leaves - 1)["views_30d"][0] == i + 1


def test_of_events_to_come_the_next_ones_are_kept() -> None:
    traits = compile_traits(BUILT_IN)
    state, _, due = advance(traits, State(), _views(range(10, 10 + 2 * WAITING)), NOW)
    assert len(state.waiting) == WAITING
    assert state.values == {}
    assert due == NOW + 10 * S
    state, changed, _ = advance(traits, state, [], due)
    assert state.values["views_1h"][0] == 1
    assert "views_1h" in changed


def test_other_definitions_keep_what_they_share() -> None:
    traits = compile_traits(BUILT_IN)
    state, _, _ = advance(traits, State(), _views([-10, -20]), NOW)
    more = LiveTrait("views_2d", "count", "events", "两天", "Two days", kinds=("view_item",),
                     window_s=2 * DAY)  # fmt: skip
    fewer = [x for x in BUILT_IN if x.name != "views_1h"]
    state, changed, _ = advance(compile_traits([*fewer, more]), state, [], NOW)
    assert changed == {"views_2d": None}
    assert state.values["views_2d"][0] == 2
    assert "views_1h" not in state.values


def test_built_in_traits_are_many_and_distinct() -> None:
    names = [x.name for x in BUILT_IN]
    assert len(names) == len(set(names)) >= 25


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Bad Name"}, "a name has small letters"),
        ({"measure": "average"}, "there is no measure 'average'"),
        ({"zh": ""}, "its meaning is missing in zh or en"),
        ({"measure": "none", "window_s": None}, "measure none needs a window"),
        ({"window_s": 10**9}, "a window has 1 second to 400 days"),
        ({"measure": "sum"}, "measure sum needs a field"),
        ({"measure": "session", "field": "pages"}, "a session tells started_at"),
        ({"measure": "open"}, "until belongs to measure open"),
        ({"field": "colour"}, "an event has no field 'colour'"),
        ({"where": (Condition("page", "like", "x"),)}, "there is no comparison 'like'"),
    ],
)
def test_a_definition_that_does_not_fit_is_refused(change: dict[str, Any], said: str) -> None:
    from shopkeeper.core.errors import ContractError

    good: dict[str, Any] = {
        "name": "x", "measure": "count", "unit": "", "zh": "中", "en": "en", "window_s": 60,
    }  # fmt: skip
    with pytest.raises(ContractError, match=said):
        LiveTrait(**(good | change))


@pytest.mark.parametrize(
    ("condition", "value", "truth"),
    [
        (Condition("page", "exists", False), None, True),
        (Condition("page", "!=", "a"), None, True),
        (Condition("amount_minor", ">", 5), 6, True),
        (Condition("amount_minor", ">=", 5), "6", False),
        (Condition("amount_minor", "<", 5), True, False),
        (Condition("page", "in", ("a", "b")), "c", False),
    ],
)
def test_filters(condition: Condition, value: Any, truth: bool) -> None:
    assert holds(condition, value) is truth
