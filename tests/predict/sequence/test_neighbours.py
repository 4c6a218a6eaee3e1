from __future__ import annotations

import math

import numpy as np
import pytest

from shopkeeper.predict.recommend.base import load_recommender
from shopkeeper.predict.recommend.evaluate import evaluate
from shopkeeper.predict.recommend.interactions import DAY_US, Interactions
from shopkeeper.predict.recommend.split import Split
from shopkeeper.predict.sequence import neighbours as module
from shopkeeper.predict.sequence.neighbours import Stan, tuned_stan


def _sessions(seed: int, count: int, *, times: bool = False) -> Interactions:
    random = np.random.default_rng(seed)
    lists = [
        [f"i{x}" for x in random.zipf(1.6, random.integers(1, 7)) if x < 15] for _ in range(count)
    ]
    found = Interactions.from_sequences(lists)
    if not times:
        return found
    moment = random.integers(0, 9 * DAY_US, count)[found.users] + found.steps
    return Interactions(
        found.users, found.items, found.steps, moment, found.user_ids, found.item_ids
    )


def _lists(found: Interactions) -> list[list[int]]:
    return [found.items[found.users == u].tolist() for u in range(found.n_users)]


def _brute(model: Stan, past: Interactions, asked: Interactions) -> np.ndarray:
    """The formula, one prefix and one session at a time."""
    sessions = _lists(past)
    newest = [
        0 if past.times is None or not len(s) else int(past.times[past.users == u].max())
        for u, s in enumerate(sessions)
    ]
    df = [sum(i in s for s in sessions) for i in range(past.n_items)]
    out = np.zeros((asked.n_users, past.n_items))
    for q, prefix in enumerate(_lists(asked)):
        found = []
        for u, session in enumerate(sessions):
            shared = [
                (ago, i) for i in set(prefix) & set(session)
                for ago in [prefix[::-1].index(i)]
            ]  # fmt: skip
            if not shared:
                continue
            likeness = sum(
                math.exp(-ago / model.query_decay)
                * math.log(len(sessions) / df[i]) ** model.rarity
                for ago, i in shared
            ) / len(session) ** model.length_power  # fmt: skip
            if model.age_days is not None:
                likeness *= math.exp((newest[u] - max(newest)) / model.age_days / DAY_US)
            at = len(session) - 1 - session[::-1].index(min(shared)[1])
            found.append((-likeness, u, at))
        for negative, u, at in sorted(found)[: model.neighbours]:
            for place, item in enumerate(sessions[u]):
                close = math.exp(-abs(place - at) / model.item_decay)
                out[q, item] += -negative * close * (1.0 if place > at else model.backward)
    return out


@pytest.mark.parametrize("times", [False, True])
def test_scores_are_those_of_the_formula(times, monkeypatch):
    monkeypatch.setattr(module, "_MATCHES_AT_ONCE", 40)  # many blocks
    past, asked = _sessions(1, 60, times=times), _sessions(2, 25)
    model = Stan(neighbours=9, length_power=0.3, age_days=4.0 if times else None).fit(past)
    asked = asked.for_items(model.item_ids)
    np.testing.assert_allclose(model.score(asked), _brute(model, past, asked), rtol=1e-5)


def test_latest_sessions_of_an_item_are_the_ones_looked_at():
    lists = [["a", "x"], ["a", "y"], ["a", "z"]]
    past = Interactions.from_sequences(lists)
    moments = np.array([0, 1, 10, 11, 20, 21])
    past = Interactions(past.users, past.items, past.steps, moments, past.user_ids, past.item_ids)
    model = Stan(recent=1, rarity=0.0).fit(past)
    said = dict(zip(model.item_ids.to_pylist(), model.score(_asked(["a"]))[0], strict=True))
    assert said["z"] > 0
    assert said["x"] == said["y"] == 0


def test_empty_and_unknown_prefixes_get_nothing_and_a_saved_one_answers_alike(tmp_path):
    model = Stan().fit(_sessions(1, 60))
    asked = Interactions.from_sequences([[], ["never seen"], ["i1", "i2"]])
    said = model.score(asked)
    assert not said[:2].any()
    assert said[2].max() > 0
    model.save(tmp_path)
    np.testing.assert_array_equal(load_recommender(tmp_path).score(asked), said)


def _asked(prefix: list[str]) -> Interactions:
    return Interactions.from_sequences([prefix])


def test_decays_are_chosen_on_prefixes_not_on_the_report():
    random = np.random.default_rng(3)
    # what comes next follows the first item of the session, whatever came between
    lists = [
        [f"first{k}", *(f"noise{x}" for x in random.integers(0, 40, 4)), f"next{k}"]
        for k in random.integers(0, 12, 300)
    ]
    past = Interactions.from_sequences(lists[:200])
    histories = Interactions.from_sequences([x[:-1] for x in lists[200:]])
    truth = Interactions.from_sequences([x[-1:] for x in lists[200:]])
    split = Split(past, histories, truth)
    chosen = tuned_stan(split, seed=0, prefixes=60)
    assert chosen.query_decay >= 4.0
    assert chosen.parameters() == tuned_stan(split, seed=0, prefixes=60).parameters()
    before, after = (evaluate(x.fit(past), split, exclude_seen=False) for x in (Stan(), chosen))
    assert after.values["mrr@20"] > before.values["mrr@20"]
