from __future__ import annotations

import json

import msgspec
import pytest

from shopkeeper.apps.worker.judging import Judge
from shopkeeper.collect.live.arrive import ArriveSettings
from shopkeeper.collect.live.envelope import VERSION, Envelope, Violation, pack
from shopkeeper.collect.live.seen import Seen
from shopkeeper.core.ports import LogRecord

AT = 1_780_000_000_000_000


def record(offset, *events, partition=0, source="web", **facts):
    raws = [msgspec.Raw(json.dumps(x).encode()) for x in events]
    payload = pack(Envelope(VERSION, "events", source, AT + offset, raws, **facts))
    return LogRecord(partition, offset, "k", payload, AT + offset)


def track(number, **more):
    return {"type": "track", "event": "E", "messageId": f"m{number}", "userId": "u", **more}


def seen():
    return {x: Seen(b"k" * 16, most=1000, window_s=86_400) for x in range(4)}


def judged(*records, checks=None, remembered=None, **options):
    judge = Judge(lambda _: ArriveSettings(), **options)
    return judge.judge(records, remembered or seen(), checks or {})


def test_partitions_are_judged_together_and_keep_their_order():
    found = judged(
        record(0, track(1), track(2)), record(0, track(1), partition=1), record(1, track(3)),
        record(4, partition=2),
    )  # fmt: skip
    assert [(x.partition, x.event_id) for x in found.events] == [
        (0, "m1"), (0, "m2"), (0, "m3"), (1, "m1"),
    ]  # fmt: skip
    assert found.positions == {0: 2, 1: 1, 2: 5}
    assert found.read == 4


def test_equal_ids_of_two_sources_are_two_events():
    found = judged(record(0, track(1)), record(1, track(1), source="app"))
    assert len(found.events) == 2


def test_plans_hold_by_partition():
    def check(_):
        return (Violation("a", "b", "c", "d"),)

    found = judged(record(0, track(1)), record(0, track(1), partition=1), checks={1: check})
    assert [x.partition for x in found.events] == [0]
    assert [x.event.partition for x in found.refused] == [1]


def test_judging_again_from_a_checkpoint_gives_the_same_verdicts(tmp_path):
    records = [record(x, track(x % 7), {"type": "track", "messageId": f"b{x % 3}"})
               for x in range(30)]  # fmt: skip
    remembered = seen()
    judged(*records[:11], remembered=remembered)
    remembered[0].save(tmp_path, offset=11)
    first = judged(*records[11:], remembered=remembered)
    again = {0: Seen.load(tmp_path, most=1000, window_s=86_400).seen}
    second = judged(*records[11:], remembered=again)
    assert [x.event_id for x in first.events] == [x.event_id for x in second.events]
    assert [x.event.raw for x in first.refused] == [x.event.raw for x in second.refused]


@pytest.mark.parametrize("payload", [b"{", b"null", b'{"v":2}', b"\x00\xff", b'{"v":99,"kind":"events","source":"w","received_us":1,"events":[]}'])  # fmt: skip
def test_what_is_no_envelope_is_refused_with_what_it_is(payload):
    found = judged(LogRecord(0, 7, "k", payload, AT))
    (refused,) = found.refused
    assert (refused.event.raw, refused.event.offset) == (payload, 7)
    assert refused.violations[0].reason == "step_failed"
    assert found.positions == {0: 8}


def test_a_plan_that_fails_on_an_event_refuses_it_with_the_reason():
    def check(event):
        raise KeyError(event.event_id)

    (refused,) = judged(record(0, track(1)), checks={0: check}).refused
    assert "check" in refused.violations[0].en
    assert "m1" in refused.violations[0].en


def test_a_mended_event_that_is_refused_again_says_why_again():
    bad = {"type": "track", "messageId": "x"}
    worse = {"type": "nothing", "messageId": "x"}
    found = judged(record(0, bad), record(1, bad), record(2, worse, replay=True),
                   record(3, worse, replay=True))  # fmt: skip
    assert len(found.refused) == 2
    assert found.repeated == 2
