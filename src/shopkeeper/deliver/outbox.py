"""The outbox: what is to be sent, written before anything leaves, sent once each.

A row is inserted in the transaction that performs a plan; sending happens later,
message by message, with the row's key as the sender's idempotency key. A crash
between sending and marking repeats the call, and the sender answers ``repeated``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Engine, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shopkeeper.core import state
from shopkeeper.core.errors import NotFoundError, ShopkeeperError
from shopkeeper.core.ports import Message, Receipt, Sender

WAITING, SENT, REFUSED, WITHDRAWN = "waiting", "sent", "refused", "withdrawn"
MAX_ATTEMPTS = 5
SEND, HOLD = "send", "hold"


class Manners(Protocol):
    """Asked about every message at the moment of sending, not only when it was planned."""

    def prepare(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Look up what a round needs to know of its (customer_id, channel) pairs."""
        ...

    def verdict(self, customer_id: str, channel: str) -> str:
        """``send``, ``hold`` (not at this hour) or the reason to withdraw the message."""
        ...

    def sent(self, customer_id: str) -> None:
        """Count a message that has just left."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that left, for the TOUCHES table."""

    key: str
    decision_id: str
    customer_id: str
    channel: str
    payload: Mapping[str, Any]
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one round of sending did.

    Parameters
    ----------
    sent
        Messages that left now.
    refused
        Messages the channel will not take, for good.
    withdrawn
        Messages whose permit had gone, or whose customer had been contacted
        enough, by the time of sending.
    held
        Messages that are due but wait for the customer's quiet hours to end.
    failed
        Messages that will be tried again.
    waiting
        Messages whose time has not come, after this round.
    """

    sent: tuple[Delivery, ...]
    refused: int
    withdrawn: int
    held: int
    failed: int
    waiting: int

    def to_dict(self) -> dict[str, int]:
        """Counts only."""
        return {
            "sent": len(self.sent),
            "refused": self.refused,
            "withdrawn": self.withdrawn,
            "held": self.held,
            "failed": self.failed,
            "waiting": self.waiting,
        }


def enqueue(engine: Engine, messages: Iterable[Mapping[str, Any]]) -> int:
    """Put messages into the outbox; those already there are left as they are.

    Parameters
    ----------
    engine
        State.
    messages
        Rows of ``core.state.outbox`` without status; all in one transaction.

    Returns
    -------
    int
        How many were new.
    """
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    new = 0
    with engine.begin() as connection:
        block: list[dict[str, Any]] = []

        def flush() -> int:
            if not block:
                return 0
            before = connection.execute(select(func.count()).select_from(state.outbox)).scalar_one()
            statement = dialect.insert(state.outbox).on_conflict_do_nothing()
            connection.execute(statement, block)
            after = connection.execute(select(func.count()).select_from(state.outbox)).scalar_one()
            block.clear()
            return int(after - before)

        for message in messages:
            block.append({"status": WAITING, "attempts": 0, "detail": "", **message})
            if len(block) == 5000:
                new += flush()
        new += flush()
    return new


def send_due(
    engine: Engine,
    senders: Mapping[str, Sender],
    now: datetime,
    manners: Manners,
    *,
    limit: int = 1000,
) -> SendReport:
    """Send what is due, in order of its time.

    Parameters
    ----------
    engine
        State.
    senders
        By channel.
    now
        Messages planned for later stay.
    manners
        Asked about each message, in order, right before it is sent.
    limit
        Most messages of one round.

    Returns
    -------
    SendReport

    Raises
    ------
    NotFoundError
        If a message is for a channel without a sender.
    """
    box = state.outbox
    due = (
        select(box)
        .where(box.c.status == WAITING, box.c.send_at <= now)
        .order_by(box.c.send_at, box.c.key)
        .limit(limit)
    )
    with engine.connect() as connection:
        rows = connection.execute(due).all()
    manners.prepare([(r.customer_id, r.channel) for r in rows])
    sent: list[Delivery] = []
    counts = {REFUSED: 0, WITHDRAWN: 0, HOLD: 0, "failed": 0}
    for row in rows:
        if row.channel not in senders:
            raise NotFoundError(
                f"there is no sender for channel {row.channel}",
                next_step="Configure the channel or withdraw the message",
                channel=row.channel,
            )
        verdict = manners.verdict(row.customer_id, row.channel)
        if verdict == HOLD:
            counts[HOLD] += 1
            continue
        if verdict != SEND:
            _settle(engine, row.key, WITHDRAWN, verdict, now)
            counts[WITHDRAWN] += 1
            continue
        outcome = _send(engine, senders[row.channel], row, now)
        if outcome in counts:
            counts[outcome] += 1
        else:
            manners.sent(row.customer_id)
            sent.append(
                Delivery(row.key, row.decision_id, row.customer_id, row.channel, row.payload, now)
            )
    with engine.connect() as connection:
        waiting = connection.execute(
            select(func.count()).select_from(box).where(box.c.status == WAITING)
        ).scalar_one()
    return SendReport(
        tuple(sent),
        counts[REFUSED],
        counts[WITHDRAWN],
        counts[HOLD],
        counts["failed"],
        int(waiting),
    )


def next_due(engine: Engine) -> datetime | None:
    """When the earliest waiting message is planned; None if nothing waits."""
    box = state.outbox
    with engine.connect() as connection:
        found = connection.execute(
            select(func.min(box.c.send_at)).where(box.c.status == WAITING)
        ).scalar_one()
    if found is None:
        return None
    moment: datetime = found if found.tzinfo else found.replace(tzinfo=UTC)
    return moment


def _send(engine: Engine, sender: Sender, row: Any, now: datetime) -> str:
    payload = row.payload
    message = Message(
        row.key, row.channel, payload["to"], payload["subject"], payload["body"],
        payload.get("headers", {}),
    )  # fmt: skip
    try:
        receipt: Receipt = sender.send(message, now=now)
    except ShopkeeperError as error:
        return _failed(engine, row, str(error), retryable=error.retryable, now=now)
    except OSError as error:
        return _failed(engine, row, str(error), retryable=True, now=now)
    if receipt.status == "refused":
        _settle(engine, row.key, REFUSED, receipt.detail, now)
        return REFUSED
    _settle(engine, row.key, SENT, receipt.detail, now)
    return SENT


def _failed(engine: Engine, row: Any, detail: str, *, retryable: bool, now: datetime) -> str:
    if not retryable or row.attempts + 1 >= MAX_ATTEMPTS:
        _settle(engine, row.key, REFUSED, detail, now)
        return REFUSED
    with engine.begin() as connection:
        connection.execute(
            update(state.outbox)
            .where(state.outbox.c.key == row.key)
            .values(attempts=row.attempts + 1, detail=detail)
        )
    return "failed"


def _settle(engine: Engine, key: str, status: str, detail: str, now: datetime) -> None:
    values: dict[str, Any] = {"status": status, "detail": detail[:2000]}
    if status == SENT:
        values["sent_at"] = now
    with engine.begin() as connection:
        connection.execute(
            update(state.outbox)
            .where(state.outbox.c.key == key)
            .values(attempts=state.outbox.c.attempts + 1, **values)
        )
