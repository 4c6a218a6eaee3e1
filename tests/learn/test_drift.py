"""Drift: what chance explains stays silent, what was planted is found and named."""

from __future__ import annotations

import numpy as np
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError, SourceError
from shopkeeper.learn.domain import tell_apart
from shopkeeper.learn.drift import compare, find_drift, holm
from shopkeeper.learn.reference import (
    Histogram,
    Reference,
    histogram,
    load_reference,
    make_reference,
)
from shopkeeper.learn.words import drift_sentence, drift_summary

NAMES = {"x0": ("客单价", "Spend per purchase"), "x2": ("退货占比", "Share returned")}


def rows(random, n, *, shift=0.0, words=(0.5, 0.3, 0.2), missing=0.1, together=0.0):
    normal = random.normal(size=(n, 6))
    normal[:, 1] = together * normal[:, 0] + np.sqrt(1 - together**2) * normal[:, 1]
    columns = {f"x{at}": normal[:, at].copy() for at in range(6)}
    columns["x0"] = np.exp(columns["x0"] + shift)
    columns["x2"][random.random(n) < missing] = np.nan
    columns["x3"] = random.poisson(1.0, n).astype(float)
    columns["word"] = random.choice(np.array(["a", "b", "c"], object), n, p=words)
    return columns


def numbers(columns):
    return np.column_stack([values for name, values in columns.items() if name != "word"])


@pytest.mark.parametrize(("n", "m", "runs"), [(200, 200, 80), (2_000, 2_000, 40), (5_000, 300, 25)])
def test_chance_alarms_no_more_often_than_allowed(n, m, runs):
    random = np.random.default_rng(n)
    alarms = 0
    for _ in range(runs):
        before = make_reference(rows(random, n), 0)
        alarms += bool(
            find_drift(before, before.count(rows(random, m), 1), level=0.05, least_psi=0.0).alarmed
        )
    # a binomial with p = .05 exceeds this once in two thousand
    assert alarms <= 0.05 * runs + 3.3 * np.sqrt(0.05 * 0.95 * runs)


def test_the_index_is_what_theory_says_where_nothing_changed():
    random = np.random.default_rng(5)
    found = [
        compare(before, before.count(random.normal(size=800)))
        for before in (histogram("x", random.normal(size=1_200)) for _ in range(150))
    ]
    assert found[0].expected == pytest.approx(9 * (1 / 1_200 + 1 / 800))
    assert np.mean([one.psi for one in found]) == pytest.approx(found[0].expected, rel=0.15)
    assert np.mean([one.p < 0.1 for one in found]) < 0.19


def test_a_moved_column_is_found_named_and_said_in_both_languages():
    random = np.random.default_rng(1)
    before = make_reference(rows(random, 5_000), 0)
    found = find_drift(before, before.count(rows(random, 5_000, shift=0.3), 1))
    assert [one.name for one in found.alarmed] == ["x0"]
    assert found.alarmed[0].direction == 1
    assert found.alarmed[0].level == "small"
    zh, en = drift_summary(found, NAMES)
    assert "客单价整体上移" in zh
    assert "PSI" in zh
    assert en.startswith("Spend per purchase moved up as a whole")
    assert found.matters({"x0": 0.2})
    assert not found.matters({"x0": 0.05})


def test_swapped_words_and_missing_values_are_found():
    random = np.random.default_rng(2)
    before = make_reference(rows(random, 5_000), 0)
    swapped = find_drift(before, before.count(rows(random, 5_000, words=(0.3, 0.5, 0.2)), 1))
    assert [(one.name, one.gained) for one in swapped.alarmed] == [("word", "b")]
    assert "“b”占比上升最多" in drift_sentence(swapped.alarmed[0], NAMES)[0]
    gone = find_drift(before, before.count(rows(random, 5_000, missing=0.25), 1))
    assert [one.name for one in gone.alarmed] == ["x2"]
    zh, en = drift_sentence(gone.alarmed[0], NAMES)
    assert zh.startswith("退货占比的缺失占比从 10%")
    assert "missing for 2" in en


def test_a_relation_that_changed_is_found_by_the_classifier_alone():
    random = np.random.default_rng(3)
    then, now = rows(random, 3_000), rows(random, 3_000, together=0.7)
    names = [name for name in then if name != "word"]
    domain = tell_apart(names, numbers(then), numbers(now), seed=1)
    before = make_reference(then, 0)
    found = find_drift(before, before.count(now, 1), domain=domain)
    assert [one.name for one in found.alarmed] == ["together"]
    assert set(domain.columns[:2]) == {"x0", "x1"}
    assert domain.auc > domain.high
    assert domain.separates
    assert "x0" in drift_summary(found, {})[0]


def test_the_classifier_keeps_its_level():
    random = np.random.default_rng(4)
    chances = [
        tell_apart(
            list("abcd"), random.normal(size=(200, 4)), random.normal(size=(200, 4)), seed=1
        ).p
        for _ in range(15)
    ]
    assert np.mean(np.array(chances) < 0.05) <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / 15)


def test_drift_of_what_is_said_and_what_happens():
    random = np.random.default_rng(6)
    x = random.normal(size=2_000)
    said, truth = 1 / (1 + np.exp(-x)), (random.random(2_000) < 0.3).astype(float)
    before = make_reference({"x": x}, 0, prediction=said, outcome=truth)
    later = (random.random(2_000) < 0.5).astype(float)
    found = find_drift(before, before.count({"x": x}, 1, prediction=said**2, outcome=later))
    assert {one.kind for one in found.alarmed} == {"prediction", "outcome"}
    assert found.matters({"x": 1.0})


def test_counts_of_parts_add_and_survive_the_folder(tmp_path):
    random = np.random.default_rng(7)
    whole = rows(random, 400)
    before = make_reference(whole, 9, prediction=whole["x1"])
    halves = [
        before.count({k: v[part] for k, v in whole.items()}, 9, prediction=whole["x1"][part])
        for part in (slice(0, 150), slice(150, 400))
    ]
    assert halves[0] + halves[1] == before
    before.save(tmp_path)
    assert load_reference(tmp_path) == before
    assert load_reference(tmp_path / "none") is None
    assert before.to_json() == Reference.from_json(before.to_json()).to_json()


def test_bins_by_hand():
    few = histogram("x", np.array([0.0, 0.0, 1.0, 3.0, np.inf]))
    assert (few.edges, few.counts, few.missing) == ((0.0, 1.0), (2.0, 1.0, 1.0), 1.0)
    words = histogram("w", np.array(["b", None, "a", "b"], object))
    assert words.levels[:2] == ("b", "a")
    assert words.counts[:2] == (2.0, 1.0)
    assert words.missing == 1.0
    assert words.count(np.array(["z"], object)).counts == (0.0, 0.0, 1.0)
    nothing = histogram("e", np.full(3, np.nan))
    assert nothing.missing == 3
    assert compare(nothing, nothing).p == 1.0
    assert np.isnan(nothing.median())
    assert histogram("y", np.arange(101.0)).median() == pytest.approx(50, abs=1)


def test_constant_and_small_columns_say_nothing():
    same = Histogram("x", (), (), (500.0,), 0.0)
    assert compare(same, same).p == 1.0
    assert (
        compare(
            Histogram("x", (1.0,), (), (20.0, 5.0), 0.0),
            Histogram("x", (1.0,), (), (1.0, 30.0), 0.0),
        ).p
        == 1.0
    )


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_refusals(tmp_path):
    with pytest.raises(NotEnoughDataError, match="20 more customers"):
        make_reference({"x": np.zeros(30)}, 0)
    with pytest.raises(NotEnoughDataError, match="100 are needed"):
        tell_apart(["x"], np.zeros((99, 1)), np.zeros((200, 1)), seed=1)
    with pytest.raises(InputError, match="their bins differ"):
        histogram("x", np.arange(3.0)) + histogram("x", np.arange(5.0))
    (tmp_path / "reference.json").write_text("{}")
    with pytest.raises(SourceError, match="no reference that can be read"):
        load_reference(tmp_path)
