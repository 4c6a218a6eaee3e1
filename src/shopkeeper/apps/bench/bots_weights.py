"""Fit the weights of the delayed verdict on simulated traffic: ``python -m …bots_weights``.

Seeds 1 to 6 and none of the classes held out; the bench judges on other seeds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from shopkeeper.apps.bench.bots_traffic import marked_on_arrival, stored, window
from shopkeeper.collect.live.bots import verdict
from shopkeeper.collect.live.bots.signs import (
    LISTED_SIGNS,
    MAIL_SIGNS,
    mail_signs,
    visitor_signs,
    window_of,
)
from shopkeeper.core.tables import EVENTS, TOUCHES
from shopkeeper.simulate.traffic import TrafficSpec, traffic

Floats = npt.NDArray[np.float64]

SEEDS = (1, 2, 3, 4, 5, 6)
RIDGE = 2.0
VERSION = "1"


def cases(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Signs and truth (1: a program) of the visitors not found out on arrival, and of the mail.

    Parameters
    ----------
    seed
        Of the mix.

    Returns
    -------
    tuple of ndarray
        Visitors' signs and truth, the mail's signs and truth.
    """
    spec = TrafficSpec(seed=seed)
    mix = traffic(spec)
    events, _ = marked_on_arrival(spec, mix)
    truth = {e.event_id: s.invalid for s, e in zip(mix.events, events, strict=True)}
    visitor = {
        e.anonymous_id or e.customer_ref: s.invalid for s, e in zip(mix.events, events, strict=True)
    }
    with stored(mix, events) as tables:
        rows = window_of(tables.table(EVENTS), *window(spec))
        seen = tables.run(visitor_signs(rows))
        mail = tables.run(mail_signs(rows, tables.table(TOUCHES)))
    seen = seen.filter(np.logical_not(seen.column("known").to_numpy(zero_copy_only=False)))
    return (
        np.column_stack([seen.column(x).to_numpy() for x in LISTED_SIGNS]),
        np.array([visitor[x] for x in seen.column("visitor").to_pylist()], dtype=float),
        np.column_stack([mail.column(x).to_numpy() for x in MAIL_SIGNS]),
        np.array([truth[x] for x in mail.column("event_id").to_pylist()], dtype=float),
    )


def fit(matrix: Floats, truth: Floats, signs: Sequence[str]) -> verdict.Weights:
    """Weights by penalised maximum likelihood, each with the sign its name demands.

    Parameters
    ----------
    matrix
        Signs, shape (cases, signs).
    truth
        1 for a program, 0 for a person, shape (cases,).
    signs
        Names of the columns; those that begin with ``human_`` weigh at most 0, others at least.

    Returns
    -------
    Weights
    """
    full = np.column_stack([np.ones(len(matrix)), matrix])

    def loss(w: Floats) -> tuple[float, Floats]:
        odds = full @ w
        chance = 1 / (1 + np.exp(-odds))
        value = float(np.sum(np.logaddexp(0, odds) - truth * odds) + RIDGE / 2 * np.sum(w[1:] ** 2))
        return value, full.T @ (chance - truth) + np.r_[0.0, RIDGE * w[1:]]

    bounds = [(None, None)] + [(None, 0.0) if x.startswith("human_") else (0.0, None) for x in signs]  # fmt: skip
    found = minimize(loss, np.zeros(full.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds)
    rounded = np.round(found.x, 3)
    named = {x: float(w) for x, w in zip(signs, rounded[1:], strict=True)}
    return verdict.Weights(float(rounded[0]), named)


def main() -> None:
    """Fit on the seeds and write the weights beside the code that reads them."""
    drawn = [cases(seed) for seed in SEEDS]
    parts = [np.concatenate([x[n] for x in drawn]) for n in range(4)]
    visitors, mail = fit(parts[0], parts[1], LISTED_SIGNS), fit(parts[2], parts[3], MAIL_SIGNS)
    target = Path(verdict.__file__).with_name("weights.json")
    content = {
        "version": VERSION,
        "seeds": list(SEEDS),
        "visitors": {"start": visitors.start, "weights": dict(visitors.weights), "cases": len(parts[1])},
        "mail": {"start": mail.start, "weights": dict(mail.weights), "cases": len(parts[3])},
    }  # fmt: skip
    target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
