"""Every error Shopkeeper raises on purpose.

::

    ShopkeeperError
    ├── SettingsError               the configuration cannot be used
    ├── InputError                  what was given cannot be read
    │   ├── SourceError             a file, database or folder as a whole
    │   ├── MappingError            columns that cannot be brought to a contract
    │   ├── RuleError               an audience rule that does not parse
    │   ├── LeakageError            columns or rows that give the outcome away
    │   └── NotFoundError           a name or id that nothing answers to
    ├── ContractError               rows that break a table contract
    ├── StoreError                  the lake, log or state refused
    │   ├── ConflictError           another writer was first (retry)
    │   ├── StorageFullError        no room left (retry after making room)
    │   ├── BusyError               too much at once (retry)
    │   └── UnavailableError        a server that keeps things does not answer (retry)
    ├── NotEnoughDataError          an honest "cannot say"
    ├── TooLargeError               work refused early, with its estimate
    ├── PlanError                   a plan in the wrong state for the request
    └── MissingExtraError           an optional package is not installed

Each carries its facts, the next step, and whether a retry can help. Only
``apps`` turns them into exit codes and ``application/problem+json``.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ShopkeeperError(Exception):
    """Root of all deliberate errors.

    Parameters
    ----------
    message
        What is wrong, in one sentence that names the row, field or object.
    next_step
        What the reader can do about it, in one sentence.
    **facts
        The values the message was made from; kept for logs and HTTP answers.

    Examples
    --------
    >>> error = SourceError("orders.csv is empty", next_step="Export it again", path="orders.csv")
    >>> error.code, error.retryable, error.facts
    ('source', False, {'path': 'orders.csv'})
    >>> str(error)
    'orders.csv is empty. Next: Export it again'
    """

    code: ClassVar[str] = "shopkeeper"
    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, next_step: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.facts = facts

    def __str__(self) -> str:
        """Message and next step in one line."""
        if not self.next_step:
            return self.message
        return f"{self.message.rstrip('.')}. Next: {self.next_step}"


class SettingsError(ShopkeeperError):
    """The configuration cannot be used (unknown key, wrong type)."""

    code = "settings"
    status = 500


class InputError(ShopkeeperError):
    """Something given from outside cannot be read."""

    code = "input"
    status = 400


class SourceError(InputError):
    """A file, database or folder that cannot be read as a whole."""

    code = "source"


class MappingError(InputError):
    """Source columns that cannot be brought to a table contract."""

    code = "mapping"


class RuleError(InputError):
    """An audience rule that does not parse or names unknown fields."""

    code = "rule"
    status = 422


class LeakageError(InputError):
    """Columns or rows that give the outcome away; a model of them would deceive."""

    code = "leakage"
    status = 422


class NotFoundError(InputError):
    """A name or id that nothing answers to."""

    code = "not_found"
    status = 404


class ContractError(ShopkeeperError):
    """Rows that break the contract of the table they were written to."""

    code = "contract"
    status = 422


class StoreError(ShopkeeperError):
    """The lake, the log or the state store refused."""

    code = "store"
    status = 503


class ConflictError(StoreError):
    """Another writer was first; reload and try again."""

    code = "conflict"
    retryable = True
    status = 409


class StorageFullError(StoreError):
    """No room is left where the data is kept; nothing was half-written."""

    code = "storage_full"
    retryable = True
    status = 507


class BusyError(StoreError):
    """More was asked at once than can be kept; wait and retry."""

    code = "busy"
    retryable = True
    status = 429


class UnavailableError(StoreError):
    """A server that the store needs does not answer; nothing was confirmed."""

    code = "unavailable"
    retryable = True


class NotEnoughDataError(ShopkeeperError):
    """The data cannot answer the question honestly; says how much more is needed."""

    code = "not_enough_data"
    status = 422


class TooLargeError(ShopkeeperError):
    """Work refused before it starts because its estimate exceeds the bound."""

    code = "too_large"
    status = 422


class PlanError(ShopkeeperError):
    """A plan, journey or run is not in the state the request needs."""

    code = "plan"
    status = 409


class MissingExtraError(ShopkeeperError):
    """An optional package is not installed.

    Parameters
    ----------
    package
        The import that failed.
    extra
        The extra of this distribution that brings it.

    Examples
    --------
    >>> str(MissingExtraError("pyspark", "spark"))
    "pyspark is not installed. Next: run: pip install 'shopkeeper[spark]'"
    """

    code = "missing_extra"
    status = 501

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed",
            next_step=f"run: pip install 'shopkeeper[{extra}]'",
            package=package,
            extra=extra,
        )
