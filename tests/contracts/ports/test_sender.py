"""What every sender keeps: once by key, refusals with a reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import pytest

from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import Message, Receipt, Sender

Open = Callable[[], Sender]
REACHABLE = {"email": "li.lei@shop.example", "sms": "+8613800138000", "wecom": "wmAJ2GCAAAme"}


def message(sender: Sender, key: str = "k1", **changes: object) -> Message:
    fields = {
        "key": key, "channel": sender.channel, "to": REACHABLE[sender.channel],
        "subject": "会员日", "body": "您好", "headers": {},
    }  # fmt: skip
    return Message(**{**fields, **changes})


def test_a_key_is_sent_once(open_sender: Open, now: datetime) -> None:
    sender = open_sender()
    assert sender.send(message(sender), now=now).status == "sent"
    assert sender.send(message(sender, body="anders"), now=now).status == "repeated"
    assert open_sender().send(message(sender), now=now).status == "repeated"
    assert sender.send(message(sender, "k2"), now=now) == Receipt(
        "k2", "sent", sender.send(message(sender, "k2"), now=now).detail, now
    )


def test_a_key_is_sent_once_between_threads(open_sender: Open, now: datetime) -> None:
    senders = [open_sender() for _ in range(8)]
    statuses: list[str] = []
    threads = [
        threading.Thread(target=lambda s=s: statuses.append(s.send(message(s), now=now).status))
        for s in senders
    ]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert sorted(statuses) == ["repeated"] * 7 + ["sent"]


def test_no_address_is_refused_with_the_reason(open_sender: Open, now: datetime) -> None:
    sender = open_sender()
    receipt = sender.send(message(sender, to=" "), now=now)
    assert (receipt.status, receipt.detail) == ("refused", "没有联系地址 / there is no address")
    assert sender.send(message(sender), now=now).status == "sent"


def test_a_line_break_cannot_forge_headers(open_sender: Open, now: datetime) -> None:
    sender = open_sender()
    receipt = sender.send(message(sender, subject="a\nBcc: x@y.example"), now=now)
    assert receipt.status == "refused"
    assert "line break" in receipt.detail


def test_foreign_channels_and_unsafe_keys_are_errors(open_sender: Open, now: datetime) -> None:
    sender = open_sender()
    with pytest.raises(InputError, match="cannot be sent as"):
        sender.send(message(sender, channel="pigeon"), now=now)
    with pytest.raises(InputError, match="cannot be sent as"):
        sender.send(message(sender, "../../etc"), now=now)
