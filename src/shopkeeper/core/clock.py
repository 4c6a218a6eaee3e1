"""Moments, windows and the shop's own day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shopkeeper.core.errors import InputError

MICROSECONDS_PER_DAY = 86_400_000_000


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z.

    Parameters
    ----------
    moment
        Must carry a zone.

    Raises
    ------
    InputError
        If the moment is naive.

    Examples
    --------
    >>> to_us(datetime(1970, 1, 2, tzinfo=UTC)) == MICROSECONDS_PER_DAY
    True
    """
    if moment.tzinfo is None:
        raise InputError(
            f"{moment.isoformat()} has no time zone", next_step="Give one, such as +08:00 or Z"
        )
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def from_us(ts_us: int) -> datetime:
    """The UTC moment of a microsecond count."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts_us)


def zone(name: str) -> ZoneInfo:
    """Time zone by IANA name.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InputError(
            f"unknown time zone {name!r}", next_step="Use an IANA name such as Asia/Shanghai"
        ) from error


def day_start(day: date, zone_name: str) -> datetime:
    """First moment of a shop's day, as UTC."""
    return datetime.combine(day, time(), tzinfo=zone(zone_name)).astimezone(UTC)


def parse_as_of(text: str, zone_name: str) -> datetime:
    """The moment meant by a date or timestamp on the command line.

    A bare date means the start of that day in the shop's zone: everything
    before the day is known, nothing of the day is.

    Raises
    ------
    InputError
        If the text is neither.

    Examples
    --------
    >>> parse_as_of("2017-10-01", "UTC").isoformat()
    '2017-10-01T00:00:00+00:00'
    """
    try:
        if len(text) == 10:
            return day_start(date.fromisoformat(text), zone_name)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is not a date", next_step="Write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ"
        ) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone(zone_name))).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval ``[start, end)`` of UTC moments."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if to_us(self.start) > to_us(self.end):
            raise InputError(
                f"window ends {self.end} before it starts {self.start}",
                next_step="Swap the two moments",
            )

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end - self.start) / timedelta(days=1)
