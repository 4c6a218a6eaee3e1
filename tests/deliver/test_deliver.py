"""Messages leave once, with a permit, and say why when they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select

from shopkeeper.backends.senders.outbox import OutboxSender
from shopkeeper.core import state
from shopkeeper.core.errors import BusyError, InputError, NotFoundError
from shopkeeper.core.ports import Message, Receipt
from shopkeeper.deliver import content
from shopkeeper.deliver.content import render_message, template
from shopkeeper.deliver.outbox import MAX_ATTEMPTS, enqueue, next_due, send_due

NOW = datetime(2024, 11, 8, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    made = create_engine(f"sqlite:///{tmp_path}/state.db")
    state.metadata.create_all(made)
    return made


def message(number: int, to: str = "a@example.com", channel: str = "email", **more: object) -> dict:
    return {
        "key": f"m{number}", "plan_id": "p", "decision_id": f"d{number}", "customer_id": f"c{number}",
        "channel": channel, "send_at": NOW,
        "payload": {"to": to, "subject": "hello", "body": "text"}, **more,
    }  # fmt: skip


class Rules:
    """Manners that are told their verdicts."""

    def __init__(self, verdicts: dict[str, str] | None = None, cap: int = 99) -> None:
        self.verdicts, self.cap, self.count = verdicts or {}, cap, {}

    def prepare(self, pairs) -> None:
        self.asked = list(pairs)

    def verdict(self, customer_id: str, channel: str) -> str:
        if self.count.get(customer_id, 0) >= self.cap:
            return "frequency cap"
        return self.verdicts.get(customer_id, "send")

    def sent(self, customer_id: str) -> None:
        self.count[customer_id] = self.count.get(customer_id, 0) + 1


everyone = Rules()


def statuses(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return {r.key: r.status for r in connection.execute(select(state.outbox))}


class Flaky:
    """A channel that is down for a number of calls and counts what really left."""

    channel = "email"

    def __init__(self, fails: int, *, crash_after: bool = False) -> None:
        self.fails, self.left, self.crash_after = fails, [], crash_after

    def send(self, message: Message, *, now: datetime) -> Receipt:
        if self.fails:
            self.fails -= 1
            if self.crash_after:
                self.left.append(message.key)
                raise KeyboardInterrupt
            raise BusyError("the gateway is busy")
        if message.key in self.left:
            return Receipt(message.key, "repeated", "", now)
        self.left.append(message.key)
        return Receipt(message.key, "sent", "", now)


def test_enqueue_twice_and_send_twice_is_once(engine: Engine, tmp_path: Path) -> None:
    sender = {"email": OutboxSender(tmp_path / "outbox", "email")}
    rows = [message(i) for i in range(20)]
    assert enqueue(engine, rows) == 20
    assert enqueue(engine, rows) == 0
    assert len(send_due(engine, sender, NOW, everyone).sent) == 20
    assert send_due(engine, sender, NOW, everyone).to_dict() == {
        "sent": 0, "refused": 0, "withdrawn": 0, "held": 0, "failed": 0, "waiting": 0}  # fmt: skip
    assert len(list((tmp_path / "outbox" / "email").iterdir())) == 20


def test_a_crash_between_sending_and_marking_sends_once(engine: Engine) -> None:
    enqueue(engine, [message(1)])
    sender = Flaky(1, crash_after=True)
    with pytest.raises(KeyboardInterrupt):
        send_due(engine, {"email": sender}, NOW, everyone)
    assert len(send_due(engine, {"email": sender}, NOW, everyone).sent) == 1
    assert sender.left == ["m1"]


def test_a_busy_channel_is_tried_again_and_given_up_at_last(engine: Engine) -> None:
    enqueue(engine, [message(1)])
    sender = Flaky(2)
    assert send_due(engine, {"email": sender}, NOW, everyone).failed == 1
    assert send_due(engine, {"email": sender}, NOW, everyone).failed == 1
    assert len(send_due(engine, {"email": sender}, NOW, everyone).sent) == 1
    enqueue(engine, [message(2)])
    dead = {"email": Flaky(100)}
    reports = [send_due(engine, dead, NOW, everyone) for _ in range(MAX_ATTEMPTS)]
    assert [r.failed for r in reports] == [1] * (MAX_ATTEMPTS - 1) + [0]
    assert reports[-1].refused == 1
    assert statuses(engine)["m2"] == "refused"


def test_a_permit_that_has_gone_withdraws_the_message(engine: Engine, tmp_path: Path) -> None:
    enqueue(engine, [message(1), message(2)])
    sender = {"email": OutboxSender(tmp_path, "email")}
    report = send_due(engine, sender, NOW, Rules({"c1": "no permit any more"}))
    assert [x.customer_id for x in report.sent] == ["c2"]
    assert report.withdrawn == 1
    assert statuses(engine) == {"m1": "withdrawn", "m2": "sent"}


def test_the_cap_counts_messages_of_the_same_round(engine: Engine, tmp_path: Path) -> None:
    enqueue(engine, [message(1), message(2, customer_id="c1"), message(3, customer_id="c1")])
    report = send_due(engine, {"email": OutboxSender(tmp_path, "email")}, NOW, Rules(cap=2))
    assert (len(report.sent), report.withdrawn) == (2, 1)


def test_quiet_hours_hold_a_message_until_they_end(engine: Engine, tmp_path: Path) -> None:
    enqueue(engine, [message(1)])
    sender = {"email": OutboxSender(tmp_path, "email")}
    held = send_due(engine, sender, NOW, Rules({"c1": "hold"}))
    assert (held.held, held.waiting, len(held.sent)) == (1, 1, 0)
    assert len(send_due(engine, sender, NOW, Rules()).sent) == 1


def test_later_messages_wait_and_bad_addresses_are_refused(engine: Engine, tmp_path: Path) -> None:
    later = NOW + timedelta(hours=3)
    enqueue(engine, [message(1, send_at=later), message(2, to="not an address")])
    report = send_due(engine, {"email": OutboxSender(tmp_path, "email")}, NOW, everyone)
    assert (report.refused, report.waiting, len(report.sent)) == (1, 1, 0)
    assert next_due(engine) == later
    with pytest.raises(NotFoundError, match="no sender for channel pigeon"):  # noqa: PT012
        enqueue(engine, [message(3, channel="pigeon")])
        send_due(engine, {}, NOW, everyone)


def test_templates_speak_both_languages_and_name_what_is_missing() -> None:
    values = {
        "offer": "Coffee",
        "shop": "Corner",
        "discount": "10%",
        "valid_to": "2024-12-01",
        "name": "",
    }
    english = render_message("email", "en-US", "percent", values)
    assert english.subject == "Hello, Coffee until 2024-12-01"
    assert "10% off" in english.body
    chinese = render_message("sms", "zh-CN", "percent", values | {"name": "王女士"})
    assert chinese.subject == ""
    assert chinese.body.startswith("【Corner】王女士，")
    assert chinese.body.endswith("拒收请回复R")
    with pytest.raises(InputError, match="discount"):
        render_message("email", "en", "percent", {"offer": "x", "shop": "y", "valid_to": "z"})
    with pytest.raises(NotFoundError, match="no poem template in zh"):
        template("zh", "poem")


def test_templates_cannot_reach_code(monkeypatch: pytest.MonkeyPatch) -> None:
    harmful = ("{{ ''.__class__.__mro__ }}", "text\nshop")
    monkeypatch.setitem(content.TEMPLATES, ("en", "reminder"), harmful)
    with pytest.raises(InputError, match="cannot be filled"):
        render_message("email", "en", "reminder", {"offer": "x", "shop": "y"})
