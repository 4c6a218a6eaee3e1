"""Settings from ``shopkeeper.toml``, environment and flags; unknown keys are refused.

Later wins: defaults, file, environment (``SHOPKEEPER_SECTION__KEY``), flags.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shopkeeper.core.clock import zone
from shopkeeper.core.errors import InputError, SettingsError
from shopkeeper.core.money import currency_code

ENV_PREFIX = "SHOPKEEPER_"
ENV_OUTSIDE = frozenset({"SHOPKEEPER_DATA", "SHOPKEEPER_SCREENSHOTS", "SHOPKEEPER_CONFIG"})
FILE_NAME = "shopkeeper.toml"
T = TypeVar("T")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shop(_Section):
    """The shop itself."""

    name: str = Field(default="My shop", description="Name shown in the console")
    currency: str = Field(default="CNY", description="Currency all amounts are kept in (ISO 4217)")
    time_zone: str = Field(
        default="Asia/Shanghai", description="Zone in which a day begins and ends"
    )
    country: str = Field(default="CN", description="Country for phone numbers without a prefix")
    simulated: bool = Field(default=False, description="Label everything as simulated")

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        return _or_value_error(currency_code, value)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        _or_value_error(zone, value)
        return value


class Store(_Section):
    """Where data is kept."""

    folder: Path = Field(
        default=Path("shop"), description="Folder of lake, state, models and outbox"
    )
    engine: Literal["duckdb", "spark"] = Field(
        default="duckdb", description="What computes expressions"
    )
    spark_master: str = Field(
        default="local[*]", description="Cluster that computes when engine is spark"
    )
    memory_mb: int = Field(default=4096, ge=256, description="Memory the engine may use")
    threads: int = Field(default=0, ge=0, description="Threads of the engine; 0 means all cores")


class Decide(_Section):
    """Money and manners of the plan."""

    budget: float = Field(
        default=5000.0, ge=0, description="Budget of one plan in whole currency units"
    )
    holdout: float = Field(
        default=0.1, ge=0, lt=1, description="Share of customers never contacted"
    )
    explore: float = Field(
        default=0.05, ge=0, lt=1, description="Share of contacts chosen at random"
    )
    cap_days: int = Field(
        default=7, ge=1, description="Rolling window of the frequency cap in days"
    )
    cap_contacts: int = Field(default=2, ge=0, description="Contacts per customer in that window")
    quiet_from: int = Field(
        default=21, ge=0, le=23, description="Quiet hours start (customer's hour)"
    )
    quiet_to: int = Field(default=9, ge=0, le=23, description="Quiet hours end (customer's hour)")
    margin: float = Field(
        default=0.3, gt=0, lt=1, description="Gross margin where products carry no cost"
    )
    default_consent: Literal["GRANT", "DENY"] = Field(
        default="DENY", description="What holds for customers who never stated a consent"
    )


class Predict(_Section):
    """Horizons and seeds of the models."""

    horizon_days: int = Field(default=60, ge=1, description="How far ahead churn and value look")
    seed: int = Field(default=7, ge=0, description="Seed of everything random")
    recommendations: int = Field(default=10, ge=1, le=100, description="Products per customer")


class Learn(_Section):
    """When models are trained again and when a new one takes over."""

    enabled: bool = Field(
        default=True, description="Whether drift and results are watched and models replaced"
    )
    every_days: int = Field(
        default=7, ge=1, description="Days after which a model is trained again anyway"
    )
    min_days_between: int = Field(
        default=2, ge=0, description="Least days between two trainings of one task"
    )
    most_per_month: int = Field(
        default=12, ge=1, description="Most trainings of one task within 30 days"
    )
    max_age_days: int = Field(
        default=90, ge=1, description="Age from which a model gives way to one that is no worse"
    )
    drift_level: float = Field(
        default=0.01, gt=0, lt=0.5, description="Share of nights without any change that may alarm"
    )
    drift_psi: float = Field(
        default=0.05, gt=0, description="Stability index above chance from which a drift counts"
    )
    degraded_share: float = Field(
        default=0.15, gt=0, lt=1, description="Share of its skill a model may lose before it counts"
    )


class Deliver(_Section):
    """Who messages come from and how one opts out."""

    from_address: str = Field(
        default="shop@example.com", description="Sender address of e-mail messages"
    )
    unsubscribe_url: str = Field(
        default="https://example.com/unsubscribe",
        description="Page that withdraws consent; the message key is appended",
    )


class Service(_Section):
    """The HTTP service."""

    host: str = Field(default="127.0.0.1", description="Address to listen on")
    port: int = Field(default=8321, ge=0, le=65535, description="Port to listen on")
    token: str = Field(
        default="", description="If set, every request, reads too, must carry it as a bearer token"
    )


class Live(_Section):
    """Events as they arrive."""

    log: Literal["sqlite", "kafka"] = Field(
        default="sqlite", description="What keeps accepted events until they are worked off"
    )
    brokers: str = Field(
        default="127.0.0.1:9092", description="Addresses of the Kafka brokers when log is kafka"
    )
    topic: str = Field(default="shopkeeper-events", description="Kafka topic")
    partitions: int = Field(
        default=4, ge=1, le=256, description="Partitions of the log; fixed once it exists"
    )
    queue_mb: int = Field(
        default=64, ge=1, description="Unconfirmed events held before clients are told to wait"
    )
    retention_days: int = Field(
        default=7, ge=1, description="Days that worked-off events stay in the log"
    )
    event_kb: int = Field(default=32, ge=1, description="Largest event")
    batch_kb: int = Field(default=500, ge=1, description="Largest request body")
    dedupe_days: int = Field(
        default=31, ge=1, description="Days in which a repeated message id is dropped"
    )
    dedupe_ids: int = Field(
        default=20_000_000, ge=1000, description="Most message ids remembered for that"
    )
    lake_seconds: float = Field(
        default=2.0, gt=0, description="Longest wait before accepted events are in the lake"
    )
    worker: bool = Field(
        default=True, description="Whether `up` works events off itself or leaves it to `worker`"
    )
    online_features: bool = Field(
        default=True,
        description="Whether features, scores and audiences of touched customers follow events",
    )
    online_seconds: float = Field(
        default=0.5, gt=0, description="Least time between two rounds of online features"
    )


class Settings(_Section):
    """Everything that can be configured."""

    shop: Shop = Shop()
    store: Store = Store()
    predict: Predict = Predict()
    learn: Learn = Learn()
    decide: Decide = Decide()
    deliver: Deliver = Deliver()
    service: Service = Service()
    live: Live = Live()


def load_settings(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """Put settings together.

    Parameters
    ----------
    file
        A TOML file; must exist. None means defaults.
    environment
        Variables such as ``SHOPKEEPER_SHOP__CURRENCY``; None means none.
    flags
        Values by dotted key such as ``store.folder``; None values are left out.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        If the file is missing or is not TOML, a key is unknown (the nearest
        known one is named) or a value has the wrong type or range.

    Examples
    --------
    >>> load_settings(environment={"SHOPKEEPER_SHOP__CURRENCY": "usd"}).shop.currency
    'USD'
    >>> load_settings(flags={"store.memory": 1})
    Traceback (most recent call last):
    ...
    shopkeeper.core.errors.SettingsError: unknown setting store.memory in flags. Next: Did you ...
    """
    merged: dict[str, dict[str, Any]] = {}
    if file is not None:
        _merge(merged, _read_toml(file), str(file))
    pairs = {
        key.removeprefix(ENV_PREFIX).lower().replace("__", "."): value
        for key, value in (environment or {}).items()
        if key.startswith(ENV_PREFIX) and key not in ENV_OUTSIDE
    }
    _merge(merged, pairs, "environment")
    _merge(merged, {k: v for k, v in (flags or {}).items() if v is not None}, "flags")
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(x) for x in first["loc"])
        raise SettingsError(
            f"setting {where}: {first['msg']} (got {first['input']!r})",
            next_step="See docs/settings.md for every key and its range",
            key=where,
        ) from error


def find_settings_file(start: Path) -> Path | None:
    """``shopkeeper.toml`` in the folder or named by ``SHOPKEEPER_CONFIG``."""
    named = os.environ.get("SHOPKEEPER_CONFIG")
    if named:
        return Path(named)
    here = start / FILE_NAME
    return here if here.exists() else None


def known_keys() -> dict[str, str]:
    """Dotted key of every setting with its description."""
    return {
        f"{section}.{key}": field.description or ""
        for section, part in Settings.model_fields.items()
        for key, field in part.annotation.model_fields.items()  # type: ignore[union-attr]
    }


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"there is no settings file {file}", next_step="Create one with: shopkeeper init"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{file} is not valid TOML: {error}", next_step="Correct that line"
        ) from error
    flat: dict[str, Any] = {}
    for section, part in content.items():
        if isinstance(part, dict):
            flat.update({f"{section}.{key}": value for key, value in part.items()})
        else:
            flat[section] = part
    return flat


def _merge(merged: dict[str, dict[str, Any]], pairs: Mapping[str, Any], origin: str) -> None:
    known = known_keys()
    for key, value in pairs.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            raise SettingsError(
                f"unknown setting {key} in {origin}",
                next_step=f"Did you mean {near[0]}?" if near else "See docs/settings.md",
                key=key,
                origin=origin,
            )
        section, name = key.split(".", 1)
        merged.setdefault(section, {})[name] = value


def _or_value_error(check: Callable[[str], T], value: str) -> T:
    try:
        return check(value)
    except InputError as error:
        raise ValueError(str(error)) from error
