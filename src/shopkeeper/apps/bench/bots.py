"""How much invalid traffic is recognised, and how many people are taken for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from shopkeeper.apps.bench.bots_traffic import Judged, judge
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.collect.live.bots.agents import read_agent
from shopkeeper.collect.live.bots.clients import from_server
from shopkeeper.core.errors import NotFoundError
from shopkeeper.simulate.traffic import HELD_OUT, HUMAN, INVALID, TrafficSpec

__all__ = ["run"]

SEEDS = 7
_FROM = 100
"""Seeds of the bench lie here and above; the weights were fitted on seeds 1 to 6."""
PEOPLE = 1500
METHODS = ("declared agents alone", "mark on arrival", "mark and verdict")

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Truth and answers of one seed."""

    labels: npt.NDArray[np.str_]
    actors: npt.NDArray[np.str_]
    invalid: Flags
    answers: dict[str, Flags]
    us_per_event: float


def run(options: BenchOptions) -> list[BenchRow]:
    """Judge traffic with known truth, drawn anew for each of several seeds.

    Parameters
    ----------
    options
        ``customers`` gives the number of people in each mix, ``seed`` the first seed,
        ``methods`` a choice of methods.

    Returns
    -------
    list[BenchRow]
        Means over seeds with 95 % intervals (Student); the classes held out are listed by
        themselves and enter no other figure.

    Raises
    ------
    NotFoundError
        If there is no method of a given name.
    """
    chosen = options.methods or METHODS
    unknown = sorted(set(chosen) - set(METHODS))
    if unknown:
        raise NotFoundError(
            f"there is no way of recognising bots called {', '.join(unknown)}",
            next_step=f"Choose among {', '.join(METHODS)}",
            methods=unknown,
        )
    people = options.customers or PEOPLE
    with measure() as took:
        drawn = [_draw(_FROM + options.seed + n, people) for n in range(SEEDS)]
    size = sum(len(x.labels) for x in drawn)
    data = f"simulated traffic: {size:,} events, {SEEDS} unseen seeds"

    def row(protocol: str, method: str, metric: str, values: Iterable[float], n: int) -> BenchRow:
        mean, low, high = _interval(list(values))
        return BenchRow(
            "bots", data, protocol, method, metric, mean, low, high, n,
            took.seconds, took.peak_mb, options.seed,
        )  # fmt: skip

    rows: list[BenchRow] = []
    for method in chosen:
        figures = [_figures(x, x.answers[method]) for x in drawn]
        rows += [
            row("all classes that are not held out", method, name, [x[name] for x in figures], size)
            for name in figures[0]
        ]
        for label in (*INVALID, *HELD_OUT, *HUMAN):
            protocol = "share judged invalid: " + (
                "held out" if label in HELD_OUT else "people" if label in HUMAN else "programs"
            )
            shares = [x.answers[method][x.labels == label] for x in drawn]
            n = sum(map(len, shares))
            rows.append(
                row(protocol, method, label, [float(s.mean()) for s in shares if len(s)], n)
            )
    speed = [1e6 / x.us_per_event for x in drawn]
    rows.append(
        row("one process, processor time of marking alone", "mark on arrival", "events_per_second", speed, size)
    )  # fmt: skip
    return rows


def _draw(seed: int, people: int) -> _Drawn:
    spec = TrafficSpec(seed=seed, people=people, messages=people, classes=(*HUMAN, *INVALID, *HELD_OUT))  # fmt: skip
    found = judge(spec)
    sent = found.traffic.events
    return _Drawn(
        np.array([x.label for x in sent]),
        np.array([x.actor for x in sent]),
        np.array([x.invalid for x in sent]),
        {
            METHODS[0]: _declared(found),
            METHODS[1]: found.marked,
            METHODS[2]: found.invalid,
        },
        found.seconds / len(sent) * 1e6,
    )


def _declared(found: Judged) -> Flags:
    """The usual first defence: a list of user agents."""
    sorts = [read_agent(x.agent).sort for x in found.events]
    return np.array(
        [
            sort == "declared_bot" or (sort == "program" and not from_server(event))
            for sort, event in zip(sorts, found.events, strict=True)
        ]
    )


def _figures(drawn: _Drawn, answer: Flags) -> dict[str, float]:
    kept = ~np.isin(drawn.labels, HELD_OUT)
    answer, truth, actors = answer[kept], drawn.invalid[kept], drawn.actors[kept]
    people = {x for x, bad in zip(actors, truth, strict=True) if not bad}
    accused = {x for x, said, bad in zip(actors, answer, truth, strict=True) if said and not bad}
    return {
        "recall": float(answer[truth].mean()),
        "precision": float(truth[answer].mean()) if answer.any() else float("nan"),
        "false_alarms_events": float(answer[~truth].mean()),
        "false_alarms_people": len(accused) / len(people),
        "invalid_share": float(truth.mean()),
    }


def _interval(values: list[float]) -> tuple[float, float | None, float | None]:
    mean = float(np.mean(values))
    if len(values) < 3:
        return mean, None, None
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))  # fmt: skip
    return mean, max(mean - half, 0.0), mean + half if mean > 1 else min(mean + half, 1.0)
