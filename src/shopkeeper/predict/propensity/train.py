"""Train a propensity model on rows with known outcomes and report on rows it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shopkeeper.core.errors import InputError, NotEnoughDataError
from shopkeeper.predict.calibrate import calibration_bins
from shopkeeper.predict.cards import Figure, ModelCard
from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.leakage.columns import quick_trees
from shopkeeper.predict.leakage.inspect import guard, inspect
from shopkeeper.predict.leakage.report import LeakageReport
from shopkeeper.predict.leakage.shuffle import Procedure
from shopkeeper.predict.propensity.encode import fit_encoding
from shopkeeper.predict.propensity.learners import Settings
from shopkeeper.predict.propensity.model import LIMIT_MB, PropensityModel
from shopkeeper.predict.propensity.report import (
    FEW,
    OURS,
    figures_of,
    gains_of,
    slices_of,
    verdict_of,
)
from shopkeeper.predict.propensity.rows import TrainingRows, check_rows, folds_of

FOLDS = 5
SHUFFLED = 4_000
"""Rows on which the procedure is tried with shuffled outcomes."""

INTENDED_ZH = (
    "用于挑选对象并安排先后：预测的是在预测期内发生该行为的可能性，不说明任何措施会不会改变它。"
    "不得用于定价、授信或任何对个人不利的决定。"
)
INTENDED_EN = (
    "For choosing whom to address and in which order. It predicts what will happen within the "
    "horizon, not whether anything done changes it. Not for prices, credit or any decision "
    "against a person."
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a report is taken.

    Parameters
    ----------
    test : Bools | None
        Rows of the test, later than all others; None: five folds.
    zh, en : str
        The same in words.
    moments : Ints | None
        Moment of each row, microseconds UTC.
    horizon_us : int | None
        Length of the outcome window.
    final : Bools | None
        Rows the final model learns from; None: all.
    """

    test: Bools | None = None
    zh: str = "五折交叉检验：同一客户（或相同的行）总在同一折"
    en: str = "five folds; a customer, and equal rows, are always in one fold"
    moments: Ints | None = None
    horizon_us: int | None = None
    final: Bools | None = None


@dataclass(frozen=True, slots=True)
class PropensityRun:
    """A trained model with its evidence.

    Parameters
    ----------
    model : PropensityModel
        Ready to score; learned from every row.
    card : ModelCard
        Figures beside the baselines.
    report : Mapping[str, Any]
        Plain values: verdict, gains, slices, findings, dropped columns, notes.
    """

    model: PropensityModel
    card: ModelCard
    report: Mapping[str, Any]

    def card_json(self) -> dict[str, Any]:
        """The card as JSON knows it, with the report under `report`."""
        import json

        card = json.loads(self.card.to_json())
        return {**card, "chosen": OURS, "report": dict(self.report)}


def held_out(
    data: TrainingRows, protocol: Protocol, settings: Settings, *, seed: int, limit_mb: int
) -> tuple[Ints, dict[str, Floats], PropensityModel]:
    """Score rows by models that were not learned on them.

    Parameters
    ----------
    data : TrainingRows
        Rows.
    protocol : Protocol
        Which rows are the test.
    settings : Settings
        Of the trees.
    seed : int
        Decides everything random.
    limit_mb : int
        Bound of the memory, MiB.

    Returns
    -------
    tuple[Ints, dict[str, Floats], PropensityModel]
        Positions of the test rows, probabilities by method, and the (last) model.
    """
    if protocol.test is not None:
        model = PropensityModel(settings, limit_mb).fit(data.take(~protocol.test), seed=seed)
        at = np.flatnonzero(protocol.test)
        return at, model.answers(data.sheet.take(at)), model
    fold = folds_of(data, FOLDS, seed)
    said: dict[str, Floats] = {}
    model = PropensityModel(settings, limit_mb)
    for part in np.unique(fold):
        out = fold == part
        model = PropensityModel(settings, limit_mb).fit(data.take(~out), seed=seed)
        for method, chance in model.answers(data.sheet.take(out)).items():
            said.setdefault(method, np.zeros(len(fold)))[out] = chance
    # one rate for all folds: rates of folds would rank against the outcome
    said["base rate"] = np.full(len(fold), said["base rate"].mean())
    return np.arange(len(fold)), said, model


def inspect_rows(
    data: TrainingRows, protocol: Protocol, *, seed: int, **known: Any
) -> LeakageReport:
    """Look for leaks in what is about to be learned from.

    Parameters
    ----------
    data : TrainingRows
        Rows.
    protocol : Protocol
        Split and moments.
    seed : int
        Decides samples.
    **known : Any
        `recomputed`, `earlier`, `procedure` as of `leakage.inspect.inspect`.

    Returns
    -------
    LeakageReport
        What was found.
    """
    fold = folds_of(data, FOLDS, seed) if protocol.test is None else None
    train = fold != 0 if fold is not None else ~protocol.test  # type: ignore[operator]
    return inspect(
        data.sheet.layout.names, data.sheet.matrix(), data.outcome, moments=protocol.moments,
        groups=data.group, train=train, horizon_us=protocol.horizon_us,
        procedure=_procedure(data, seed), seed=seed, **known,
    )  # fmt: skip


def _procedure(data: TrainingRows, seed: int) -> Procedure:
    """Our way of encoding and learning, in small: on shuffled outcomes it must find nothing."""
    rows = len(data.outcome)
    some = np.arange(rows)
    if rows > SHUFFLED:
        some = np.sort(np.random.default_rng([seed, 9]).choice(rows, SHUFFLED, replace=False))
    out = folds_of(data, 2, seed)[some] == 1
    known, asked = data.sheet.take(some[~out]), data.sheet.take(some[out])
    inner = folds_of(data.take(some[~out]), FOLDS, seed + 1)

    def procedure(outcome: Bools) -> tuple[Bools, Floats]:
        learned = outcome[some[~out]]
        encoding, rates = fit_encoding(known, learned, inner)
        trees = quick_trees(encoding.trees(known, rates), learned, seed)
        said = np.asarray(trees.predict(encoding.trees(asked)), dtype=np.float64)
        return outcome[some[out]], said

    return procedure


def train_propensity(
    data: TrainingRows,
    *,
    name: str,
    as_of_us: int,
    horizon_days: float,
    protocol: Protocol | None = None,
    settings: Settings | None = None,
    allowed: Sequence[str] = (),
    seed: int = 7,
    limit_mb: int = LIMIT_MB,
    known: Mapping[str, Any] | None = None,
) -> PropensityRun:
    """Inspect, measure on unseen rows, then learn from all of them.

    Parameters
    ----------
    data : TrainingRows
        Rows whose outcome is known.
    name : str
        Of the model.
    as_of_us : int
        The moment we pretend it is, microseconds UTC.
    horizon_days : float
        How far ahead the outcome looks.
    protocol : Protocol | None
        Test rows; None: five folds.
    settings : Settings | None
        Of the trees, for example what `tune` found.
    allowed : Sequence[str]
        Columns a person has vouched for.
    seed : int
        Decides everything random.
    limit_mb : int
        Bound of the memory, MiB.
    known : Mapping[str, Any] | None
        What else the inspection is given (`recomputed`, `earlier`).

    Returns
    -------
    PropensityRun
        Model, card and report.

    Raises
    ------
    NotEnoughDataError
        With the number of rows or outcomes missing.
    LeakageError
        Naming the column or rows that give the outcome away.
    InputError
        When a moment lies after `as_of_us`.
    """
    protocol = protocol or Protocol()
    settings = settings or Settings()
    check_rows(data)
    _check_protocol(data, protocol, as_of_us)
    leaks = guard(inspect_rows(data, protocol, seed=seed, **(known or {})), allowed=allowed)
    at, said, tested = held_out(data, protocol, settings, seed=seed, limit_mb=limit_mb)
    outcome = data.outcome[at]
    final = data if protocol.final is None else data.take(protocol.final)
    model = PropensityModel(settings, limit_mb).fit(final, seed=seed)
    figures = figures_of(outcome, said, seed=seed, intervals=(OURS, "best single column"))
    importances = model.importances()
    single = tested.layout.names[tested.learned.single.source]
    verdict = verdict_of(outcome, said, single, seed=seed)
    moments = protocol.moments
    inside = moments[at] if moments is not None and protocol.test is not None else None
    card = ModelCard(
        name=f"{name}:{_mix(model)}",
        task=f"propensity.{name}",
        as_of_us=as_of_us,
        train_from_us=int(moments.min()) if moments is not None else as_of_us,
        train_to_us=as_of_us,
        horizon_days=float(horizon_days),
        n=len(final.outcome),
        seed=seed,
        parameters=_parameters(model),
        figures=figures,
        protocol=protocol.en,
        protocol_zh=protocol.zh,
        intended_zh=INTENDED_ZH,
        intended_en=INTENDED_EN,
        features=model.layout.names,
        test_from_us=int(inside.min()) if inside is not None else None,
        test_to_us=(int(inside.max()) + (protocol.horizon_us or 0) if inside is not None else None),
        calibration=calibration_bins(outcome, said[OURS]),
        importances=importances,
    )
    report = {
        "verdict": {"zh": verdict.zh, "en": verdict.en}, "useful": verdict.useful,
        "train_rows": len(data.outcome) - (len(at) if protocol.test is not None else 0),
        "test_rows": len(at), "positives": int(outcome.sum()), "base_rate": float(outcome.mean()),
        "single_column": single,
        "gains": gains_of(outcome, said[OURS]),
        "slices": slices_of(data.sheet.take(at), outcome, said[OURS], list(importances)),
        "leakage": leaks.to_dict(), "dropped": dict(model.layout.dropped),
        "notes": _notes(outcome, figures),
    }  # fmt: skip
    return PropensityRun(model, card, report)


def _check_protocol(data: TrainingRows, protocol: Protocol, as_of_us: int) -> None:
    if protocol.moments is not None and int(protocol.moments.max()) > as_of_us:
        row = int(np.argmax(protocol.moments > as_of_us))
        raise InputError(
            f"row {row + 1} has a moment after the moment of training",
            next_step="leave it out: its outcome cannot be known yet",
            row=row + 1,
        )
    if protocol.test is None:
        return
    for happened in (True, False):
        n = int((data.outcome[protocol.test] == happened).sum())
        if n == 0:
            which = "with" if happened else "without"
            raise NotEnoughDataError(
                f"the test window has no customer {which} the outcome: nothing can be measured",
                next_step="choose a longer horizon, a more common target or a wider audience",
                outcome=happened,
            )


def _mix(model: PropensityModel) -> str:
    share = model.learned.share
    return {0.0: "logistic", 1.0: "boosted"}.get(share, "blend")


def _parameters(model: PropensityModel) -> dict[str, float]:
    learned = model.learned
    return {
        "share_of_trees": learned.share, "trees": float(learned.rounds),
        "line_strength": learned.strength, "base_rate": learned.base_rate,
        **{f"settings.{k}": float(v) for k, v in learned.settings.to_json().items()},
    }  # fmt: skip


def _notes(outcome: Bools, figures: Sequence[Figure]) -> list[dict[str, str]]:
    few = min(int(outcome.sum()), int((~outcome).sum()))
    notes = []
    if few < FEW:
        area = next(x for x in figures if x.method == OURS and x.metric == "auc")
        if area.low is not None and area.high is not None:
            notes.append(
                {
                    "zh": f"检验期只有 {few} 个较少的结果，AUC 的区间较宽："
                    f"{area.low:.3f}–{area.high:.3f}",
                    "en": f"the test holds only {few} of the rarer outcome, so the interval of the "
                    f"AUC is wide: {area.low:.3f} to {area.high:.3f}",
                }
            )
    return notes


def tuned(
    data: TrainingRows, protocol: Protocol, *, trials: int, seconds: float, seed: int = 7
) -> Settings:
    """Search better settings of the trees on the training rows alone.

    Parameters
    ----------
    data : TrainingRows
        Rows.
    protocol : Protocol
        Its test rows are not looked at.
    trials : int
        Most trials; the same number and seed give the same answer.
    seconds : float
        Most seconds; where they end first the answer depends on the machine.
    seed : int
        Decides everything random.

    Returns
    -------
    Settings
        The best by out-of-fold log-loss; the careful ones where nothing is better.

    Raises
    ------
    MissingExtraError
        When Optuna is not installed.
    """
    from shopkeeper.predict.propensity.tune import search

    known = data if protocol.test is None else data.take(~protocol.test)
    return replace(search(known, trials=trials, seconds=seconds, seed=seed))
