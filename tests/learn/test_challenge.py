"""Champion and challenger: evidence promotes, everything else holds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shopkeeper.core.errors import InputError
from shopkeeper.learn.challenge import Evaluation, Rules, decide, watch
from shopkeeper.learn.degrade import realised
from shopkeeper.learn.metrics import blind_figure, figure, paired, skill
from shopkeeper.learn.retrain import DAY_US, Policy, Standing, plan_training
from shopkeeper.learn.words import plan_sentence, realised_sentence, verdict_sentence


def world(n=2_000, seed=1):
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    chance = 1 / (1 + np.exp(-1.5 * x))
    return random, x, chance, (random.random(n) < chance).astype(float)


def evaluation(truth, champion, challenger, metric="auc", **more):
    return Evaluation(metric, truth, champion, challenger, 0, 30 * DAY_US, **more)


def test_figures_equal_an_independent_computation():
    random, _, chance, truth = world()
    tied = np.round(chance, 1)
    assert figure("auc", truth, tied) == pytest.approx(roc_auc_score(truth, tied), abs=1e-12)
    weights = random.integers(0, 3, len(truth))
    pair = paired("auc", truth, tied, chance, seed=1, draws=50)
    assert pair.challenger == pytest.approx(roc_auc_score(truth, chance), abs=1e-12)
    from shopkeeper.learn.metrics import statistic

    weighted = statistic("auc", truth, tied)(weights[None, :].astype(float))[0]
    assert weighted == pytest.approx(roc_auc_score(truth, tied, sample_weight=weights), abs=1e-12)
    assert figure("wape", np.array([1.0, 3.0]), np.array([2.0, 3.0])) == 0.25
    assert figure("brier", np.array([1.0, 0.0]), np.array([0.5, 0.0])) == 0.125
    assert figure("log_loss", np.array([1.0]), np.array([0.5])) == pytest.approx(np.log(2))
    assert skill("brier", 0.1, blind_figure("brier", np.array([0.0, 1.0]))) == pytest.approx(0.6)


def test_the_interval_covers_and_is_narrower_than_unpaired():
    inside, width = 0, []
    for seed in range(25):
        random, x, _, truth = world(600, seed)
        a, b = x + random.normal(size=600) * 0.7, x + random.normal(size=600) * 0.7
        pair = paired("auc", truth, a, b, seed=seed, draws=150)
        inside += pair.low <= 0.0 <= pair.high
        width.append(pair.high - pair.low)
    assert inside >= 20
    assert np.mean(width) < 0.08


def test_a_better_model_takes_over_and_a_worse_one_does_not():
    random, x, chance, truth = world()
    spoiled = 1 / (1 + np.exp(-(0.4 * x + random.normal(size=len(x)) * 0.4)))
    better = decide(evaluation(truth, spoiled, chance))
    assert (better.act, better.why) == ("promote", "better")
    assert better.pair.low > 0
    zh, en = verdict_sentence(better)
    assert "新模型更好，上任" in zh
    assert "takes over" in en
    assert "95 %" in en
    worse = decide(evaluation(truth, chance, spoiled))
    assert (worse.act, worse.why) == ("hold", "worse")
    assert decide(evaluation(truth, chance, chance)).why == "not_better"


def test_no_worse_is_enough_only_for_an_old_champion_or_other_columns():
    _, _, chance, truth = world()
    same = chance + np.random.default_rng(1).normal(size=len(chance)) * 1e-3
    assert decide(evaluation(truth, chance, same)).act == "hold"
    assert decide(evaluation(truth, chance, same), champion_age_days=91).why == "no_worse_and_old"
    assert (
        decide(evaluation(truth, chance, same, columns_changed=True)).why == "no_worse_and_columns"
    )
    silent = decide(evaluation(truth, None, chance))
    assert (silent.act, silent.why) == ("promote", "cannot_answer")
    assert silent.to_json()["champion"] is None


def test_a_better_ranking_that_lies_about_chances_stays_out():
    _, x, chance, truth = world()
    noisy = 1 / (1 + np.exp(-1.2 * (x + np.random.default_rng(3).normal(size=len(x)) * 0.8)))
    verdict = decide(evaluation(truth, noisy, chance**3))
    assert (verdict.act, verdict.why) == ("hold", "calibration")
    amounts = np.exp(x + 5)
    early = decide(evaluation(amounts, amounts * 1.5, amounts * 0.9, "mae"))
    assert early.act == "promote"
    # wrong by a third both ways on the one side, a quarter short throughout on the other
    split = np.where(np.arange(len(x)) % 2, amounts * 1.4, amounts * 0.6)
    halved = decide(evaluation(amounts, split, amounts * 0.75, "mae"))
    assert halved.why == "calibration"


def test_a_group_that_pays_for_the_others_is_a_veto():
    _, x, chance, truth = world(4_000)
    group = np.arange(4_000) < 800
    random = np.random.default_rng(2)
    poor = 1 / (1 + np.exp(-1.5 * (x + random.normal(size=4_000))))
    champion = np.where(group, chance, poor)
    challenger = np.where(group, chance[random.permutation(4_000)], chance)
    verdict = decide(evaluation(truth, champion, challenger, groups={"tenure=≤90": group}))
    assert (verdict.act, verdict.why) == ("hold", "slice")
    assert verdict.worst is not None
    assert verdict.worst[0] == "tenure=≤90"
    assert "tenure=≤90" in verdict_sentence(verdict)[1]


def test_too_little_is_said_with_what_is_missing():
    _, _, chance, truth = world(150)
    few = decide(evaluation(truth, chance, chance))
    assert (few.why, few.missing) == ("too_few", 50)
    rare = decide(
        evaluation(
            np.append(np.ones(10), np.zeros(490)), np.linspace(0, 1, 500), np.linspace(1, 0, 500)
        )
    )
    assert (rare.why, rare.missing) == ("too_few", 20)
    assert "还需约 20" in verdict_sentence(rare)[0]
    one = paired("auc", np.zeros(10), np.zeros(10), np.zeros(10), seed=1)
    assert np.isnan(one.difference)
    with pytest.raises(InputError, match="the same rows"):
        paired("auc", np.zeros(3), np.zeros(3), np.zeros(2), seed=1)


def test_what_turns_out_worse_gives_the_place_back():
    _, x, chance, truth = world()
    spoiled = 1 / (1 + np.exp(-0.5 * (x + np.random.default_rng(5).normal(size=len(x)) * 1.2)))
    back = watch(evaluation(truth, chance, spoiled))
    assert back.act == "roll back"
    assert "自动换回前任" in verdict_sentence(back)[0]
    assert watch(evaluation(truth, spoiled, chance)).act == "hold"
    assert watch(evaluation(truth[:100], chance[:100], spoiled[:100])).why == "too_few"
    assert watch(evaluation(truth, None, chance)).why == "cannot_answer"


def test_lists_are_compared_by_each_customers_figure():
    own = np.random.default_rng(1).uniform(0, 0.4, 400)
    assert decide(evaluation(np.zeros(400), own, own + 0.05, "ndcg")).why == "better"


def test_a_model_that_lost_its_skill_is_found_and_chance_is_not():
    random, x, chance, truth = world(3_000)
    expected = skill("auc", figure("auc", truth, chance), 0.5)
    told = {"expected": expected, "window": (0, 1)}
    assert not realised("auc", truth, chance, **told).degraded
    spoiled = 1 / (1 + np.exp(-(x + random.normal(size=len(x)) * 1.2)))
    lost = realised("auc", truth, spoiled, **told)
    assert lost.why == "skill"
    assert lost.skill < 0.85 * expected
    assert lost.high < expected
    assert "模型退化：预测力比上任时少了" in realised_sentence(lost)[0]
    shifted = realised("auc", truth, chance**2, expected_calibration=0.01, **told)
    assert shifted.why == "calibration"
    assert "校准误差" in realised_sentence(shifted)[0]
    few = realised("auc", truth[:100], spoiled[:100], **told)
    assert few.why == "too_few"
    assert not few.degraded
    unknown = realised("auc", truth, chance, expected=float("nan"), window=(0, 1))
    assert unknown.why == "unmeasured"
    assert unknown.to_json()["expected"] is None


def test_when_a_task_is_trained_again():
    def plan(day, **known):
        return plan_training("churn", day * DAY_US, Standing(**known), Policy())

    assert plan(0).because == ("first",)
    assert (plan(3, trained_us=(0,)).train, plan(3, trained_us=(0,)).wait) == (False, "fresh")
    assert plan(7, trained_us=(0,)).because == ("schedule",)
    assert plan(3, trained_us=(0,), degraded=True, drifted=True).because == ("degraded", "drift")
    assert plan(1, trained_us=(0,), degraded=True).wait == "cooldown"
    month = tuple(at * 2 * DAY_US for at in range(12))
    assert plan(26, trained_us=month, drifted=True).wait == "budget"
    assert plan(26, trained_us=month, asked=True).train
    off = plan_training("churn", 30 * DAY_US, Standing((0,)), Policy(enabled=False))
    assert off.wait == "disabled"
    assert "自动训练已关闭" in plan_sentence(off)[0]
    assert plan_sentence(plan(7, trained_us=(0,))) == (
        "重新训练：到了定期训练的时候",
        "Trained again: it is time by schedule",
    )


def test_the_rules_can_be_set():
    _, _, chance, truth = world(150)
    assert (
        decide(evaluation(truth, chance, chance), rules=Rules(least_rows=100)).why == "not_better"
    )
