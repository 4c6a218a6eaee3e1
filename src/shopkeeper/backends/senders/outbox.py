"""A sender that writes each message to a file: nothing leaves the machine."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import msgspec

from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.core.errors import InputError
from shopkeeper.core.ports import Message, Receipt

__all__ = ["OutboxSender", "unreachable"]

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_PHONE_CHANNELS = frozenset({"sms"})
_OWN_HEADERS = frozenset({"to", "subject", "date", "message-id", "content-type", "mime-version"})


class OutboxSender:
    """Writes ``<folder>/<channel>/<key>.eml`` for e-mail, ``.json`` for other channels.

    A key that was written before is not written again, also when two processes
    try at once.

    Parameters
    ----------
    folder
        Outbox; created when missing.
    channel
        Which channel this sender is for.
    sender
        Address in ``From`` where the message names none.
    """

    def __init__(
        self, folder: Path, channel: str, *, sender: str = "shop@localhost.localdomain"
    ) -> None:
        self.channel = channel
        self._folder = folder / channel
        self._sender = sender
        self._folder.mkdir(parents=True, exist_ok=True)

    def send(self, message: Message, *, now: datetime) -> Receipt:
        """Write the message durably, or refuse it with the reason.

        Parameters
        ----------
        message
            Of this sender's channel.
        now
            Moment of sending; becomes ``Date``.

        Returns
        -------
        Receipt
            ``refused`` if the address cannot be reached or a header is not one
            line; the detail is in Chinese and English.

        Raises
        ------
        InputError
            If the message is of another channel or its key cannot name a file.
        StorageFullError
            If no room is left; nothing was written.
        """
        if message.channel != self.channel or not _KEY.fullmatch(message.key):
            raise InputError(
                f"message {message.key!r} of channel {message.channel} cannot be sent as "
                f"{self.channel}",
                next_step="Use the channel's own sender and a key of letters, digits, '_', '-'",
                key=message.key,
                channel=message.channel,
            )
        reason = unreachable(self.channel, message.to) or _broken_header(message)
        if reason:
            return Receipt(message.key, "refused", reason, now)
        render: Callable[[Message, datetime], bytes] = self._mail
        suffix = ".eml"
        if self.channel != "email":
            render, suffix = _json, ".json"
        file = self._folder / f"{message.key}{suffix}"
        with full_disk_as_error(self._folder, f"message {message.key}"):
            written = _create(file, render(message, now))
        return Receipt(message.key, "sent" if written else "repeated", str(file), now)

    def _mail(self, message: Message, now: datetime) -> bytes:
        mail = EmailMessage(policy=SMTP)
        headers = {k.lower(): (k, v) for k, v in message.headers.items()}
        kind = headers.get("content-type", ("", "text/plain"))[1]
        mail["From"] = headers.pop("from", ("", self._sender))[1]
        mail["To"] = Address(addr_spec=message.to)
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{message.key}@{_domain(str(mail['From']))}>"
        for name, (spelled, value) in headers.items():
            if name not in _OWN_HEADERS:
                mail[spelled] = value
        leaves_by_link = "https://" in str(mail.get("List-Unsubscribe", ""))
        if leaves_by_link and "List-Unsubscribe-Post" not in mail:
            # RFC 8058: one click without a page in between.
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(message.body, subtype="html" if "html" in kind else "plain")
        return mail.as_bytes()


def unreachable(channel: str, to: str) -> str:
    """Why an address cannot be reached, in Chinese and English; empty if it can.

    Parameters
    ----------
    channel
        ``email`` wants an address, ``sms`` a number in E.164, others anything.
    to
        Address.

    Returns
    -------
    str

    Examples
    --------
    >>> unreachable("email", "li.lei@shop.example"), unreachable("sms", "+8613800138000")
    ('', '')
    >>> unreachable("email", "li lei@shop")
    '邮箱地址无效 / not a valid e-mail address'
    """
    if not to.strip():
        return "没有联系地址 / there is no address"
    if channel == "email" and not _is_mail(to):
        return "邮箱地址无效 / not a valid e-mail address"
    if channel in _PHONE_CHANNELS and not _E164.fullmatch(to):
        return "手机号无效，应为 E.164 格式 / not a phone number in E.164"
    if "\n" in to or "\r" in to:
        return "联系地址含换行 / the address holds a line break"
    return ""


def _is_mail(to: str) -> bool:
    local, at, domain = to.rpartition("@")
    labels = domain.split(".")
    return bool(
        at
        and len(to) <= 254
        and len(local) <= 64
        and _LOCAL.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(x) for x in labels)
        and labels[-1].lower() != "invalid"
    )


def _broken_header(message: Message) -> str:
    for name, value in {"Subject": message.subject, **message.headers}.items():
        if "\n" in name + value or "\r" in name + value:
            return f"邮件头 {name!r} 含换行 / header {name!r} holds a line break"
    return ""


def _domain(sender: str) -> str:
    return sender.rstrip(">").rpartition("@")[2] or "localhost"


def _json(message: Message, now: datetime) -> bytes:
    content: Mapping[str, object] = {
        "key": message.key,
        "channel": message.channel,
        "to": message.to,
        "subject": message.subject,
        "body": message.body,
        "headers": dict(message.headers),
        "sent_at": now,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2)


def _create(file: Path, content: bytes) -> bool:
    """Let the file appear whole and durable, once; says whether it was new."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            file.hardlink_to(new)
        except FileExistsError:
            return False
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
