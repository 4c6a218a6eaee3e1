"""Training on the shop's own rated texts, measured on later ones beside the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.predict.calibrate import auc, calibration_bins, calibration_error, log_loss
from shopkeeper.predict.cards import Figure, ModelCard, bootstrap_interval
from shopkeeper.predict.history import DAY_US
from shopkeeper.predict.text.learn import Labelled
from shopkeeper.predict.text.model import TextModel
from shopkeeper.predict.text.phrases import Floats
from shopkeeper.predict.text.ratings import BAD, GOOD
from shopkeeper.predict.text.rules import read_sentiment
from shopkeeper.predict.text.twins import twin_groups
from shopkeeper.predict.text.units import Bools, Ints, read_units

LEAST, LEAST_CLASS = 200, 20
"""Rated texts, and of each kind, below which the rules stay."""
LATER = 0.25
"""Share of the texts, the latest ones, that a rehearsal is measured on."""


@dataclass(frozen=True, slots=True)
class RatedTexts:
    """Texts whose writers gave a rating.

    Parameters
    ----------
    texts : Sequence[str]
        In order.
    labels : npt.NDArray[np.str_]
        `positive` or `negative`.
    ts_us : Ints
        When each was written.
    """

    texts: Sequence[str]
    labels: npt.NDArray[np.str_]
    ts_us: Ints


@dataclass(frozen=True, slots=True)
class TextRun:
    """A trained model and what it was measured at.

    Parameters
    ----------
    model : TextModel
        Trained on all rated texts.
    card : ModelCard
        Figures on the later texts, beside the rules and the larger class.
    better : bool
        Whether its probabilities tell the later texts at least as well as the rules do (log-loss).
    """

    model: TextModel
    card: ModelCard
    better: bool


def train_text(rated: RatedTexts, as_of_us: int, *, seed: int = 0) -> TextRun:
    """Train sentiment on rated texts; no near-copy stands on both sides of the rehearsal.

    Parameters
    ----------
    rated : RatedTexts
        Written before `as_of_us`.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    seed : int
        Decides everything random.

    Returns
    -------
    TextRun
        Model and card.

    Raises
    ------
    NotEnoughDataError
        When there are too few rated texts, of either kind, or in the later part.
    """
    _enough(rated.labels)
    train, test = _later(rated)
    texts = np.array(rated.texts, dtype=object)
    good = np.asarray(rated.labels == GOOD)
    for part, name in ((train, "earlier"), (test, "later")):
        few = min(int(good[part].sum()), int((~good[part]).sum()))
        if few < 5:
            raise NotEnoughDataError(
                f"the {name} rated texts hold only {few} of one kind",
                next_step=f"{5 - few} more are needed; until then the rules read sentiment",
                texts=few,
            )
    first = TextModel().fit(Labelled(list(texts[train]), list(rated.labels[train])), seed=seed)
    later = list(texts[test])
    column = first.classes.index(GOOD)
    odds = first.log_odds(read_units(later))
    ours = 1.0 / (1.0 + np.exp(odds[:, 1 - column] - odds[:, column]))
    rules = 1.0 / (1.0 + np.exp(-read_sentiment(later)))
    share = np.full(len(test), float(good[train].mean()))
    said = {"linear": ours, "rules": rules, "larger class": share}
    figures = [x for method, p in said.items() for x in _figures(method, good[test], p, seed)]
    model = TextModel().fit(Labelled(list(rated.texts), list(rated.labels)), seed=seed)
    better = log_loss(good[test], ours) <= log_loss(good[test], rules)
    card = _card(rated, model, figures, train, test, as_of_us, seed, good[test], ours)
    return TextRun(model, card, better)


def _enough(labels: npt.NDArray[np.str_]) -> None:
    good, bad = int((labels == GOOD).sum()), int((labels == BAD).sum())
    missing = max(LEAST - good - bad, LEAST_CLASS - good, LEAST_CLASS - bad)
    if missing > 0:
        raise NotEnoughDataError(
            f"{good} satisfied and {bad} dissatisfied rated texts are too few to train on",
            next_step=f"{missing} more rated texts are needed; until then the rules read sentiment",
            positive=good,
            negative=bad,
            needed=LEAST,
        )


def _later(rated: RatedTexts) -> tuple[Ints, Ints]:
    """Earlier texts, and later ones that are no near-copies of them."""
    order = np.argsort(rated.ts_us, kind="stable")
    cut = len(order) - max(round(len(order) * LATER), 1)
    train, test = order[:cut], order[cut:]
    group = twin_groups(rated.texts)
    seen = np.isin(group[test], group[train])
    return train.astype(np.int64), test[~seen].astype(np.int64)


def _figures(method: str, good: Bools, probability: Floats, seed: int) -> list[Figure]:
    right = (probability > 0.5) == good
    low, high = bootstrap_interval(lambda at: float(right[at].mean()), len(right), seed=seed)
    figures = [Figure(method, "accuracy", float(right.mean()), low, high, len(good))]
    figures.append(Figure(method, "auc", auc(good, probability), n=len(good)))
    figures.append(Figure(method, "log_loss", log_loss(good, probability), n=len(good)))
    figures.append(Figure(method, "ece", calibration_error(good, probability), n=len(good)))
    return figures


def _card(
    rated: RatedTexts, model: TextModel, figures: list[Figure], train: Ints, test: Ints,
    as_of_us: int, seed: int, good: Bools, said: Floats,
) -> ModelCard:  # fmt: skip
    begin, middle, end = (int(x) for x in (rated.ts_us.min(), rated.ts_us[test].min(), as_of_us))
    return ModelCard(
        name=model.name, task=model.task, as_of_us=as_of_us, train_from_us=begin, train_to_us=end,
        horizon_days=max((end - middle) / DAY_US, 0.0), n=len(rated.texts), seed=seed,
        parameters=model.chosen, figures=tuple(figures),
        protocol=f"trained on the earlier {len(train):,} rated texts, measured on {len(test):,} "
        "later ones that are no near-copies of them; then trained again on all",
        protocol_zh=f"用较早的 {len(train):,} 条带评分文字训练，在其后 {len(test):,} 条（剔除近似重复）"
        "上检验；随后用全部文字重新训练",
        intended_zh="用于判断评价与会话中的情感，找出令人不满的商品和客户；不用于对个人作不利决定。",
        intended_en="For telling how reviews and chats feel, and which products disappoint; not for "
        "decisions against a person.",
        features=("character and word n-grams", "lexicon"),
        test_from_us=middle, test_to_us=end,
        calibration=tuple(calibration_bins(good, said)),
    )  # fmt: skip
