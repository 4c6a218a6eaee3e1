"""Every cleaning rule in the order in which rules are applied to a value."""

from __future__ import annotations

from shopkeeper.core.columns import Column
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import TableContract
from shopkeeper.govern.rules import commerce, people, text
from shopkeeper.govern.rules.model import Rule

RULES: tuple[Rule, ...] = (
    *text.TEXT_RULES,
    *text.IDENTIFIER_RULES,
    *people.PERSON_RULES,
    *people.PHONE_RULES,
    *people.EMAIL_RULES,
    *people.DATE_RULES,
    *commerce.CODE_RULES,
    *commerce.PLACE_RULES,
    *commerce.PRODUCT_RULES,
    *commerce.NUMBER_RULES,
)
"""The catalogue. Order matters: form first, then standard, then refusal."""


def rule(key: str) -> Rule:
    """One rule by its key.

    Parameters
    ----------
    key
        As in the corrections table.

    Returns
    -------
    Rule

    Raises
    ------
    NotFoundError
        If there is no such rule.
    """
    for candidate in RULES:
        if candidate.key == key:
            return candidate
    raise NotFoundError(
        f"there is no cleaning rule {key!r}",
        next_step="Choose one of the rules listed in docs/cleaning-rules.md",
        key=key,
    )


def rules_for(contract: TableContract, column: Column) -> tuple[Rule, ...]:
    """The rules of one column of one table, in order."""
    return tuple(x for x in RULES if x.covers(contract, column))
