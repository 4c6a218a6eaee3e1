"""The delayed verdict: how probable it is that a person caused an event, and why.

A verdict is a sum of log-odds: a start and, for each sign, its strength times its weight. The
sum's logistic is the probability that a program caused it. Weights are fitted by maximum
likelihood on simulated traffic (``weights.json``), with the sign of each weight held to what
the sign means, so that no verdict rests on an accident of the simulation alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import resources
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from shopkeeper.collect.live.bots.signs import (
    LISTED_SIGNS,
    MAIL,
    MAIL_SIGNS,
    mail_signs,
    visitor_signs,
    window_of,
)
from shopkeeper.core import columns as c
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import EVENTS, TOUCHES, VERDICTS

Floats = npt.NDArray[np.float64]

HUMAN_FROM = 0.5
"""Events whose human probability is at least this count."""
KNOWN = 0.02
"""Human probability of the other events of a visitor found out on arrival."""
_MEMBERS = pa.schema(
    [("visitor", pa.string()), ("human", pa.float64()), ("reason", pa.string()), ("reasons", pa.string())]
)  # fmt: skip
_JUDGED = ibis.schema(
    {"visitor": "string", "human": "float64", "reason": "string", "reasons": "string"}
)


@dataclass(frozen=True, slots=True)
class Weights:
    """What signs weigh.

    Parameters
    ----------
    start
        Log-odds of a program before any sign is seen.
    weights
        Log-odds that each sign adds when fully there, by name.
    """

    start: float
    weights: Mapping[str, float]

    def of(self, signs: Sequence[str]) -> Floats:
        """Weights in the order of the signs; 0 for those not fitted."""
        return np.array([self.weights.get(x, 0.0) for x in signs])


@lru_cache(maxsize=1)
def fitted() -> tuple[str, Weights, Weights]:
    """Version and the weights for visitors and for the mail that come with this release."""
    text = resources.files(__package__).joinpath("weights.json").read_text(encoding="utf-8")
    read = json.loads(text)
    parts = (Weights(read[x]["start"], read[x]["weights"]) for x in ("visitors", "mail"))
    visitors, mail = parts
    return str(read["version"]), visitors, mail


def human_probability(matrix: Floats, signs: Sequence[str], weights: Weights) -> Floats:
    """Probability that a person did it.

    Parameters
    ----------
    matrix
        Strength of the signs, one row a case, shape (cases, signs).
    signs
        Names of the columns.
    weights
        What they weigh.

    Returns
    -------
    ndarray
        Shape (cases,), between 0 and 1.
    """
    odds = weights.start + matrix @ weights.of(signs)
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(odds, -50, 50))))


def reasons_of(row: Floats, signs: Sequence[str], weights: Weights) -> list[dict[str, Any]]:
    """The terms of the sum that are not zero, the heaviest first after the start.

    Parameters
    ----------
    row
        Strength of the signs.
    signs
        Their names.
    weights
        What they weigh.

    Returns
    -------
    list of dict
        ``sign`` and ``weight``; the weights sum to the log-odds of a program.
    """
    terms = row * weights.of(signs)
    order = sorted((n for n in range(len(signs)) if terms[n]), key=lambda n: (-abs(terms[n]), n))
    said = [{"sign": signs[n], "weight": round(float(terms[n]), 3)} for n in order]
    return [{"sign": "start", "weight": round(weights.start, 3)}, *said]


def verdicts(store: TableStore, *, start_us: int, end_us: int, decided_at: datetime) -> pa.Table:
    """Verdicts on the events of a window.

    Parameters
    ----------
    store
        The lake; events and touches are read.
    start_us, end_us
        The window, the end exclusive; microseconds UTC.
    decided_at
        Stored with each verdict.

    Returns
    -------
    pa.Table
        Contract VERDICTS, ordered by event: every opening and click of a mail with its human
        probability, and those unmarked events of visitors that are judged to be programs.
    """
    window = window_of(store.table(EVENTS), start_us, end_us)
    found = pa.concat_tables([_visitor_verdicts(store, window), _mail_verdicts(store, window)])
    columns = {
        **{x: found.column(x) for x in found.column_names},
        str(c.DECIDED_AT): pa.array([decided_at] * found.num_rows, pa.timestamp("us", tz="UTC")),
        str(c.VERSION): pa.repeat(fitted()[0], found.num_rows),
    }
    return VERDICTS.cast(pa.table(columns)).sort_by(str(c.EVENT_ID))


def _visitor_verdicts(store: TableStore, window: ibis.Table) -> pa.Table:
    _, weights, _ = fitted()
    signs = store.run(visitor_signs(window))
    known = np.asarray(signs.column("known").fill_null(False).combine_chunks(), dtype=bool)
    matrix = _matrix(signs, LISTED_SIGNS)
    human = np.where(known, KNOWN, human_probability(matrix, LISTED_SIGNS, weights))
    bad = np.flatnonzero(human < HUMAN_FROM)
    names = signs.column("visitor").take(pa.array(bad)).to_pylist()
    why = signs.column("why").take(pa.array(bad)).to_pylist()
    reasons = [
        [{"sign": "marked", "reason": why[n]}] if known[at] else reasons_of(matrix[at], LISTED_SIGNS, weights)
        for n, at in enumerate(bad)
    ]  # fmt: skip
    members = pa.table(
        {
            "visitor": names,
            "human": human[bad],
            "reason": ["known_actor" if known[at] else "improbable" for at in bad],
            "reasons": [json.dumps(x) for x in reasons],
        },
        schema=_MEMBERS,
    )
    judged = ibis.table(_JUDGED, name="judged_visitors")
    rows = window.filter(
        window[c.INVALID].isnull() & window[c.CLIENT].notnull() & window[c.KIND].notin(MAIL)
    )
    joined = rows.join(judged, rows.visitor == judged.visitor).select(
        rows[c.EVENT_ID], rows[c.KIND], rows[c.TS_US], judged.human, judged.reason, judged.reasons
    )
    return store.run(joined, inputs={"judged_visitors": members})


def _mail_verdicts(store: TableStore, window: ibis.Table) -> pa.Table:
    _, _, weights = fitted()
    signs = store.run(mail_signs(window, store.table(TOUCHES)))
    matrix = _matrix(signs, MAIL_SIGNS)
    human = human_probability(matrix, MAIL_SIGNS, weights)
    proxied = matrix[:, MAIL_SIGNS.index("bare_agent")] * matrix[:, MAIL_SIGNS.index("apple_net")]
    reason = [
        None if good else "mail_proxy" if apple else "mail_scanner"
        for good, apple in zip((human >= HUMAN_FROM).tolist(), (proxied > 0).tolist(), strict=True)
    ]
    return pa.table(
        {
            **{str(x): signs.column(str(x)) for x in (c.EVENT_ID, c.KIND, c.TS_US)},
            "human": human,
            "reason": pa.array(reason, pa.string()),
            "reasons": pa.array(
                [json.dumps(reasons_of(x, MAIL_SIGNS, weights)) for x in matrix], pa.string()
            ),
        }
    )


def _matrix(signs: pa.Table, names: Sequence[str]) -> Floats:
    if not signs.num_rows:
        return np.zeros((0, len(names)))
    return np.column_stack([signs.column(x).to_numpy() for x in names]).astype(np.float64)
