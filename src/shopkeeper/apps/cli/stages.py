"""One verb a stage, for those who run the loop by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rich.table import Table

from shopkeeper.apps.cli.context import (
    AsOfFlag,
    ConfigFlag,
    JsonFlag,
    ShopFlag,
    opened,
    out,
    print_json,
)
from shopkeeper.apps.flows.nightly import default_as_of
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import parse_as_of

Work = Callable[[Runtime, datetime], Mapping[str, Any]]


def moment_of(runtime: Runtime, as_of: str | None) -> datetime:
    """The moment asked for, or the start of the day after the last order."""
    zone = runtime.settings.shop.time_zone
    return parse_as_of(as_of, zone) if as_of else default_as_of(runtime.tables, zone)


def show(title: str, report: Mapping[str, Any]) -> None:
    """A report as a table of its figures; nested ones are indented."""
    table = Table("", "", title=title, show_header=False)
    for key, value in _flat(report):
        table.add_row(key, value)
    out.print(table)


def _flat(report: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in report.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name} · ")
        elif isinstance(value, int) and not isinstance(value, bool):
            rows.append((name, f"{value:,}"))
        elif isinstance(value, float):
            rows.append((name, f"{value:,.4g}"))
        elif isinstance(value, list | tuple):
            rows.append((name, f"{len(value)} entries"))
        elif value not in (None, ""):
            rows.append((name, str(value)))
    return rows


def _run(verb: str, work: Work, shop: Any, config: Any, as_of: str | None, as_json: bool) -> None:
    with opened(shop, config) as runtime:
        report = work(runtime, moment_of(runtime, as_of))
    if as_json:
        print_json(report)
    else:
        show(verb, report)


def _run_id(verb: str, moment: datetime) -> str:
    return f"{verb}-{moment:%Y%m%dT%H%M%S}"


def govern(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Score the quality indicators of the loaded data."""
    from shopkeeper.apps.flows.govern import run_govern

    def work(runtime: Runtime, moment: datetime) -> Mapping[str, Any]:
        report = run_govern(runtime, as_of=moment, run_id=_run_id("govern", moment))
        return report.to_dict()

    _run("govern", work, shop, config, as_of, as_json)


def unify(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Resolve every row to a customer and write the resolved tables."""
    from shopkeeper.apps.flows.unify import run_unify

    def work(runtime: Runtime, moment: datetime) -> Mapping[str, Any]:
        return run_unify(runtime, as_of=moment, run_id=_run_id("unify", moment)).to_dict()

    _run("unify", work, shop, config, as_of, as_json)


def features(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Compute every feature of every customer."""
    from shopkeeper.apps.flows.features import run_features

    def work(runtime: Runtime, moment: datetime) -> Mapping[str, Any]:
        return run_features(runtime, as_of=moment, run_id=_run_id("features", moment)).to_dict()

    _run("features", work, shop, config, as_of, as_json)


def predict(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Train churn, value and recommendation; print each beside its baselines."""
    from shopkeeper.apps.flows.predict import run_predict

    def work(runtime: Runtime, moment: datetime) -> Mapping[str, Any]:
        return run_predict(runtime, as_of=moment).to_dict()

    _run("predict", work, shop, config, as_of, as_json)


def segment(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Divide customers into RFM-8, tiers, life-cycle stages and named clusters."""
    from shopkeeper.apps.flows.segment import run_segment

    def work(runtime: Runtime, moment: datetime) -> Mapping[str, Any]:
        return run_segment(runtime, as_of=moment, run_id=_run_id("segment", moment)).to_dict()

    _run("segment", work, shop, config, as_of, as_json)


def decide(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Make a draft plan and explain it; nothing is sent."""
    from shopkeeper.apps.flows.decide import run_decide

    with opened(shop, config) as runtime:
        report = run_decide(runtime, as_of=moment_of(runtime, as_of))
    if as_json:
        print_json(report.to_dict())
        return
    out.print(report.words["en"], highlight=False)
    out.print(report.words["zh"], highlight=False)
    out.print(f"Next: shopkeeper plan approve {report.plan_id}", highlight=False)


def deliver(shop: ShopFlag = None, config: ConfigFlag = None, as_json: JsonFlag = False) -> None:
    """Send what is due now; the worker of `shopkeeper up` does the same by itself."""
    from shopkeeper.apps.flows.deliver import run_deliver

    with opened(shop, config) as runtime:
        report = run_deliver(runtime).to_dict()
    if as_json:
        print_json(report)
    else:
        show("deliver", report)


def measure(
    shop: ShopFlag = None, config: ConfigFlag = None, as_of: AsOfFlag = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Compute the daily indicators and the effects of plans."""
    from shopkeeper.apps.flows.measure import run_measure

    def work(runtime: Runtime, moment: datetime) -> Mapping[str, Any]:
        return run_measure(runtime, as_of=moment, run_id=_run_id("measure", moment)).to_dict()

    _run("measure", work, shop, config, as_of, as_json)
