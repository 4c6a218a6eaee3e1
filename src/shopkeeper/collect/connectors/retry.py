"""When a connector tries again: back-off with jitter, and a circuit that opens."""

from __future__ import annotations

import datetime as dt

import msgspec

from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import unit_interval


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one connector tries again after a failure.

    Parameters
    ----------
    first_seconds
        Wait after the first failure.
    longest_seconds
        Longest wait.
    factor
        How much longer each wait is than the one before.
    jitter
        Share by which a wait is spread, so that connectors of one dead source do not meet.
    open_after
        Failures in a row after which the circuit is open: only one probe every
        ``longest_seconds`` from then on.
    """

    first_seconds: float = 10.0
    longest_seconds: float = 300.0
    factor: float = 2.0
    jitter: float = 0.2
    open_after: int = 5

    def __post_init__(self) -> None:
        good = (
            0 < self.first_seconds <= self.longest_seconds
            and self.factor >= 1
            and 0 <= self.jitter < 1
            and self.open_after >= 1
        )
        if not good:
            raise InputError(
                "retry: needs 0 < first_seconds <= longest_seconds, factor >= 1, 0 <= jitter < 1 "
                "and open_after >= 1",
                next_step="Leave a value out to take its default (10 s to 300 s, twice each time)",
                retry=msgspec.to_builtins(self),
            )

    def wait(self, failures: int, seed: str) -> dt.timedelta:
        """How long to wait after some failures in a row.

        Parameters
        ----------
        failures
            At least 1.
        seed
            Name of the connector; the same seed and count give the same wait.

        Returns
        -------
        timedelta

        Examples
        --------
        >>> Retry(jitter=0).wait(1, "crm").seconds, Retry(jitter=0).wait(9, "crm").seconds
        (10, 300)
        """
        steps = min(max(failures, 1) - 1, 60)
        seconds = min(self.first_seconds * self.factor**steps, self.longest_seconds)
        spread = 1 + self.jitter * (2 * unit_interval(seed, failures) - 1)
        return dt.timedelta(seconds=min(seconds * spread, self.longest_seconds))

    def is_open(self, failures: int) -> bool:
        """Whether the circuit is open after some failures in a row."""
        return failures >= self.open_after
