"""What would become of an event: the same checks as the worker's, before anything is stored."""

from __future__ import annotations

from typing import Any

from shopkeeper.apps.door.context import DoorContext
from shopkeeper.apps.door.storing import Sent
from shopkeeper.collect.live.arrive import ArriveSettings, arrive
from shopkeeper.collect.live.envelope import VERSION, Envelope, Refused
from shopkeeper.collect.live.spec import words


def judge(door: DoorContext, sent: Sent) -> list[dict[str, Any]]:
    """A verdict on each event of a request.

    Parameters
    ----------
    door
        What the door works with.
    sent
        The events.

    Returns
    -------
    list of dict
        ``index``, ``message_id``, ``kind``, ``occurred_us``, ``accepted``, ``violations`` (each
        with field, reason, zh, en, next_step) and ``invalid``, the reason why the event would
        count as traffic of a machine.
    """
    source = sent.source
    settings = ArriveSettings(
        user_kind=source.user_kind,
        currency=door.runtime.settings.shop.currency,
        event_bytes=door.event_bytes,
    )
    envelope = Envelope(
        v=VERSION,
        kind="events",
        source=source.source_id,
        received_us=sent.received_us,
        events=[],
        ip=sent.ip,
        agent=sent.agent,
        sent_at=sent.sent_at,
        context=sent.context,
    )
    check = door.check_plan()
    verdicts = []
    for place, raw in enumerate(sent.events):
        result = arrive(raw, envelope, settings=settings, position=place)
        event = result.event if isinstance(result, Refused) else result
        violations = tuple(result.violations) if isinstance(result, Refused) else ()
        if not violations and check is not None:
            violations = tuple(check(event))
        verdicts.append(
            {
                "index": place,
                "message_id": event.event_id,
                "kind": event.kind,
                "occurred_us": event.occurred_us,
                "accepted": not violations,
                "violations": words(violations),
                "invalid": door.mark_bot(event) if door.mark_bot is not None else None,
            }
        )
    return verdicts
