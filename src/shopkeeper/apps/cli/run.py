"""``shopkeeper run``: a whole flow."""

from __future__ import annotations

from typing import Annotated

import typer

from shopkeeper.apps.cli.context import (
    AsOfFlag,
    ConfigFlag,
    JsonFlag,
    ShopFlag,
    opened,
    out,
    print_json,
    step_progress,
)
from shopkeeper.apps.cli.stages import moment_of
from shopkeeper.apps.flows.nightly import NIGHTLY, run_nightly
from shopkeeper.core.clock import zone
from shopkeeper.core.errors import NotFoundError


def run(
    flow: Annotated[str, typer.Argument(help="Which flow: nightly.")],
    as_of: AsOfFlag = None,
    shop: ShopFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a flow for a moment; running it again for the same data does nothing twice."""
    if flow != NIGHTLY:
        raise NotFoundError(f"there is no flow {flow!r}", next_step=f"Use: {NIGHTLY}", flow=flow)
    with opened(shop, config) as runtime, step_progress(quiet=as_json) as progress:
        report = run_nightly(runtime, as_of=moment_of(runtime, as_of), progress=progress)
        day = report.as_of.astimezone(zone(runtime.settings.shop.time_zone))
    if as_json:
        print_json(report.to_dict())
        return
    said = "already done" if report.repeated else "done"
    out.print(f"{flow} as of {day:%Y-%m-%d}: {said} ({report.run_id})", highlight=False)
    for step, seconds in report.seconds.items():
        out.print(f"  {step:<10}{seconds:8.1f} s", highlight=False)
