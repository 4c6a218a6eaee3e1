"""Health, readiness, metrics, settings."""

from __future__ import annotations

from pydantic import BaseModel
from sqlalchemy import text

import shopkeeper
from shopkeeper.apps.service import labels
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.freshness import metric_lines
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.system import Check, Health, Ready, Setting, Settings
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.settings import Settings as SettingsInForce
from shopkeeper.core.settings import known_keys
from shopkeeper.core.settings_zh import SETTINGS_ZH
from shopkeeper.core.tables import ALL, ORDERS

SECRET_WORDS = ("token", "secret", "password", "key")


def health() -> Health:
    """The process answers.

    Returns
    -------
    Health
    """
    return Health(status="ok", version=shopkeeper.__version__)


def ready(shop: OpenShop) -> Ready:
    """Whether the lake and the state can be read.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Ready
    """
    checks = [_lake(shop), _state(shop)]
    return Ready(ready=all(check.ok for check in checks), checks=checks)


def _lake(shop: OpenShop) -> Check:
    try:
        shop.tables.version(ORDERS)
    except (ShopkeeperError, OSError) as error:
        return Check(name="tables", ok=False, detail=str(error))
    return Check(name="tables", ok=True, detail=shop.tables.capabilities.name)


def _state(shop: OpenShop) -> Check:
    try:
        with shop.state.connect() as connection:
            connection.execute(text("select 1"))
    except Exception as error:  # noqa: BLE001 - whatever the driver raises means "not ready"
        return Check(name="state", ok=False, detail=f"{type(error).__name__}: {error}")
    return Check(name="state", ok=True, detail=shop.state.dialect.name)


def metrics(shop: OpenShop) -> str:
    """Figures of the process and the shop.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    str
        Prometheus text format.
    """
    lines = [
        "# HELP shopkeeper_info Version of the running service.",
        "# TYPE shopkeeper_info gauge",
        f'shopkeeper_info{{version="{shopkeeper.__version__}"}} 1',
        "# HELP shopkeeper_table_rows Rows by table of the lake.",
        "# TYPE shopkeeper_table_rows gauge",
    ]
    for contract in ALL.values():
        count = shop.remember(
            ("rows", contract.name),
            (contract,),
            lambda contract=contract: (  # type: ignore[misc]
                shop.tables.count(contract) if shop.tables.exists(contract) else 0
            ),
        )
        stage = labels.STAGE_OF_TABLE[contract.name]
        lines.append(f'shopkeeper_table_rows{{stage="{stage}",table="{contract.name}"}} {count}')
    lines += shop.arrivals.lines(shop.runtime.log.pressure())
    lines += metric_lines(shop)
    return "\n".join([*lines, *shop.counts.lines()]) + "\n"


def settings(shop: OpenShop) -> Settings:
    """Settings in force without secrets and without paths of the machine.

    Parameters
    ----------
    shop
        The open shop.

    Returns
    -------
    Settings
    """
    meanings = known_keys()
    items = [
        Setting(
            key=key,
            value=value,
            meaning=Text(zh=SETTINGS_ZH.get(key, meanings[key]), en=meanings[key]),
            source=None,
        )
        for key, value in _flat(shop.settings)
    ]
    return Settings(
        items=items,
        backends={
            "tables": shop.tables.capabilities.name,
            "state": shop.state.dialect.name,
            "profiles": type(shop.profiles).__name__,
            "models": type(shop.models).__name__,
        },
        version=shopkeeper.__version__,
    )


def _flat(settings_in_force: SettingsInForce) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for section in type(settings_in_force).model_fields:
        part: BaseModel = getattr(settings_in_force, section)
        for name in type(part).model_fields:
            if any(word in name for word in SECRET_WORDS):
                continue
            pairs.append((f"{section}.{name}", str(getattr(part, name))))
    return pairs
