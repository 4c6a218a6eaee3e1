"""The catalogue of cleaning rules and what applies it."""

from __future__ import annotations

from shopkeeper.govern.rules.apply import clean, restore
from shopkeeper.govern.rules.catalogue import RULES, rule, rules_for
from shopkeeper.govern.rules.model import COLUMN_KINDS, Context, Example, Rule

__all__ = [
    "COLUMN_KINDS",
    "RULES",
    "Context",
    "Example",
    "Rule",
    "clean",
    "restore",
    "rule",
    "rules_for",
]
