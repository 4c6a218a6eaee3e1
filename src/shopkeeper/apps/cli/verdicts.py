"""Judge again which events a person caused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from shopkeeper.apps.cli.context import AsOfFlag, ConfigFlag, JsonFlag, ShopFlag, opened, print_json
from shopkeeper.apps.cli.stages import show
from shopkeeper.apps.flows.verdicts import WINDOW_DAYS, run_verdicts
from shopkeeper.core.clock import parse_as_of

DaysFlag = Annotated[int, typer.Option("--days", min=1, help="Days before the moment to judge")]


def verdicts(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    days: DaysFlag = WINDOW_DAYS, as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Judge the events of the last days again, now that more is known; safe to run every hour."""
    with opened(shop, config) as runtime:
        zone = runtime.settings.shop.time_zone
        moment: datetime = parse_as_of(as_of, zone) if as_of else runtime.clock.now()
        report: Mapping[str, Any] = run_verdicts(runtime, as_of=moment, days=days).to_dict()
    if as_json:
        print_json(report)
    else:
        show("verdicts", report)
