"""Reading a text: sentiment, intent, aspects, and the words that mattered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shopkeeper.predict.text.intents import ASPECTS, INTENTS, TopicRules
from shopkeeper.predict.text.model import TextModel
from shopkeeper.predict.text.phrases import Floats
from shopkeeper.predict.text.ratings import BAD, GOOD
from shopkeeper.predict.text.rules import METHOD as RULES
from shopkeeper.predict.text.rules import require_readable, score_of, sentiment_rules, words_of
from shopkeeper.predict.text.units import Ints, Units, read_units

METHODS: dict[str, tuple[str, str]] = {
    RULES: ("词典与规则（未经训练，概率为粗略估计）", "Lexicon and rules (untrained, rough odds)"),
    "linear": ("用本店带评分的文字训练", "Trained on the shop's own rated texts"),
}
"""What each method is, in Chinese and English."""
TOP_WORDS = 8
WIDEST = 4


@dataclass(frozen=True, slots=True)
class Signals:
    """What was read in texts.

    Parameters
    ----------
    log_odds : Floats
        Of a satisfied writer, one a text.
    intents : list[str | None]
        One a text; None where none was recognised.
    aspect_text : Ints
        Text of each aspect spoken about.
    aspects : list[str]
        That aspect.
    aspect_log_odds : Floats
        How it is spoken about: the sum over its clauses.
    """

    log_odds: Floats
    intents: list[str | None]
    aspect_text: Ints
    aspects: list[str]
    aspect_log_odds: Floats


@dataclass(frozen=True, slots=True)
class Explained:
    """One text and what each part of it added.

    Parameters
    ----------
    log_odds, base, rest : float
        The log-odds are the base, the shown words and the rest together.
    words : list[tuple[str, float]]
        Strongest parts, strongest first.
    intent : str | None
        What the writer wants.
    intent_words : list[str]
        Where that is said.
    aspects : list[tuple[str, float]]
        Aspects spoken about and their log-odds.
    """

    log_odds: float
    base: float
    rest: float
    words: list[tuple[str, float]]
    intent: str | None
    intent_words: list[str]
    aspects: list[tuple[str, float]]


class TextReader:
    """Reads with the rules, or with a model that tells `positive` from `negative`.

    Parameters
    ----------
    model : TextModel | None
        None reads by the rules alone.
    """

    def __init__(self, model: TextModel | None = None) -> None:
        self._model = model
        self._rules = sentiment_rules()
        self._intents, self._aspects = TopicRules(INTENTS), TopicRules(ASPECTS)

    @property
    def method(self) -> str:
        """How sentiment is read: `rules` or `linear`.

        Returns
        -------
        str
        """
        return RULES if self._model is None else self._model.name

    def read(self, texts: Sequence[str | None]) -> Signals:
        """Read many texts.

        Parameters
        ----------
        texts : Sequence[str | None]
            In order.

        Returns
        -------
        Signals
            A text without a letter has log-odds 0 under the rules.
        """
        units = read_units(texts)
        added, base = self._added(units)
        summed = np.bincount(units.text, weights=added, minlength=units.texts)
        log_odds = np.asarray(summed + base, dtype=np.float64)
        found = self._aspects.find(units)
        clause = np.cumsum(units.mark) + units.text
        clauses = int(clause[-1]) + 1 if len(units) else 0
        tone = np.bincount(clause, weights=added, minlength=clauses)
        # an aspect named twice in one clause is spoken about once
        where = clause[found.unit] * len(found.names) + found.topic
        _, first = np.unique(where, return_index=True)
        text = units.text[found.unit[first]]
        key = text * len(found.names) + found.topic[first]
        spoken, back = np.unique(key, return_inverse=True)
        total = np.bincount(back, weights=tone[clause[found.unit[first]]], minlength=len(spoken))
        return Signals(
            log_odds, self._intents.find(units).best(), spoken // len(found.names),
            [found.names[i] for i in spoken % len(found.names)], np.asarray(total, dtype=float),
        )  # fmt: skip

    def explain(self, text: str) -> Explained:
        """Read one text and say why.

        Parameters
        ----------
        text : str
            Chinese or English.

        Returns
        -------
        Explained
            Its words, its rest and its base add up to its log-odds.

        Raises
        ------
        InputError
            When the text is empty or written in another script.
        """
        units = read_units([text])
        require_readable(units)
        added, base = self._added(units)
        signals = self.read([text])
        spans = _spans(units, added)
        order = sorted(spans, key=lambda x: -abs(x[1]))
        shown = [x for x in order[:TOP_WORDS] if abs(x[1]) >= 0.01]
        topics = self._intents.find(units)
        intent = signals.intents[0]
        said = [
            units.shown(int(u), int(n))
            for u, n, t in zip(topics.unit, topics.length, topics.topic, strict=True)
            if intent is not None and topics.names[int(t)] == intent
        ]
        aspects = list(zip(signals.aspects, map(float, signals.aspect_log_odds), strict=True))
        log_odds = float(signals.log_odds[0])
        rest = log_odds - base - sum(weight for _, weight in shown)
        return Explained(log_odds, base, rest, shown, intent, list(dict.fromkeys(said)), aspects)

    def _added(self, units: Units) -> tuple[Floats, float]:
        if self._model is None:
            read = self._rules.read(units)
            return read.added, read.base
        return self._model.added(units, GOOD)


def _spans(units: Units, added: Floats) -> list[tuple[str, float]]:
    """Neighbouring units that pull in one direction, as words; the sum over all is kept."""
    spans: list[tuple[str, float]] = []
    first = 0
    for at in range(1, len(units) + 1):
        ends = at == len(units) or (
            np.sign(added[at]) != np.sign(added[first])
            or units.mark[at]
            or units.mark[at - 1]
            or at - first >= WIDEST
            or (units.word[at] and at - first >= 2)
        )
        if ends:
            spans.append((units.shown(first, at - first), float(added[first:at].sum())))
            first = at
    return spans


def is_sentiment(model: TextModel) -> bool:
    """Whether a model tells satisfied writers from others.

    Parameters
    ----------
    model : TextModel
        Fitted.

    Returns
    -------
    bool
    """
    return set(model.classes) == {GOOD, BAD}


__all__ = ["METHODS", "Explained", "Signals", "TextReader", "is_sentiment", "score_of", "words_of"]
