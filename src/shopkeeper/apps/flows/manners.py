"""What holds at the moment of sending: permits, caps and quiet hours; and the touches written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
from sqlalchemy import select

from shopkeeper.apps.flows.decide import SENT_STATUSES, limits_of
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import to_us, zone
from shopkeeper.core.tables import CONSENTS, CONTACTS, IDENTITIES, PROFILES, TOUCHES
from shopkeeper.decide.problem import CHANNELS
from shopkeeper.deliver.outbox import HOLD, SEND
from shopkeeper.deliver.outbox import SENT as STATUS_SENT
from shopkeeper.unify import resolve

NO_PERMIT = "no permit at the time of sending / 发送时已无授权"
CAPPED = "contacted enough already / 已达疲劳度上限"
RECONCILE_DAYS = 7
"""How far back messages without a touch are looked for."""


class SendManners:
    """Permits, frequency cap and quiet hours as they stand now.

    Parameters
    ----------
    runtime
        The open shop.
    now
        The moment of sending.
    """

    def __init__(self, runtime: Runtime, now: datetime) -> None:
        self._runtime = runtime
        self._now = now
        self._limits = limits_of(runtime.settings, 0)
        self._permits: dict[tuple[str, str], str] = {}
        self._zones: dict[str, str] = {}
        self._recent: Counter[str] = Counter()

    def prepare(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Look up permits, zones and recent contacts of a round.

        Parameters
        ----------
        pairs
            (customer_id, channel) of each message.
        """
        if not pairs:
            return
        store = self._runtime.tables
        asked = {"asked": pa.table({"customer_id": sorted({x for x, _ in pairs})})}
        who = ibis.table({"customer_id": "string"}, name="asked")
        # From the statements themselves: a consent withdrawn a minute ago counts now, not
        # from the next night on.
        moment = ibis.literal(self._now.astimezone(UTC).replace(tzinfo=None))
        permits = resolve.permits(
            store.table(CONSENTS), store.table(IDENTITIES), as_of=moment.cast("timestamp('UTC', 6)")
        )
        rows = store.run(
            permits.filter(permits.purpose == "marketing")
            .semi_join(who, "customer_id")
            .select("customer_id", "channel", "status"),
            asked,
        )
        self._permits = {(r["customer_id"], r["channel"]): r["status"] for r in rows.to_pylist()}
        people = store.table(PROFILES).semi_join(who, "customer_id")
        self._zones = {
            r["customer_id"]: r["time_zone"]
            for r in store.run(people.select("customer_id", "time_zone"), asked).to_pylist()
            if r["time_zone"]
        }
        self._recent = self._contacts(who, asked)

    def verdict(self, customer_id: str, channel: str) -> str:
        """``send``, ``hold`` during quiet hours, or why the message is withdrawn.

        Parameters
        ----------
        customer_id, channel
            Of the message.
        """
        default = self._limits.default_consent
        if self._permits.get((customer_id, channel), default) != "GRANT":
            return NO_PERMIT
        if self._recent[customer_id] >= self._limits.cap_contacts:
            return CAPPED
        return HOLD if self._quiet(customer_id) else SEND

    def sent(self, customer_id: str) -> None:
        """Count a message that has just left."""
        self._recent[customer_id] += 1

    def _quiet(self, customer_id: str) -> bool:
        name = self._zones.get(customer_id, self._runtime.settings.shop.time_zone)
        hour = self._now.astimezone(zone(name)).hour
        start, end = self._limits.quiet_from, self._limits.quiet_to
        if start <= end:
            return start <= hour < end
        return hour >= start or hour < end

    def _contacts(self, who: ibis.Table, asked: dict[str, pa.Table]) -> Counter[str]:
        """Contacts in the cap window: others' from the lake, our own from the outbox."""
        since = self._now - timedelta(days=self._limits.cap_days)
        store = self._runtime.tables
        contacts = store.table(CONTACTS)
        others = contacts.filter(
            (contacts.ts_us >= ibis.literal(to_us(since)).cast("int64"))
            & contacts.status.isin(list(SENT_STATUSES))
        ).semi_join(who, "customer_id")
        seen = store.run(others.select("customer_id", "touch_id"), asked).to_pylist()
        box = state.outbox
        with self._runtime.state.connect() as connection:
            own = connection.execute(
                select(box.c.key, box.c.customer_id).where(
                    box.c.status == STATUS_SENT, box.c.sent_at >= since
                )
            ).all()
        keys = {r.key for r in own}
        count = Counter(r["customer_id"] for r in seen if r["touch_id"] not in keys)
        count.update(r.customer_id for r in own)
        return count


def write_touches(runtime: Runtime, now: datetime) -> int:
    """Write a touch for every sent message that has none yet.

    Parameters
    ----------
    runtime
        The open shop.
    now
        Messages sent in the ``RECONCILE_DAYS`` before are looked at.

    Returns
    -------
    int
        Touches written.
    """
    store, box = runtime.tables, state.outbox
    since = now - timedelta(days=RECONCILE_DAYS)
    with runtime.state.connect() as connection:
        sent = connection.execute(
            select(box).where(box.c.status == STATUS_SENT, box.c.sent_at >= since)
        ).all()
    if not sent:
        return 0
    asked = ibis.table({"touch_id": "string"}, name="asked")
    touches = store.table(TOUCHES)
    known = store.run(
        touches.semi_join(asked, "touch_id").select("touch_id"),
        {"asked": pa.table({"touch_id": [r.key for r in sent]})},
    )
    have = set(known.column("touch_id").to_pylist())
    missing = [r for r in sent if r.key not in have]
    if missing:
        rows = pa.Table.from_pylist(list(_touches(runtime, missing)), schema=TOUCHES.arrow_schema)
        store.merge(TOUCHES, rows)
    return len(missing)


def _touches(runtime: Runtime, rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    limits = limits_of(runtime.settings, 0)
    cost = dict(zip(CHANNELS, limits.channel_cost_minor, strict=True))
    local = zone(runtime.settings.shop.time_zone)
    for row in rows:
        sent_at = row.sent_at if row.sent_at.tzinfo else row.sent_at.replace(tzinfo=UTC)
        yield {
            "touch_id": row.key,
            "decision_id": row.decision_id,
            "customer_ref": row.payload.get("customer_ref") or f"customer_id:{row.customer_id}",
            "campaign_id": row.plan_id,
            "offer_id": row.payload.get("offer_id"),
            "channel": row.channel,
            "status": STATUS_SENT,
            "sent_at": sent_at,
            "ts_us": to_us(sent_at),
            "day": sent_at.astimezone(local).date(),
            "cost_minor": cost.get(row.channel, 0),
            "currency": runtime.settings.shop.currency,
            "source": "shopkeeper",
        }
