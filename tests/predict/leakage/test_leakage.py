"""Every planted leak is caught and named; honest tables raise no alarm."""

from __future__ import annotations

import time

import numpy as np
import pytest
from tests.predict.leakage.worlds import shop, with_column

from shopkeeper.core.errors import InputError, LeakageError
from shopkeeper.predict.leakage.inspect import guard, guard_training, inspect
from shopkeeper.predict.leakage.report import WORDS

DAY_US = 86_400_000_000


def half(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(rows) < 0.5


def kinds(report) -> set[tuple[str, str]]:
    return {(x.kind, x.column) for x in report.findings}


OUTCOME_COLUMNS = {
    "the target again": lambda y, random: y.astype(float),
    "the target upside down": lambda y, random: 1.0 - y,
    "a monotone transform": lambda y, random: np.exp(3.0 * y + 1e-4 * random.normal(size=len(y))),
    "an amount only buyers have": lambda y, random: np.where(
        y, random.gamma(3.0, 100.0, len(y)), 0
    ),
    "a status code in no order": lambda y, random: np.where(
        y, random.choice([1, 4], len(y)), random.choice([0, 3, 5], len(y))
    ),
    "the target with 1 % of errors": lambda y, random: y ^ (random.random(len(y)) < 0.01),
}


@pytest.mark.parametrize("leak", OUTCOME_COLUMNS)
def test_the_outcome_under_another_name_is_refused_by_name(leak):
    world = shop(3)
    values = OUTCOME_COLUMNS[leak](world.outcome, np.random.default_rng(1))
    world = with_column(world, "secret", values)
    with pytest.raises(
        LeakageError, match="column 'secret' is the outcome under another name"
    ) as e:
        guard_training(world.names, world.matrix, world.outcome)
    assert e.value.facts["columns"] == ["secret"]
    assert "secret" in e.value.facts["zh"]


def test_two_copies_do_not_hide_behind_each_other():
    world = shop(4)
    world = with_column(world, "a", world.outcome * 1.0)
    world = with_column(world, "b", 5.0 - world.outcome)
    assert inspect(world.names, world.matrix, world.outcome).guilty == ("a", "b")


def test_a_column_that_is_empty_unless_it_happened_is_refused():
    world = shop(5)
    days = np.where(world.outcome, np.random.default_rng(2).normal(size=1_500), np.nan)
    world = with_column(world, "cancelled_after_days", days)
    with pytest.raises(LeakageError, match="whether column 'cancelled_after_days' is empty tells"):
        guard_training(world.names, world.matrix, world.outcome)


def test_a_sum_written_because_of_the_outcome_is_a_warning():
    # like the "page value" of finished sessions: rarely above 0 without the outcome
    random = np.random.default_rng(6)
    bought = random.random(4_000) < 0.15
    page = np.where(random.random(4_000) < np.where(bought, 0.8, 0.1), random.gamma(2, 9, 4_000), 0)
    pages = random.poisson(np.where(bought, 12, 9), 4_000)
    matrix = np.column_stack([page, pages, random.normal(size=4_000)])
    report = inspect(["page_value", "pages", "noise"], matrix, bought)
    assert kinds(report) == {("too_good_alone", "page_value")}
    assert not report.refused
    assert guard(report) is report


def test_a_value_that_changes_without_the_future_is_refused():
    world = shop(7)
    again = world.matrix.copy()
    again[17, 1] += 1
    report = inspect(world.names, world.matrix, world.outcome, recomputed=again[:100])
    assert kinds(report) == {("changes_without_future", "orders")}
    assert report.refused[0].evidence["row"] == 17
    clean = inspect(world.names, world.matrix, world.outcome, recomputed=world.matrix[:100])
    assert not clean.findings  # empty values are equal to empty values


def test_a_value_dated_at_the_moment_is_refused():
    world = shop(8)
    moments = np.full(1_500, 100 * DAY_US)
    seen = np.full(world.matrix.shape, 99 * DAY_US)
    seen[3, 2] = 100 * DAY_US
    report = inspect(world.names, world.matrix, world.outcome, moments=moments, seen_us=seen)
    assert kinds(report) == {("value_from_future", "spend")}


def test_a_column_computed_a_moment_later_is_refused():
    world = shop(9)
    random = np.random.default_rng(3)
    aged = world.matrix * np.exp(random.normal(0, 0.3, world.matrix.shape))
    before = random.poisson(1.0, 1_500)
    # counts the purchases of the outcome window too
    world = with_column(world, "visits", before + world.outcome * (1 + random.poisson(2.0, 1_500)))
    aged = np.column_stack([aged, before])
    report = inspect(world.names, world.matrix, world.outcome, earlier=aged)
    assert ("shifted", "visits") in kinds(report)
    assert {x.column for x in report.findings} == {"visits"}


def test_copies_made_before_the_split_are_refused():
    world = shop(10, base=0.06)
    random = np.random.default_rng(4)
    rare = np.flatnonzero(world.outcome)
    at = np.concatenate([np.arange(1_500), random.choice(rare, 1_000)])
    matrix, outcome = world.matrix[at], world.outcome[at]
    train = half(len(at))
    report = inspect(world.names, matrix, outcome, train=train)
    assert {x.kind for x in report.refused} == {"oversampled_before_split"}
    jittered = matrix * (1 + 1e-6 * random.normal(size=matrix.shape))
    report = inspect(world.names, jittered, outcome, train=train)
    assert {x.kind for x in report.refused} == {"oversampled_before_split"}


def test_duplicates_across_the_split_are_refused():
    world = shop(11)
    at = np.concatenate([np.arange(1_500), np.arange(150)])
    with pytest.raises(LeakageError, match="the same rows are in training and test"):
        guard_training(world.names, world.matrix[at], world.outcome[at], train=half(len(at)))


def test_twins_survive_sampling():
    world = shop(20, rows=60_000, noise=2)
    at = np.concatenate([np.arange(60_000), np.arange(3_000)])
    report = inspect(world.names, world.matrix[at], world.outcome[at], train=half(len(at)))
    (found,) = report.refused
    assert found.kind == "duplicates_across_split"
    # 3,000 rows have a copy, half of them on the other side: 3,000 / 63,000 of the test rows
    assert found.evidence["share"] == pytest.approx(3_000 / 63_000, rel=0.25)


def test_coarse_tables_have_honest_twins():
    random = np.random.default_rng(12)
    matrix = random.integers(0, 3, (3_000, 4)).astype(float)  # 81 different rows at most
    outcome = random.random(3_000) < 0.05 + 0.1 * (matrix[:, 0] == 1)
    assert not inspect(list("abcd"), matrix, outcome, train=half(3_000)).findings


def test_a_customer_on_both_sides_is_refused_unless_the_test_is_later():
    world = shop(13)
    customer = np.array([f"c{i // 3}" for i in range(1_500)])
    train = half(1_500)
    report = inspect(world.names, world.matrix, world.outcome, groups=customer, train=train)
    assert {x.kind for x in report.refused} == {"group_across_split"}
    later = np.where(train, 10, 40) * DAY_US
    report = inspect(
        world.names, world.matrix, world.outcome, groups=customer, train=train, moments=later
    )
    assert not report.findings


def test_an_outcome_not_yet_known_at_the_test_is_a_warning():
    world = shop(14)
    train = half(1_500)
    moments = np.where(train, 10, 40) * DAY_US
    given = {"moments": moments, "train": train}
    report = inspect(world.names, world.matrix, world.outcome, horizon_us=31 * DAY_US, **given)
    assert kinds(report) == {("overlapping_windows", "")}
    report = inspect(world.names, world.matrix, world.outcome, horizon_us=30 * DAY_US, **given)
    assert not report.findings


def encoded_outside(codes: np.ndarray, train: np.ndarray):
    """A procedure that encodes a fine category by the outcome of all rows: the classic leak."""

    def procedure(outcome):
        rate = np.bincount(codes, outcome) / np.maximum(np.bincount(codes), 1)
        return outcome[~train], rate[codes][~train]

    return procedure


def test_a_procedure_that_learns_from_shuffled_outcomes_is_refused():
    world = shop(15)
    codes = np.random.default_rng(5).integers(0, 400, 1_500)
    train = half(1_500)
    report = inspect(
        world.names, world.matrix, world.outcome, procedure=encoded_outside(codes, train)
    )
    assert {x.kind for x in report.refused} == {"shuffled_outcome_learned"}

    def honest(outcome):
        rate = np.bincount(codes[train], outcome[train], 400) / 4.0
        return outcome[~train], rate[codes][~train]

    assert not inspect(world.names, world.matrix, world.outcome, procedure=honest).findings


def test_honest_tables_raise_no_alarm():
    alarms = []
    for seed in range(24):
        rows = (40, 120, 600, 1_500)[seed % 4]
        base = (0.3, 0.06, 0.6)[seed % 3]
        world = shop(100 + seed, rows=rows, base=base, sharp=(1.0, 2.0, 4.0)[seed % 3])
        report = inspect(
            world.names, world.matrix, world.outcome, groups=world.customer, train=half(rows, seed)
        )
        alarms += [(seed, x.kind, x.column, dict(x.evidence)) for x in report.findings]
    assert not alarms


def test_a_single_strong_and_honest_column_raises_no_alarm():
    for seed in range(4):
        world = shop(seed, sharp=3.0)
        matrix = world.matrix[:, [0, 4, 5]]  # recency and noise alone
        assert not inspect(["recency", "n1", "n2"], matrix, world.outcome).findings


def test_it_is_cheap_enough_to_guard_every_run():
    random = np.random.default_rng(16)
    world = shop(16, rows=50_000, noise=96)
    customer = random.integers(0, 50_000, 50_000)
    started = time.process_time()
    report = inspect(world.names, world.matrix, world.outcome, train=half(50_000), groups=None)
    assert time.process_time() - started < 3.0
    assert report.sampled == 10_000
    assert not report.findings
    assert customer.size == 50_000


def test_the_seed_decides_everything():
    world = shop(17, rows=300)
    one = inspect(world.names, world.matrix, world.outcome, train=half(300), seed=5)
    np.random.seed(3)
    assert inspect(world.names, world.matrix, world.outcome, train=half(300), seed=5) == one


def test_what_does_not_fit_is_refused():
    world = shop(18, rows=50)
    with pytest.raises(InputError, match="do not fit a matrix"):
        inspect(world.names[1:], world.matrix, world.outcome)
    with pytest.raises(InputError, match="column 'recency' occurs twice"):
        inspect(["recency", "recency", *world.names[2:]], world.matrix, world.outcome)
    with pytest.raises(InputError, match="groups has 3 entries for 50 rows"):
        inspect(world.names, world.matrix, world.outcome, groups=np.arange(3))


def test_a_person_may_vouch_for_a_column():
    world = with_column(shop(19), "secret", shop(19).outcome)
    report = inspect(world.names, world.matrix, world.outcome)
    assert guard(report, allowed=["secret"]) is report


def test_every_kind_speaks_both_languages():
    for zh, en, next_zh, next_en in WORDS.values():
        assert any("\u4e00" <= x <= "\u9fff" for x in zh + next_zh)
        assert en.isascii()
        assert next_en.isascii()
        assert set(_holes(zh)) == set(_holes(en))


def _holes(text: str) -> list[str]:
    from string import Formatter

    return [name for _, name, _, _ in Formatter().parse(text) if name]
