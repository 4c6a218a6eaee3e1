"""Bench of texts: labels of reviews, chats and searches, beside what is simple."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, Measured, measure
from shopkeeper.apps.bench.text_data import TextTask, text_tasks
from shopkeeper.predict.cards import bootstrap_interval
from shopkeeper.predict.text.learn import Labelled
from shopkeeper.predict.text.model import TextModel
from shopkeeper.predict.text.phrases import Floats
from shopkeeper.predict.text.rules import read_sentiment
from shopkeeper.predict.text.units import read_units

__all__ = ["run"]

OURS = "shopkeeper"
METHODS = (OURS, "tf-idf logistic", "lexicon", "majority")
SPEED_SECONDS = 0.5


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure on hotel and take-away reviews, or on the user's labelled texts.

    Parameters
    ----------
    options
        `inputs`, `text`, `label`, `test`, `methods`, `seed`.

    Returns
    -------
    list of BenchRow
        accuracy, f1 (macro), auc (macro, one against the rest) and texts_per_second by method.

    Raises
    ------
    ShopkeeperError
        When the texts cannot be read or cannot answer.
    """
    wanted = options.methods or METHODS
    return [row for task in text_tasks(options) for row in _one(task, wanted, options.seed)]


def _one(task: TextTask, wanted: tuple[str, ...], seed: int) -> list[BenchRow]:
    classes = sorted(set(task.train_labels) | set(task.test_labels))
    rows: list[BenchRow] = []

    def told(method: str, shares: Floats, took: Measured, speed: float) -> None:
        rows.extend(_figures(task, classes, method, shares, took, speed, seed))

    if OURS in wanted:
        with measure() as took:
            model = TextModel().fit(Labelled(task.train, task.train_labels), seed=seed)
            shares = _spread(model.probabilities(task.test), model.classes, classes)
        speed = _speed(model, task.test)
        told(OURS, shares, took, speed)
        rows += [_row(task, OURS, "model_mb", _size(model), took, seed)]
        rows += [_row(task, OURS, "near_copies_left_out", task.removed, took, seed)]
    for method, work in (("tf-idf logistic", _plain), ("lexicon", _lexicon)):
        if method in wanted:
            with measure() as took:
                shares, speed = work(task, classes)
            told(method, shares, took, speed)
    if "majority" in wanted:
        with measure() as took:
            share = np.array([task.train_labels.count(x) for x in classes], dtype=float)
            shares = np.tile(share / share.sum(), (len(task.test), 1))
        told("majority", shares, took, float("nan"))
    return rows


def _figures(
    task: TextTask, classes: list[str], method: str, shares: Floats, took: Measured, speed: float,
    seed: int,
) -> list[BenchRow]:  # fmt: skip
    truth = np.array([classes.index(x) for x in task.test_labels])
    said = shares.argmax(axis=1)
    right = said == truth
    low, high = None, None
    if method == OURS:
        low, high = bootstrap_interval(lambda at: float(right[at].mean()), len(right), seed=seed)
    rows = [_row(task, method, "accuracy", float(right.mean()), took, seed, low, high)]
    rows.append(_row(task, method, "f1", float(f1_score(truth, said, average="macro")), took, seed))
    rows.append(_row(task, method, "auc", _auc(truth, shares), took, seed))
    if np.isfinite(speed):
        rows.append(_row(task, method, "texts_per_second", speed, took, seed))
    return rows


def _row(
    task: TextTask, method: str, metric: str, value: float, took: Measured, seed: int,
    low: float | None = None, high: float | None = None,
) -> BenchRow:  # fmt: skip
    return BenchRow(
        "text", task.data, task.protocol, method, metric, value, low, high, len(task.test),
        took.seconds, took.peak_mb, seed,
    )  # fmt: skip


def _auc(truth: np.ndarray, shares: Floats) -> float:
    """Mean over the classes that occur in the test, each against the rest."""
    found = [
        roc_auc_score(truth == code, shares[:, code])
        for code in range(shares.shape[1])
        if 0 < (truth == code).sum() < len(truth)
    ]
    return float(np.mean(found)) if found else float("nan")


def _spread(shares: Floats, known: tuple[str, ...] | list[str], classes: list[str]) -> Floats:
    """Shares by all classes; one that was not in training gets none."""
    wide = np.zeros((len(shares), len(classes)))
    wide[:, [classes.index(x) for x in known]] = shares
    return wide


def _speed(model: TextModel, texts: list[str]) -> float:
    """Texts a second of one core's time, from words to label; the faster of some runs."""
    best, spent = 0.0, 0.0
    while spent < SPEED_SECONDS:
        start = time.process_time()
        model.predict(texts)
        seconds = time.process_time() - start
        best, spent = max(best, len(texts) / seconds), spent + seconds
    return best


def _size(model: TextModel) -> float:
    with tempfile.TemporaryDirectory(prefix="shopkeeper-bench-") as folder:
        model.save(Path(folder))
        return sum(x.stat().st_size for x in Path(folder).iterdir()) / 1e6


def _plain(task: TextTask, classes: list[str]) -> tuple[Floats, float]:
    """What a tutorial does: characters in Chinese, words in English, one logistic."""
    units = read_units(task.train)
    latin = units.word.mean() > 0.5
    analyzer, runs = ("word", (1, 2)) if latin else ("char", (1, 3))
    vectors = TfidfVectorizer(analyzer=analyzer, ngram_range=runs, min_df=2, sublinear_tf=True)
    fitted = LogisticRegression(C=3.0, max_iter=300)
    fitted.fit(vectors.fit_transform(task.train), task.train_labels)
    start = time.process_time()
    shares = fitted.predict_proba(vectors.transform(task.test))
    speed = len(task.test) / (time.process_time() - start)
    return _spread(shares, list(fitted.classes_), classes), speed


def _lexicon(task: TextTask, classes: list[str]) -> tuple[Floats, float]:
    """The rules alone; only where to draw the line is learned."""
    fitted = LogisticRegression().fit(read_sentiment(task.train)[:, None], task.train_labels)
    start = time.process_time()
    shares = fitted.predict_proba(read_sentiment(task.test)[:, None])
    speed = len(task.test) / (time.process_time() - start)
    return _spread(shares, list(fitted.classes_), classes), speed
