"""Uplift on simulated worlds: error of effects and regret of policies against the known truth."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.predict.history import Bools, Floats
from shopkeeper.predict.uplift.judge import ONE_COLUMN, OURS, RESPONSE, our_methods
from shopkeeper.predict.uplift.trial import Trial, canonical_order
from shopkeeper.simulate.uplift import WORLDS, SimulatedTrial, World, draw_trial

__all__ = ["world_rows"]

TEST_ROWS = 5_000
PEERS = (
    ("econml causal forest", "econml_uplift.py"),
    ("causalml x-learner", "causalml_uplift.py"),
)
PROTOCOL = "simulated trial, truth known, 5,000 fresh customers"


@dataclass(frozen=True, slots=True)
class _Said:
    """What a method said in one world: effects (None for a ranking) and whom it would treat."""

    method: str
    effect: Floats | None
    treat: Bools
    seconds: float
    peak_mb: float | None


def world_rows(options: BenchOptions) -> list[BenchRow]:
    """Figures of every world and the shares of worlds won.

    Parameters
    ----------
    options : BenchOptions
        `seed`, `peers`; `customers` limits the rows of a world, for a quick look.

    Returns
    -------
    list[BenchRow]
        pehe (root mean squared error of effects) and policy_regret (value lost per customer
        against treating exactly those whose true effect exceeds the cost) by world and method;
        worlds_won by peer, ties counted against us.
    """
    with_peers = options.peers and peer_python("causal") is not None
    rows: list[BenchRow] = []
    for spec in WORLDS:
        print(f"shopkeeper bench: world {spec.name}", file=sys.stderr)  # noqa: T201
        rows += _one_world(spec, options, with_peers)
    return rows + _won(rows, options.seed)


def _one_world(spec: World, options: BenchOptions, with_peers: bool) -> list[BenchRow]:
    size = min(spec.rows, options.customers or spec.rows)
    seen = draw_trial(spec, options.seed, size)
    test = draw_trial(spec, options.seed + 1_000_000, TEST_ROWS)
    rows = []
    for said in _answers(seen, test, options.seed, with_peers):
        figures = {"policy_regret": regret(test, said.treat)}
        if said.effect is not None:
            figures["pehe"] = float(np.sqrt(np.mean((said.effect - test.effect) ** 2)))
        rows += [
            BenchRow("uplift", f"simulated: {spec.name}", PROTOCOL, said.method, metric, value,
                     None, None, size, said.seconds, said.peak_mb, options.seed)
            for metric, value in sorted(figures.items())
        ]  # fmt: skip
    return rows


def regret(test: SimulatedTrial, treat: Bools) -> float:
    """Value per customer lost against the best policy, by the truth.

    Parameters
    ----------
    test : SimulatedTrial
        Customers with known effects.
    treat : Bools
        Whom a method would treat.

    Returns
    -------
    float
        0 or more, in units of the outcome.
    """
    net = test.effect - test.cost
    return float(np.mean(np.maximum(net, 0.0) - np.where(treat, net, 0.0)))


def _answers(
    seen: SimulatedTrial, test: SimulatedTrial, seed: int, with_peers: bool
) -> list[_Said]:
    names = tuple(f"x{place}" for place in range(seen.matrix.shape[1]))
    trial = Trial(names, seen.matrix, seen.treated, seen.outcome)
    trial = trial.take(canonical_order(trial))
    asked = Trial(names, test.matrix, test.treated, test.outcome)
    with measure() as took:
        judged, _ = our_methods(trial, asked, seen.cost, seed)
    rankings = {RESPONSE, ONE_COLUMN}
    found = [
        _Said(name, None if name in rankings else x.score, x.treat, took.seconds, took.peak_mb)
        for name, x in judged.items()
    ]
    for name, script in PEERS if with_peers else ():
        arrays = {"x": trial.matrix, "t": trial.treated, "y": trial.outcome, "test": test.matrix}
        done = run_peer("causal", script, arrays, {}, timeout_s=180)
        if done.failed:
            print(f"shopkeeper bench: {name}: {done.failed}", file=sys.stderr)  # noqa: T201
            continue
        effect = np.asarray(done.arrays["effect"], dtype=np.float64)
        found.append(_Said(name, effect, effect > seen.cost, done.seconds, done.peak_mb))
    return found


def _won(rows: list[BenchRow], seed: int) -> list[BenchRow]:
    """Share of the worlds in which ours is strictly better."""
    found = []
    value = {(r.data, r.method, r.metric): float(r.value or 0.0) for r in rows}
    worlds = list(dict.fromkeys(r.data for r in rows))
    for method in dict.fromkeys(r.method for r in rows if r.method != OURS):
        for metric in ("pehe", "policy_regret"):
            played = [w for w in worlds if (w, method, metric) in value]
            if not played:
                continue
            won = [value[w, OURS, metric] < value[w, method, metric] for w in played]
            found.append(
                BenchRow("uplift", f"simulated: {len(worlds)} worlds",
                         f"share of worlds with less {metric}, ties against us",
                         f"{OURS} against {method}", f"worlds_won_{metric}", float(np.mean(won)),
                         None, None, len(played), None, None, seed)
            )  # fmt: skip
    return found
