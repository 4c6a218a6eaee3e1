from __future__ import annotations

import numpy as np
import pytest

from shopkeeper.core.errors import InputError, NotEnoughDataError, TooLargeError
from shopkeeper.predict.calibrate import auc
from shopkeeper.predict.history import DAY_US
from shopkeeper.predict.text import learn
from shopkeeper.predict.text.learn import Labelled, folds_of
from shopkeeper.predict.text.model import TextModel
from shopkeeper.predict.text.reader import TextReader
from shopkeeper.predict.text.rules import read_sentiment
from shopkeeper.predict.text.train import RatedTexts, train_text
from shopkeeper.predict.text.units import read_units
from shopkeeper.simulate.texts import made_texts as made


@pytest.fixture(scope="module")
def model() -> TextModel:
    return TextModel().fit(Labelled(*made(240, 1)), seed=3)


def test_it_learns_what_the_lexicon_does_not_know():
    random = np.random.default_rng(4)
    label = random.random(300) < 0.5
    words = np.where(label, "甲乙", "丙丁")
    texts = [f"{a}{i % 7}号" for i, a in enumerate(words)]
    model = TextModel().fit(Labelled(texts, ["yes" if x else "no" for x in label]))
    said = model.probabilities(["甲乙", "丙丁"])[:, model.classes.index("yes")]
    assert said[0] > 0.9
    assert said[1] < 0.1


def test_probabilities_sum_to_one_and_weights_add_up(model: TextModel):
    texts, _ = made(30, 9)
    units = read_units([*texts, ""])
    np.testing.assert_allclose(model.probabilities([*texts, ""]).sum(axis=1), 1.0)
    for label, sign in (("positive", 1.0), ("negative", -1.0)):
        added, base = model.added(units, label)
        total = np.bincount(units.text, weights=added, minlength=units.texts) + base
        np.testing.assert_allclose(total, sign * model.log_odds(units)[:, 1], atol=1e-9)


def test_several_classes():
    random = np.random.default_rng(2)
    words = {"1": "太差 难吃", "3": "一般 还行", "5": "很好 好吃"}
    labels = [str(x) for x in random.choice(list(words), 150)]
    texts = [f"{random.integers(999)} {words[x]}" for x in labels]
    model = TextModel().fit(Labelled(texts, labels))
    assert model.classes == ("1", "3", "5")
    assert model.predict(["太差了", "一般", "好吃"]) == ["1", "3", "5"]
    units = read_units(["太差"])
    added, base = model.added(units, "1")
    assert added.sum() + base == pytest.approx(model.log_odds(units)[0, 0])


def test_near_copies_share_a_fold():
    texts, labels = made(60, 5)
    doubled = [*texts, *(x + "!!" for x in texts)]
    code = np.unique(labels + labels, return_inverse=True)[1]
    folds = folds_of(doubled, code, seed=1)
    assert (folds[:60] == folds[60:]).all()
    assert np.bincount(folds[:60], minlength=4).min() >= 10


def test_a_class_is_no_number(model: TextModel):
    with pytest.raises(InputError, match="knows no label 'happy'"):
        model.added(read_units(["好"]), "happy")


@pytest.mark.parametrize(
    ("texts", "labels", "error", "words"),
    [
        (["好"] * 30, ["a"] * 30, InputError, "all texts carry the label 'a'"),
        (["好"] * 19, ["a", "b"] * 9 + ["a"], NotEnoughDataError, "1 more texts with words"),
        (["", " ", "\n"] * 20, ["a", "b", "a"] * 20, NotEnoughDataError, "0 labelled texts"),
        (["好"] * 30, ["a"] * 28 + ["b"] * 2, NotEnoughDataError, "2 texts with the label 'b'"),
        (["好"] * 30, ["a"] * 29, InputError, "30 texts and 29 labels"),
        (["очень хорошо"] * 30, ["a", "b"] * 15, InputError, "script that is not read"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(texts, labels, error, words):
    with pytest.raises(error, match=words):
        TextModel().fit(Labelled(texts, labels))


def test_training_above_its_bound_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learn, "MEMORY_MB", 0)
    with pytest.raises(TooLargeError, match="up to 0 texts fit"):
        TextModel().fit(Labelled(*made(40, 1)))


def test_very_many_texts_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch, model: TextModel):
    monkeypatch.setattr(learn, "AT_ONCE", 50)
    again = TextModel().fit(Labelled(*made(240, 1)), seed=3)
    texts, _ = made(20, 8)
    np.testing.assert_array_equal(again.probabilities(texts), model.probabilities(texts))


@pytest.fixture(scope="module")
def rated() -> RatedTexts:
    texts, labels = made(320, 6, noise=0.05)
    return RatedTexts(texts, np.array(labels), np.arange(320, dtype=np.int64) * DAY_US)


def test_trained_on_ratings_it_stands_beside_the_rules(rated: RatedTexts):
    run = train_text(rated, 320 * DAY_US, seed=1)
    assert run.card.figure("linear", "auc") > 0.85
    assert {x.method for x in run.card.figures} == {"linear", "rules", "larger class"}
    later, labels = made(200, 77)
    units = read_units(later)
    odds = run.model.log_odds(units)[:, run.model.classes.index("positive")]
    truth = np.array(labels) == "positive"
    assert auc(truth, odds) >= auc(truth, read_sentiment(later)) - 0.02
    found = TextReader(run.model).explain("服务热情，味道太差")
    total = found.base + found.rest + sum(weight for _, weight in found.words)
    assert total == pytest.approx(found.log_odds)


def test_few_ratings_are_refused(rated: RatedTexts):
    few = RatedTexts(rated.texts[:150], rated.labels[:150], rated.ts_us[:150])
    with pytest.raises(NotEnoughDataError, match="50 more rated texts"):
        train_text(few, 320 * DAY_US)
    ordered = np.argsort(rated.labels, kind="stable")
    late = RatedTexts([rated.texts[i] for i in ordered], rated.labels[ordered], rated.ts_us)
    with pytest.raises(NotEnoughDataError, match="later rated texts hold only 0 of one kind"):
        train_text(late, 320 * DAY_US)
