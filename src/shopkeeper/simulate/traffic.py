"""A labelled mix of human and invalid traffic, for judging how well bots are recognised.

Every event has Segment's shape and carries, beside it, who truly caused it. The mix is drawn
anew for each seed: rates, rhythms, sizes and disguises differ between seeds, so that a
detector is judged on traffic it was not made for. People are meant to be hard to tell from
programs (offices behind one address, sale-day rushes, odd in-app browsers), and programs
meant to be hard to tell from people.

Public figures behind the default shares: Imperva's Bad Bot Report 2025 counts 51 % of web
requests of 2024 as automated, 37 % by bad and 14 % by declared, useful bots; Apple's Mail
Privacy Protection fetches pictures of a message whether or not it is read, with the user agent
``Mozilla/5.0`` (mail providers' documentation). Event streams are written by scripts in
pages, which simple programs do not run; the default share of invalid events is therefore lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.core import tables
from shopkeeper.simulate.traffic_bots import BOTS
from shopkeeper.simulate.traffic_mail import MAIL
from shopkeeper.simulate.traffic_people import PEOPLE
from shopkeeper.simulate.traffic_scene import (
    HELD_OUT,
    HOUR_US,
    HUMAN,
    INVALID,
    Scene,
    Sent,
    TrafficSpec,
    moment,
)

__all__ = [
    "HELD_OUT",
    "HOUR_US",
    "HUMAN",
    "INVALID",
    "Sent",
    "Traffic",
    "TrafficSpec",
    "moment",
    "traffic",
]


@dataclass(frozen=True, slots=True)
class Traffic:
    """A drawn mix.

    Parameters
    ----------
    events
        In the order they arrived.
    touches
        The e-mails that opens and clicks belong to, contract TOUCHES.
    """

    events: Sequence[Sent]
    touches: pa.Table


def traffic(spec: TrafficSpec) -> Traffic:
    """Draw a mix.

    Parameters
    ----------
    spec
        Equal specs give equal traffic; each class has its own random stream, so leaving one
        out does not change the others.

    Returns
    -------
    Traffic

    Examples
    --------
    >>> drawn = traffic(TrafficSpec(people=30, messages=0, classes=("shopper", "crawler")))
    >>> {x.label for x in drawn.events} == {"shopper", "crawler"}
    True
    """
    order = (*HUMAN, *INVALID, *HELD_OUT)
    sent: list[Sent] = []
    touched: list[dict[str, Any]] = []

    def scene(label: str) -> Scene:
        return Scene(spec, np.random.default_rng([spec.seed, order.index(label)]))

    for label, make in PEOPLE.items():
        if label in spec.drawn:
            stage = scene(label)
            make(stage)
            sent += stage.sent
    wanted = len(sent) * spec.invalid_share / (1 - spec.invalid_share)
    shares = np.random.default_rng([spec.seed, 999]).dirichlet(np.full(len(BOTS), 3.0))
    chosen = {
        label: share for label, share in zip(BOTS, shares, strict=True) if label in spec.drawn
    }
    whole = sum(chosen.values())
    for label, share in chosen.items():
        stage = scene(label)
        budget = max(int(wanted * share / whole), 40)
        while len(stage.sent) < budget:
            BOTS[label](stage, budget - len(stage.sent))
        sent += stage.sent
    for label, write in MAIL.items():
        if label in spec.drawn and spec.messages:
            stage = scene(label)
            write(stage)
            sent += stage.sent
            touched += stage.touched
    sent.sort(key=lambda x: (x.received_us, x.raw["messageId"]))
    return Traffic(sent, _touches(touched))


def _touches(rows: list[dict[str, Any]]) -> pa.Table:
    ts = pa.array([x["ts_us"] for x in rows], pa.int64())
    at = ts.cast(pa.timestamp("us", tz="UTC"))
    columns = {
        **{x: pa.array([r[x] for r in rows], pa.string()) for x in ("touch_id", "customer_ref", "campaign_id")},
        "channel": pa.repeat("email", len(rows)),
        "status": pa.repeat("sent", len(rows)),
        "sent_at": at,
        "ts_us": ts,
        "day": at.cast(pa.date32()),
        "source": pa.repeat("simulated", len(rows)),
    }  # fmt: skip
    return tables.TOUCHES.cast(pa.table(columns), fill=True)
