"""The labelled mix: reproducible, in Segment's shape, and not separable by one glance."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from shopkeeper.core import tables
from shopkeeper.core.errors import InputError
from shopkeeper.simulate.traffic import HELD_OUT, HUMAN, INVALID, TrafficSpec, moment, traffic

EVERY = (*HUMAN, *INVALID, *HELD_OUT)


@pytest.fixture(scope="module")
def mix():
    return traffic(TrafficSpec(seed=11, people=200, messages=120, classes=EVERY))


def test_equal_specs_give_equal_traffic_and_other_seeds_other_traffic():
    def drawn(seed):
        spec = TrafficSpec(seed=seed, people=20, messages=10)
        return [(x.raw, x.received_us, x.label) for x in traffic(spec).events]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_every_class_is_there_and_the_label_says_who_did_it(mix):
    assert {x.label for x in mix.events} == set(EVERY)
    assert all(x.invalid == (x.label not in HUMAN) for x in mix.events)
    default = {x.label for x in traffic(TrafficSpec(seed=1, people=30, messages=20)).events}
    assert not default & set(HELD_OUT)


def test_events_have_the_shape_of_segment_and_arrive_in_order(mix):
    received = [x.received_us for x in mix.events]
    assert received == sorted(received)
    ids = [x.raw["messageId"] for x in mix.events]
    assert len(set(ids)) == len(ids)
    for sent in mix.events:
        raw = sent.raw
        assert raw["type"] in ("track", "page")
        assert ("event" in raw) == (raw["type"] == "track")
        assert raw.get("anonymousId") or raw.get("userId")
        assert dt.datetime.fromisoformat(raw["timestamp"]).tzinfo is not None
        assert raw["context"]["ip"] == sent.ip


def test_the_share_of_invalid_events_is_the_one_asked_for():
    for share in (0.2, 0.5):
        spec = TrafficSpec(seed=5, people=250, messages=0, invalid_share=share)
        found = np.mean([x.invalid for x in traffic(spec).events])
        assert abs(found - share) < 0.08


def test_messages_belong_to_the_opens_and_clicks(mix):
    assert mix.touches.schema == tables.TOUCHES.arrow_schema
    touches = set(mix.touches.column("touch_id").to_pylist())
    mail = [x for x in mix.events if x.raw.get("event", "").startswith("Email")]
    assert mail
    assert {x.raw["properties"]["touch_id"] for x in mail} <= touches


def test_no_single_trait_separates_people_from_programs(mix):
    """People share addresses, clients and paces with programs, and the other way round."""
    human = [x for x in mix.events if not x.invalid]
    programs = [x for x in mix.events if x.invalid]
    agents = {x.agent for x in human} & {x.agent for x in programs}
    assert len(agents) > 5
    # Some people send from data centres, some programs from homes.
    nets = {x.ip.split(".")[0] for x in human} & {x.ip.split(".")[0] for x in programs}
    assert len(nets) > 5
    nameless = [x for x in human if "userAgent" not in x.raw["context"]]
    assert nameless, "servers tell of customers without a browser"


def test_moments_are_written_as_browsers_do():
    assert moment(0) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"classes": ("ghost",)}, "no class of traffic called ghost"),
        ({"people": 0}, "cannot be drawn"),
        ({"invalid_share": 1.0}, "cannot be drawn"),
    ],
)
def test_impossible_mixes_are_refused(given, says):
    with pytest.raises(InputError, match=says):
        TrafficSpec(**given)
