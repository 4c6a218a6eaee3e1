"""When to speak: the customer's own best hour, never inside quiet hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from shopkeeper.core.clock import to_us
from shopkeeper.decide.problem import Customers, Ints, Limits

HOUR_US = 3_600_000_000
DEFAULT_HOUR = 11


def allowed_hour(hour: Ints, limits: Limits) -> Ints:
    """The nearest later hour outside quiet hours.

    Parameters
    ----------
    hour
        Wanted hour of the customer's day, 0–23; -1 for unknown.
    limits
        Quiet hours; equal ends mean none.

    Examples
    --------
    >>> limits = Limits(0, 0, 0, 7, 2, quiet_from=21, quiet_to=9)
    >>> allowed_hour(np.array([23, 3, 12, -1]), limits).tolist()
    [9, 9, 12, 11]
    """
    wanted = np.where(hour < 0, DEFAULT_HOUR, hour)
    start, end = limits.quiet_from, limits.quiet_to
    if start == end:
        return wanted
    quiet = (
        (wanted >= start) & (wanted < end) if start < end else (wanted >= start) | (wanted < end)
    )
    moved: Ints = np.where(quiet, end, wanted)
    return moved


def send_times(customers: Customers, limits: Limits, as_of: datetime) -> Ints:
    """First moment at or after ``as_of`` at which each customer's allowed hour begins.

    Parameters
    ----------
    customers
        Preferred hours and zones.
    limits
        Quiet hours.
    as_of
        The moment of the plan.

    Returns
    -------
    array of int64
        Microseconds since 1970, UTC. Where a clock change skips the hour, the
        first moment after it.
    """
    hour = allowed_hour(customers.preferred_hour, limits)
    result = np.empty(len(hour), dtype=np.int64)
    for code, name in enumerate(customers.zones):
        zone = ZoneInfo(name)
        local = as_of.astimezone(zone)
        table = np.array([_next(local, h, zone) for h in range(24)], dtype=np.int64)
        chosen = customers.time_zone == code
        result[chosen] = table[hour[chosen]]
    return result


def _next(local: datetime, hour: int, zone: ZoneInfo) -> int:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    wanted = midnight + timedelta(hours=hour)
    moment = wanted.replace(tzinfo=zone)
    if moment < local:
        moment = (wanted + timedelta(days=1)).replace(tzinfo=zone)
    return to_us(moment)
