"""What a person asks for when they ask for a model: a target, a horizon, an audience, exclusions."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shopkeeper.core.errors import InputError
from shopkeeper.core.ids import content_id

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
PROPERTIES = ("product_id", "category", "subcategory", "brand", "channel", "page", "store_id")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(_Part):
    """What is predicted: an event, a purchase, or a rule that becomes true."""

    kind: Literal["event", "purchase", "rule"] = Field(
        description="event: something a customer does; purchase: buys (something); rule: joins an audience"
    )
    event: str | None = Field(
        default=None, max_length=80, description="kind of event, such as add_to_cart"
    )
    where: dict[str, str] = Field(
        default_factory=dict,
        description="conditions, all of them: product_id, category, subcategory, brand, channel, page, store_id",
    )
    rule: str | None = Field(
        default=None, max_length=20_000, description="audience rule that must become true"
    )
    at_least: int = Field(
        default=1, ge=1, le=1_000, description="times it must happen in the horizon"
    )

    @model_validator(mode="after")
    def _whole(self) -> Target:
        if self.kind == "event" and not self.event:
            raise ValueError("a target of kind event needs the kind of event")
        if self.kind == "rule" and not (self.rule or "").strip():
            raise ValueError("a target of kind rule needs a rule")
        if self.kind != "event" and self.event:
            raise ValueError(f"a target of kind {self.kind} has no event")
        if self.kind != "rule" and self.rule:
            raise ValueError(f"a target of kind {self.kind} has no rule")
        unknown = sorted(set(self.where) - set(PROPERTIES))
        if unknown:
            raise ValueError(f"unknown condition {unknown[0]}; known are {', '.join(PROPERTIES)}")
        return self


class PropensitySpec(_Part):
    """One model that a person asked for.

    Its task is called ``propensity.<name>`` among the models, and its scores carry the kind
    ``propensity:<name>``.
    """

    name: str = Field(description="lower-case letters, digits, '_' and '-'; at most 40")
    title: str = Field(default="", max_length=120, description="name that people read")
    target: Target
    horizon_days: int = Field(default=30, ge=1, le=365, description="how far ahead, in days")
    audience: str = Field(
        default="", max_length=20_000, description="rule of whom; empty: everyone"
    )
    exclude: tuple[str, ...] = Field(default=(), description="features not to learn from")
    exclude_customers: tuple[str, ...] = Field(default=(), description="customers left out")
    allow: tuple[str, ...] = Field(
        default=(), description="features vouched for although they look like the answer"
    )
    trials: int = Field(default=0, ge=0, le=500, description="tuning trials; 0: none")
    seconds: float = Field(default=120.0, gt=0, le=3_600, description="most seconds of tuning")
    as_of: dt.date | None = Field(default=None, description="pretend it is this day; default: now")

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError("use lower-case letters, digits, '_' and '-', at most 40")
        return value

    @property
    def task(self) -> str:
        """Task of its models."""
        return f"propensity.{self.name}"

    @property
    def score_kind(self) -> str:
        """Kind of its scores."""
        return f"propensity:{self.name}"

    @property
    def digest(self) -> str:
        """Changes when anything but the title and the day does."""
        plain = self.model_dump_json(exclude={"title", "as_of"})
        return content_id(plain, length=32)


def spec_of(stored: Any) -> PropensitySpec:
    """Read a definition.

    Parameters
    ----------
    stored
        Plain values, as JSON or YAML give them.

    Returns
    -------
    PropensitySpec

    Raises
    ------
    InputError
        Names the field that cannot be used.

    Examples
    --------
    >>> spec_of({"name": "cart", "target": {"kind": "event", "event": "add_to_cart"}}).task
    'propensity.cart'
    """
    try:
        return PropensitySpec.model_validate(stored)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"]) or "the definition"
        raise InputError(
            f"{where}: {first['msg'].removeprefix('Value error, ')}",
            next_step="see docs/predict-propensity.md for every field",
            field=where,
        ) from error


def read_spec(file: Path) -> PropensitySpec:
    """Read a definition from a YAML or JSON file.

    Parameters
    ----------
    file
        The file.

    Returns
    -------
    PropensitySpec

    Raises
    ------
    InputError
        When the file cannot be read or does not hold a definition.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"{file} cannot be read as YAML or JSON ({type(error).__name__})",
            next_step="see docs/predict-propensity.md for an example",
            path=str(file),
        ) from error
    return spec_of(content)
