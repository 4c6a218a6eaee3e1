from __future__ import annotations

import msgspec
import pyarrow as pa

from shopkeeper.features.online.section import (
    Score,
    Section,
    Standing,
    changes_of,
    feature_values,
    read_before,
)


def test_values_are_those_of_the_table_without_the_empty_ones():
    rows = pa.table({"n": [1, None], "x": [0.1, None], "word": ["奶", None], "z": [0, 0]})
    found = list(feature_values(rows, ["n", "x", "word", "z"]))
    assert found == [{"n": 1, "x": 0.1, "word": "奶", "z": 0}, {"z": 0}]


def test_a_section_survives_being_stored():
    section = Section(5, {"a": 0.1 + 0.2}, {"churn": Score(0.7, "v1", 90, "probability", "high", 7,
                      msgspec.Raw(b'[{"code":"x"}]'))}, {"vip": Standing(4, "2")})  # fmt: skip
    stored = msgspec.json.encode(msgspec.structs.asdict(section))
    found = msgspec.json.decode(stored)
    assert found["features"] == {"a": 0.30000000000000004}
    assert found["scores"]["churn"]["reasons"] == [{"code": "x"}]
    assert found["audiences"] == {"vip": {"since_us": 4, "version": "2"}}
    before = read_before(stored, None)
    assert before.bands == {"churn": "high"}
    assert before.audiences == {"vip": Standing(4, "2")}


def test_bands_and_memberships_that_change_are_told():
    before = read_before(
        b'{"as_of_us":1,"scores":{"churn":{"value":0.1,"band":"low"}},'
        b'"audiences":{"old":{"since_us":1},"both":{"since_us":1}}}',
        None,
    )
    now = Section(9, {}, {"churn": Score(0.8, band="high")},
                  {"both": Standing(9), "new": Standing(9)})  # fmt: skip
    assert changes_of("c", now, before) == [
        ("c", 9, {"type": "score", "score": "churn", "from": "low", "to": "high"}),
        ("c", 9, {"type": "audience", "audience": "new", "change": "entered"}),
        ("c", 9, {"type": "audience", "audience": "old", "change": "left"}),
    ]
    assert now.audiences == {"both": Standing(1), "new": Standing(9)}


def test_what_does_not_change_is_not_told():
    before = read_before(
        b'{"as_of_us":1,"scores":{"churn":{"value":0.1,"band":"low"}},"audiences":{}}', None
    )
    assert changes_of("c", Section(9, {}, {"churn": Score(0.2, band="low")}), before) == []


def test_a_customer_nobody_knew_enters_audiences_but_no_band_changes():
    now = Section(9, {}, {"churn": Score(0.8, band="high")}, {"new": Standing(9)})
    assert [x[2]["type"] for x in changes_of("c", now, read_before(None, None))] == ["audience"]


def test_after_the_night_scores_and_audiences_stand_in_the_base():
    base = b'{"scores":{"churn":{"value":0.1,"band":"low"}},"audiences":{"vip":[3,"2"]}}'
    before = read_before(b'{"as_of_us":1,"features":{}}', base)
    assert before.bands == {"churn": "low"}
    now = Section(9, {}, {"churn": Score(0.1, band="low")}, {"vip": Standing(9, "2")})
    assert changes_of("c", now, before) == []
    assert now.audiences["vip"].since_us == 3


def test_the_online_judgement_is_the_later_one():
    base = b'{"scores":{"churn":{"value":0.1,"band":"low"}},"audiences":{"vip":[3,"2"]}}'
    before = read_before(b'{"as_of_us":5,"scores":{},"audiences":{}}', base)
    assert before.bands == {}
    assert before.audiences == {}
