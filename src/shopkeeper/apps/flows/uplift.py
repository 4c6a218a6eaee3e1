"""Uplift of the shop's own randomised contacts, or of an uploaded trial: train, keep, score."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.apps.flows.decide import RESPONSE_DAYS
from shopkeeper.apps.flows.learn_train import Trained, card_figures, lived
from shopkeeper.apps.flows.task import TaskReport, keep, pivot, plain_figure, write_scores
from shopkeeper.apps.flows.uplift_rows import (
    ALL,
    Contacted,
    arms_by_offer,
    codes_of,
    features_at,
    more_needed,
    randomised_contacts,
    read_bought,
    trial_of,
)
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError
from shopkeeper.core.tables import PROFILES, SCORES
from shopkeeper.predict.history import Floats
from shopkeeper.predict.uplift.groups import GROUPS, group_of
from shopkeeper.predict.uplift.judge import seen_judge
from shopkeeper.predict.uplift.model import UpliftModel
from shopkeeper.predict.uplift.table import LeftOut
from shopkeeper.predict.uplift.trial import Trial, check_trial, more_rows_needed

TASK = "uplift"
LEAST_OFFER = 2_000
"""Randomised contacts from which an offer gets a model of its own."""
MOST_OFFERS = 5
BINS = 200
CONTACT_OUTCOME = ("触达后 7 天内下单", "An order within 7 days of the contact")
INTENDED_ZH = "用于决定该触达谁；不用于定价，也不说明一位客户自己会不会买。"
INTENDED_EN = "For choosing whom to contact; not for prices, and not for who buys anyway."
PROTOCOL_ZH = "随机触达与留出之间的差异；各行由未见过它的副本打分，与响应模型和最佳单列规则并列"
PROTOCOL_EN = (
    "difference between random contacts and hold-outs; rows scored by copies that did not see "
    "them, beside the response model and the best one-column rule"
)


def predict_uplift(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Learn from random contacts and hold-outs, overall and by offer, and score every customer.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is; only contacts whose response window has closed count.

    Returns
    -------
    TaskReport
        Of the model over all offers; scores are of kind ``uplift:<offer or all>``.

    Raises
    ------
    NotEnoughDataError
        With how many more randomised contacts are needed.
    """
    contacted = randomised_contacts(runtime, as_of)
    arms = arms_by_offer(contacted)
    treated, held = arms[ALL]
    more = more_needed(treated, held)
    if more:
        raise NotEnoughDataError(
            f"not enough randomised contacts to learn uplift: {treated} contacted and {held} held "
            f"out at random, {more} more randomised contacts are needed",
            next_step="keep a hold-out in campaigns and plans, then run again",
            treated=treated, held_out=held, more=more,
        )  # fmt: skip
    bought = read_bought(runtime.tables, as_of)
    people = runtime.tables.run(runtime.tables.table(PROFILES).select("customer_id"))
    customers = people.column("customer_id").combine_chunks()
    moment = np.full(len(customers), to_us(as_of) // 1_000_000, dtype=np.int64)
    matrix = features_at(bought, codes_of(bought, customers), moment)
    wanted = [name for name, n in arms.items() if name == ALL or sum(n) >= LEAST_OFFER]
    report: TaskReport | None = None
    for offer in wanted[: MOST_OFFERS + 1]:
        mine = contacted if offer == ALL else _of_offer(contacted, offer)
        try:
            one = _one(runtime, offer, mine, bought, (customers, matrix), as_of)
        except NotEnoughDataError:
            if offer == ALL:
                raise
            continue  # an offer without outcomes is covered by the model over all
        report = report or one
    assert report is not None
    return report


def model_task(offer: str) -> str:
    """Task of the models of an offer; scores are of kind ``uplift:<offer>``.

    Parameters
    ----------
    offer
        Offer, name of a trial, or ``all``.

    Examples
    --------
    >>> model_task("Spring 10 %"), model_task("all")
    ('uplift.spring-10-2df55f', 'uplift.all')
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", offer.lower()).strip("-")[:40]
    if plain != offer:
        plain = f"{plain}-{sha256(offer.encode()).hexdigest()[:6]}"
    return f"{TASK}.{plain}"


def _of_offer(contacted: Contacted, offer: str) -> Contacted:
    return contacted.take(np.flatnonzero(contacted.offer == offer))


def _one(
    runtime: Runtime, offer: str, contacted: Contacted, bought: Any,
    scored: tuple[pa.Array, Any], as_of: datetime,
) -> TaskReport:  # fmt: skip
    seed = runtime.settings.predict.seed
    kind, task = f"{TASK}:{offer}", model_task(offer)
    customers, matrix = scored

    def train() -> Trained[UpliftModel]:
        trial = trial_of(bought, contacted, seed)
        check_trial(trial)
        model, card = train_trial(trial, matrix, offer, to_us(as_of), seed=seed)
        return Trained(task, model, card)

    stored, model = lived(runtime, task, as_of, train, UpliftModel.load)
    rows = _scores(model, customers, matrix, kind, stored.version, as_of)
    write_scores(runtime.tables, rows, (kind,), as_of)
    return TaskReport(task, stored.version, rows.num_rows, pivot(card_figures(stored)))


def train_trial(
    trial: Trial, population: Any, offer: str, as_of_us: int, *, seed: int, cost: float = 0.0,
    left_out: tuple[LeftOut, ...] = (), simulated: bool = False,
    outcome: tuple[str, str] = CONTACT_OUTCOME,
) -> tuple[UpliftModel, dict[str, Any]]:  # fmt: skip
    """Train on one trial and write the card that the console reads.

    Parameters
    ----------
    trial
        Checked rows.
    population
        Features of the customers whom the four groups divide.
    offer
        Offer, name of the trial, or ``all``.
    as_of_us
        Moment of the training.
    seed
        Decides everything random.
    cost
        Cost of a treatment in units of the outcome, for the policy's value.
    left_out
        Columns that are not learned from.
    simulated
        Whether the trial was simulated.
    outcome
        What the outcome is, in Chinese and English.

    Returns
    -------
    tuple
        The model and its card.
    """
    model = UpliftModel()
    shared, learned, whole = model.fit_whole(trial, seed=seed)
    found = seen_judge(shared, learned, whole.unseen, cost)
    got = model.learned
    reach = 1.96 * got.average_error
    spread = float(trial.outcome.std())
    share = float(trial.treated.mean())
    sure = abs(got.average) > reach
    more = 0 if sure else more_rows_needed(got.average, spread, share, trial.rows)
    card = {
        "name": model_task(offer), "task": model_task(offer), "chosen": "shopkeeper", "as_of_us": as_of_us,
        "train_from_us": None, "train_to_us": as_of_us, "horizon_days": RESPONSE_DAYS,
        "n": trial.rows, "seed": seed, "features": list(trial.columns),
        "intended_zh": INTENDED_ZH, "intended_en": INTENDED_EN,
        "protocol_zh": PROTOCOL_ZH, "protocol": PROTOCOL_EN,
        "figures": [plain_figure(x) for x in found.figures],
        "parameters": {"evidence": got.evidence, "factor": got.factor, **got.shares},
        "uplift": {
            "offer": offer, "outcome_zh": outcome[0], "outcome_en": outcome[1],
            "treated": got.treated, "controls": got.rows - got.treated, "binary": got.binary,
            "average": got.average, "low": got.average - reach, "high": got.average + reach,
            "error": got.average_error, "evidence": got.evidence, "more_needed": more,
            "against": {name: list(x) for name, x in found.against.items()},
            "curves": {name: [list(p) for p in x] for name, x in found.curves.items()},
            "bins": population_bins(model, population),
            "left_out": [asdict(x) for x in left_out], "simulated": simulated,
        },
    }  # fmt: skip
    return model, json.loads(json.dumps(card))


def population_bins(model: UpliftModel, population: Any) -> dict[str, Any]:
    """Customers by uplift and baseline, so that groups at any cost need no customer again.

    Parameters
    ----------
    model
        Fitted.
    population
        Features of the customers.

    Returns
    -------
    dict
        ``high`` and ``low``: for customers with a baseline above the median and the others, lists
        of count, mean uplift, sum of squares about it and mean baseline by bin of uplift.
    """
    if not len(population):
        return {"high": [], "low": []}
    uplift, baseline = model.predict(population), model.baseline(population)
    edges = np.unique(np.quantile(uplift, np.linspace(0, 1, BINS + 1)[1:-1]))
    cell = np.searchsorted(edges, uplift, side="right")
    high = baseline > np.median(baseline)
    return {
        name: _binned(cell[mine], uplift[mine], baseline[mine])
        for name, mine in (("high", high), ("low", ~high))
    }


def _binned(cell: Any, uplift: Floats, baseline: Floats) -> list[list[float]]:
    count = np.bincount(cell)
    some = np.flatnonzero(count)
    mean = np.bincount(cell, weights=uplift)[some] / count[some]
    square = np.bincount(cell, weights=uplift**2)[some] - count[some] * mean**2
    base = np.bincount(cell, weights=baseline)[some] / count[some]
    return [
        [int(n), float(m), max(float(s), 0.0), float(b)]
        for n, m, s, b in zip(count[some], mean, square, base, strict=True)
    ]


def _scores(
    model: UpliftModel, customers: pa.Array, matrix: Any, kind: str, version: str, as_of: datetime
) -> pa.Table:
    uplift, baseline = model.predict(matrix), model.baseline(matrix)
    reach = 1.96 * model.learned.average_error
    group = group_of(uplift, baseline, 0.0)
    size = len(uplift)
    columns: Mapping[str, Any] = {
        "customer_id": customers, "as_of": pa.array([as_of] * size, pa.timestamp("us", "UTC")),
        "kind": pa.array([kind] * size, pa.string()), "model": pa.array([kind] * size, pa.string()),
        "model_version": pa.array([version] * size, pa.string()),
        "horizon_days": pa.array(np.full(size, RESPONSE_DAYS)),
        "value": pa.array(uplift), "low": pa.array(uplift - reach), "high": pa.array(uplift + reach),
        "unit": pa.array(["ratio"] * size, pa.string()),
        "band": pa.array([GROUPS[x] for x in group], pa.string()),
    }  # fmt: skip
    return SCORES.cast(pa.table(dict(columns)), fill=True)


def learn_trial(
    runtime: Runtime, name: str, trial: Trial, as_of: datetime, *, cost: float = 0.0,
    left_out: tuple[LeftOut, ...] = (), simulated: bool = False,
    outcome: tuple[str, str] = ("试验的结果列", "The outcome column of the trial"),
) -> TaskReport:  # fmt: skip
    """Train on an uploaded trial and keep the model under a name; no customer of ours is scored.

    Parameters
    ----------
    runtime
        The open shop.
    name
        Name of the trial; the task is ``uplift.<name>``.
    trial
        Rows of any customers.
    as_of
        Now.
    cost
        Cost of a treatment in units of the outcome.
    left_out
        Columns that are not learned from.
    simulated
        Whether the trial was simulated; the console says so.
    outcome
        What the outcome is, in Chinese and English.

    Returns
    -------
    TaskReport
        Figures beside their baselines.
    """
    task = model_task(name)
    model, card = train_trial(
        trial, trial.matrix, name, to_us(as_of), seed=runtime.settings.predict.seed, cost=cost,
        left_out=left_out, simulated=simulated, outcome=outcome,
    )  # fmt: skip
    stored = keep(runtime, task, task, model.save, card)
    return TaskReport(task, stored.version, 0, pivot(card_figures(stored)))
