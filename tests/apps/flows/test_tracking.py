from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from live_quarantine import NOW, LiveShop, open_live, order

from shopkeeper.apps.flows import tracking, tracking_effect
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.core.errors import ConflictError, InputError, NotFoundError

ONE = TrackingPlan.from_yaml("version: 1\nevents: {purchase: {properties: {order_id: {}}}}")
TWO = TrackingPlan.from_yaml(
    "version: 1\nevents: {purchase: {properties: {order_id: {required: true}}}}"
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[LiveShop]:
    opened = open_live(tmp_path / "shop")
    yield opened
    opened.runtime.close()


def test_a_shop_begins_without_a_plan(shop: LiveShop) -> None:
    assert tracking.current(shop.runtime.state) is None
    assert tracking.history(shop.runtime.state) == []
    plans = tracking.Plans(shop.runtime.state)
    assert (plans.latest(), plans.in_force()) == (0, None)


def test_versions_count_up_and_the_same_plan_makes_none(shop: LiveShop) -> None:
    state = shop.runtime.state
    first, new = tracking.apply(state, ONE, by="mei", now=NOW, note="开始")
    assert (first.version, first.note, first.applied_by, first.applied_at, new) == (
        1, "开始", "mei", NOW, True,
    )  # fmt: skip
    again, new = tracking.apply(state, ONE, by="li", now=NOW + timedelta(1))
    assert (again.version, again.applied_by, new) == (1, "mei", False)
    assert tracking.apply(state, TWO, by="li", now=NOW)[0].version == 2
    held = tracking.current(state)
    assert held is not None
    assert held.plan == TWO
    assert [x.version for x in tracking.history(state)] == [2, 1]
    assert tracking.version_of(state, 1).plan == ONE
    # what is pulled is what is in force
    pulled = TrackingPlan.from_yaml(held.plan.to_yaml())
    assert held.plan.diff(pulled).empty
    assert tracking.apply(state, pulled, by="li", now=NOW)[1] is False


def test_a_plan_made_from_another_version_is_refused(shop: LiveShop) -> None:
    state = shop.runtime.state
    tracking.apply(state, ONE, by="a", now=NOW, based_on=0)
    with pytest.raises(ConflictError, match="in force is version 1, this one was made from 0"):
        tracking.apply(state, TWO, by="b", now=NOW, based_on=0)
    assert tracking.apply(state, TWO, by="b", now=NOW, based_on=1)[0].version == 2
    with pytest.raises(NotFoundError, match="no version 3"):
        tracking.version_of(state, 3)


def test_two_who_apply_at_once_do_not_overwrite_each_other(
    shop: LiveShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = shop.runtime.state
    held = tracking.current(state)
    tracking.apply(state, ONE, by="a", now=NOW)
    monkeypatch.setattr(tracking, "current", lambda _: held)  # the other looked a moment before
    with pytest.raises(ConflictError, match="version 1"):
        tracking.apply(state, TWO, by="b", now=NOW)


def test_plans_follow_the_version_in_force_and_count_warnings(shop: LiveShop) -> None:
    plans = tracking.Plans(shop.runtime.state, fresh_s=0.0)
    tracking.apply(shop.runtime.state, ONE, by="a", now=NOW)
    assert plans.latest() == 1
    warn = TrackingPlan.from_yaml(TWO.to_yaml() + "severity: warn\n")
    tracking.apply(shop.runtime.state, warn, by="a", now=NOW)
    shop.send(order())
    (event,) = tracking_effect.recent_events(
        shop.runtime.log, tracking_effect.source_settings(shop.runtime.state, shop.runtime.settings)
    )
    check = plans.in_force()
    assert plans.latest() == 2
    assert check is not None
    assert check(event) == ()
    assert plans.warnings == {("plan_missing", "properties.order_id"): 1}


def test_a_preview_tells_the_effect_on_the_latest_events(shop: LiveShop) -> None:
    shop.send(order("m1"), order("m2", order_id="o2"), '"nonsense"')
    shop.send(*(order(f"n{x}", user="u2") for x in range(3)), key="u2")
    shop.send({"type": "page", "userId": "u1"})
    runtime = shop.runtime
    found = tracking_effect.preview(runtime.state, runtime.log, runtime.settings, TWO)
    assert (found.based_on, [x.path for x in found.change.steps]) == (0, ["events.purchase"])
    effect = found.effect
    assert (effect.events, effect.refused_now, effect.refused_then) == (6, 0, 4)
    assert (effect.newly_refused, effect.newly_admitted) == (4, 0)
    (tally,) = effect.tallies
    assert (tally.kind, tally.field, tally.reason, tally.events) == (
        "purchase", "properties.order_id", "plan_missing", 4,
    )  # fmt: skip
    tracking.apply(runtime.state, TWO, by="a", now=NOW)
    looser = tracking_effect.preview(runtime.state, runtime.log, runtime.settings, ONE).effect
    assert (looser.refused_now, looser.refused_then, looser.newly_admitted) == (4, 0, 4)


def test_only_so_many_of_the_latest_events_are_read(shop: LiveShop) -> None:
    for x in range(300):
        shop.send(order(f"m{x}", order_id=x))
    of = tracking_effect.source_settings(shop.runtime.state, shop.runtime.settings)
    share = -(-8 // shop.runtime.log.partitions)
    found = tracking_effect.recent_events(shop.runtime.log, of, limit=8)
    assert [x.properties["order_id"] for x in found] == list(range(300 - share, 300))
    assert len(tracking_effect.recent_events(shop.runtime.log, of, limit=100_000)) == 300
    with pytest.raises(InputError, match="between 1 and 200000"):
        tracking_effect.recent_events(shop.runtime.log, of, limit=0)


def test_a_plan_guessed_from_the_log_admits_the_log(shop: LiveShop) -> None:
    shop.send(*(order(f"m{x}", order_id=str(x)) for x in range(30)))
    of = tracking_effect.source_settings(shop.runtime.state, shop.runtime.settings)
    events = tracking_effect.recent_events(shop.runtime.log, of)
    guessed = TrackingPlan.guess(events)
    assert guessed.definition.events["purchase"].properties["order_id"].required
    assert [guessed.check(x) for x in events] == [()] * 30
