"""Commits that happen once, and in turn."""

from __future__ import annotations

from typing import TypeAlias

from deltalake import CommitProperties, DeltaTable, Transaction

from shopkeeper.backends.embedded.attempts import ATTEMPTS
from shopkeeper.core.errors import ConflictError
from shopkeeper.core.tables import TableContract

__all__ = ["Token", "commit_properties", "repeated"]

Token: TypeAlias = tuple[str, int]


def repeated(
    contract: TableContract, table: DeltaTable | None, token: Token, after: int | None
) -> bool:
    """Whether a commit already happened; refuses one that does not follow its predecessor.

    Parameters
    ----------
    contract
        Table, for the message.
    table
        Its newest version; None if it was never written.
    token
        Writer and number.
    after
        Number the writer must have committed last, or -1 for none; None does not ask.

    Returns
    -------
    bool

    Raises
    ------
    ConflictError
        If the writer committed neither ``after`` nor the token's number last.
    """
    found = None if table is None else table.transaction_version(token[0])
    last = -1 if found is None else int(found)
    if after is None:
        return token[1] <= last
    if last not in {after, token[1]}:
        raise ConflictError(
            f"writer {token[0]} committed {last} to table {contract.name} last, not {after}",
            next_step="Another process took over its work: drop the rows, go on after committed()",
            table=contract.name,
            writer=token[0],
            committed=last,
            after=after,
        )
    return last == token[1]


def commit_properties(token: Token | None) -> CommitProperties:
    """How a commit carries its token, so that Delta refuses another one of the same writer.

    Parameters
    ----------
    token
        Writer and number; None for commits without.

    Returns
    -------
    CommitProperties
    """
    transactions = [] if token is None else [Transaction(token[0], token[1])]
    return CommitProperties(max_commit_retries=ATTEMPTS, app_transactions=transactions)
