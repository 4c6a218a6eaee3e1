"""What a cleaning rule is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.columns import Column
from shopkeeper.core.settings import Settings
from shopkeeper.core.tables import ARROW_TYPES, TableContract

COLUMN_KINDS: Mapping[str, tuple[str, str]] = {
    "text": ("文本", "Text"),
    "identifier": ("编号", "Identifier"),
    "person": ("姓名与个人属性", "Person"),
    "phone": ("电话", "Phone"),
    "email": ("邮箱", "E-mail"),
    "date": ("日期", "Date"),
    "place": ("地点与时区", "Place and time zone"),
    "code": ("代码与词表", "Codes and vocabularies"),
    "product": ("商品", "Product"),
    "number": ("数值与金额", "Numbers and money"),
}
"""Kinds of column the rules are grouped by, with their names in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know besides the value.

    Parameters
    ----------
    country
        ISO 3166 code for phone numbers without a prefix.
    today
        Day of the run; dates of birth after it cannot be.
    """

    country: str
    today: dt.date

    @classmethod
    def of(cls, settings: Settings, today: dt.date) -> Context:
        """From the shop's settings."""
        return cls(settings.shop.country, today)


@dataclass(frozen=True, slots=True)
class Example:
    """A value before and after a rule.

    Parameters
    ----------
    before, after
        As text; None is an empty value, ``after=None`` a refused one.
    given
        Values of other columns of the same row that the rule looks at.
    """

    before: str | None
    after: str | None
    given: Mapping[str, str] = field(default_factory=dict)


Others = Mapping[str, pa.Array]
Apply = Callable[[pa.Array, Context, Others], pa.Array]


@dataclass(frozen=True, slots=True)
class Rule:
    """One named cleaning rule.

    Parameters
    ----------
    key
        Name in the corrections table; never reused.
    kind
        One of :data:`COLUMN_KINDS`.
    columns
        Columns it applies to, in every table that has them.
    zh, en
        Name.
    about_zh, about_en
        What it does, in a sentence.
    examples
        At least two.
    apply
        Array to array of equal length. Columns kept as text, ``gender`` and
        dates arrive as text, numbers as their own type.
    pattern
        Only values matching this regular expression are shown to the rule.
    standard
        Values matching this regular expression are in order already and skipped.
    needs
        Other columns of the row it looks at; such a rule sees every row
        instead of the distinct values, and is skipped if a column is absent.
    tables
        Tables it is limited to; empty means all.
    """

    key: str
    kind: str
    columns: tuple[Column, ...]
    zh: str
    en: str
    about_zh: str
    about_en: str
    examples: tuple[Example, ...]
    apply: Apply
    pattern: str = ""
    standard: str = ""
    needs: tuple[Column, ...] = ()
    tables: tuple[str, ...] = ()

    def covers(self, contract: TableContract, column: Column) -> bool:
        """Whether the rule applies to a column of a table."""
        return column in self.columns and (not self.tables or contract.name in self.tables)

    def try_value(
        self, before: str | None, given: Mapping[str, str], context: Context
    ) -> str | None:
        """The rule on one value, as the catalogue shows it.

        Parameters
        ----------
        before
            As text.
        given
            Values of the columns in ``needs``, as text.
        context
            Country and day.

        Returns
        -------
        str or None
        """
        column = self.columns[0]
        values = pa.array([before], pa.string()).cast(working_type(column))
        others = {
            str(x): pa.array([given.get(str(x))], pa.string()).cast(working_type(x))
            for x in self.needs
        }
        after = run_rule(self, values, context, others)
        result: str | None = after.cast(pa.string())[0].as_py()
        return result


def working_type(column: Column) -> pa.DataType:
    """Type in which the rules see a column: text, except numbers."""
    if column.kind in {"string", "date"} or column == "gender":
        return pa.string()
    return ARROW_TYPES[column.kind]


def run_rule(rule: Rule, values: pa.Array, context: Context, others: Others) -> pa.Array:
    """Apply a rule, showing it only the values its pattern matches."""
    pattern = rule.pattern or rule.standard
    if not pattern:
        return rule.apply(values, context, others)
    mask = pc.fill_null(pc.match_substring_regex(values, pattern), fill_value=False)
    if not rule.pattern:
        mask = pc.and_(pc.invert(mask), pc.is_valid(values))
    if not pc.any(mask).as_py():
        return values
    return pc.replace_with_mask(values, mask, rule.apply(values.filter(mask), context, others))
