"""The files of the outbox, read back by an independent parser."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from shopkeeper.backends.senders.outbox import OutboxSender, unreachable
from shopkeeper.core.ports import Message

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
HEADERS = {
    "From": "掌柜小店 <news@shop.example>",
    "List-Unsubscribe": "<https://shop.example/u/abc>, <mailto:u@shop.example>",
    "X-Decision": "d1",
    "Message-ID": "<forged@elsewhere>",
}


def mail(folder: Path, **changes: object) -> bytes:
    fields = {"key": "k1", "channel": "email", "to": "li.lei@shop.example", "subject": "会员日 50% off",
              "body": "您好，\n满减券\n" * 50, "headers": HEADERS}  # fmt: skip
    receipt = OutboxSender(folder, "email").send(Message(**{**fields, **changes}), now=NOW)
    assert receipt.status == "sent", receipt
    return Path(receipt.detail).read_bytes()


def test_a_mail_is_read_back_whole(tmp_path: Path) -> None:
    raw = mail(tmp_path)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert (tmp_path / "email" / "k1.eml").read_bytes() == raw
    assert parsed["To"] == "li.lei@shop.example"
    assert parsed["Subject"] == "会员日 50% off"
    assert str(parsed["From"]) == "掌柜小店 <news@shop.example>"
    assert parsed.get_content().replace("\r\n", "\n") == "您好，\n满减券\n" * 50
    assert parsedate_to_datetime(parsed["Date"]) == NOW
    assert parsed.get_all("Message-ID") == ["<k1@shop.example>"]
    assert parsed["X-Decision"] == "d1"
    assert all(len(x) <= 998 for x in raw.split(b"\r\n"))


def test_a_link_to_leave_brings_the_one_click_header(tmp_path: Path) -> None:
    parsed = message_from_bytes(mail(tmp_path), policy=policy.default)
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain = message_from_bytes(mail(tmp_path, key="k2", headers={}), policy=policy.default)
    assert plain["List-Unsubscribe-Post"] is None
    assert plain["List-Unsubscribe"] is None


def test_html_keeps_its_kind(tmp_path: Path) -> None:
    raw = mail(tmp_path, headers={"Content-Type": "text/html"}, body="<p>您好</p>")
    assert message_from_bytes(raw, policy=policy.default).get_content_type() == "text/html"


def test_other_channels_are_json(tmp_path: Path) -> None:
    message = Message("k1", "sms", "+8613800138000", "", "【掌柜】退订回T", {"template": "t1"})
    receipt = OutboxSender(tmp_path, "sms").send(message, now=NOW)
    assert json.loads(Path(receipt.detail).read_text(encoding="utf-8")) == {
        "key": "k1", "channel": "sms", "to": "+8613800138000", "subject": "",
        "body": "【掌柜】退订回T", "headers": {"template": "t1"}, "sent_at": "2026-11-21T08:30:00Z",
    }  # fmt: skip
    assert [x.name for x in (tmp_path / "sms").iterdir()] == ["k1.json"]


@pytest.mark.parametrize(
    ("channel", "to"),
    [("email", "a@b"), ("email", "a b@c.example"), ("email", "@c.example"), ("email", "a@-c.example"),
     ("email", "a@c.invalid"), ("email", "x" * 65 + "@c.example"), ("email", "a@c.example, b@c.example"),
     ("sms", "13800138000"), ("sms", "+0123456789"), ("sms", "+86 138"), ("push", ""), ("wecom", "a\nb")],
)  # fmt: skip
def test_addresses_that_cannot_be_reached(channel: str, to: str) -> None:
    assert " / " in unreachable(channel, to)


@pytest.mark.parametrize(
    ("channel", "to"),
    [("email", "a+b.c@sub.shop.example"), ("sms", "+14155550100"), ("push", "token")],
)
def test_addresses_that_can(channel: str, to: str) -> None:
    assert unreachable(channel, to) == ""
