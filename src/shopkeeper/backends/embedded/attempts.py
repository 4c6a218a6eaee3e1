"""Commits that are tried again when a writer on another machine was first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from deltalake.exceptions import CommitFailedError

from shopkeeper.backends.embedded.disk import is_disk_full
from shopkeeper.core.errors import ConflictError, ShopkeeperError, StoreError
from shopkeeper.core.tables import TableContract

__all__ = ["ATTEMPTS", "retried"]

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""Times a commit is tried."""


def retried(contract: TableContract, reload: Callable[[], None], action: Callable[[], Any]) -> Any:
    """Do it again on the newest version if a writer on another machine was first.

    Parameters
    ----------
    contract
        Table, for the message.
    reload
        Brings what the action works on to the newest version.
    action
        One attempt to commit.

    Returns
    -------
    Any
        What the action returned.

    Raises
    ------
    ConflictError
        If it lost five times.
    StoreError
        If the lake refused for another reason.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return _attempt(contract, action)
        except CommitFailedError as error:
            log.info("a commit to %s lost a race: %s", contract.name, error)
            reload()
    try:
        return _attempt(contract, action)
    except CommitFailedError as error:
        raise ConflictError(
            f"another writer kept changing table {contract.name}",
            next_step="Repeat; let only one machine write a table",
            table=contract.name,
        ) from error


def _attempt(contract: TableContract, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except (CommitFailedError, ShopkeeperError):
        raise
    except Exception as error:
        raise _refused(contract, error) from error


def _refused(contract: TableContract, error: Exception) -> Exception:
    """A full disk passes through to be named as such; the rest is the lake's refusal."""
    if is_disk_full(error):
        return error
    text = str(error).strip()
    return StoreError(
        f"table {contract.name} was not written: {text.splitlines()[0] if text else error!r}",
        next_step="Nothing of it is visible; see the log for the cause",
        table=contract.name,
    )
