"""A model that a person asked for as the API shows it: how it stands, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select

from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.queries.reading import day_of, utc
from shopkeeper.apps.service.schemas.common import Text
from shopkeeper.apps.service.schemas.predict import CalibrationPoint, Importance
from shopkeeper.apps.service.schemas.propensity import (
    GainsRow,
    LeakFinding,
    Propensity,
    PropensityChoice,
    PropensityDetail,
    PropensityExample,
    PropensityFigure,
    PropensityReason,
    PropensityReport,
    PropensityRequest,
    PropensitySlice,
)
from shopkeeper.core import state
from shopkeeper.core.clock import from_us
from shopkeeper.core.errors import NotFoundError
from shopkeeper.features.library_index import all_features

METHODS: Mapping[str, Text] = {
    "shopkeeper": Text(zh="本模型", en="This model"),
    "base rate": Text(zh="总体比例", en="Base rate"),
    "best single column": Text(zh="最好的单列规则", en="Best single column"),
    "logistic": Text(zh="逻辑回归", en="Logistic line"),
    "boosted": Text(zh="提升树", en="Boosted trees"),
}
LOWER_IS_BETTER = ("brier", "ece")
Card = Mapping[str, Any]


def summary_of(shop: OpenShop, row: Row[Any]) -> Propensity:
    """How one model stands.

    Parameters
    ----------
    shop
        The open shop.
    row
        Of the state table.

    Returns
    -------
    Propensity
    """
    return Propensity(**_common(shop, row, _card(shop, row)))


def detail_of(shop: OpenShop, row: Row[Any]) -> PropensityDetail:
    """One model with its report.

    Parameters
    ----------
    shop
        The open shop.
    row
        Of the state table.

    Returns
    -------
    PropensityDetail
    """
    card = _card(shop, row)
    return PropensityDetail(**_common(shop, row, card), report=_report(card) if card else None)


def _card(shop: OpenShop, row: Row[Any]) -> Card | None:
    if not row.version:
        return None
    try:
        return shop.models.get(f"propensity.{row.name}", row.version).card
    except NotFoundError:
        return None


def _common(shop: OpenShop, row: Row[Any], card: Card | None) -> dict[str, Any]:
    from shopkeeper.apps.flows.propensity_spec import spec_of
    from shopkeeper.apps.flows.propensity_words import sentence

    spec = spec_of(row.definition)
    zh, en = sentence(spec)
    refused: Mapping[str, str] = row.refused or {}
    figures = _by_method(card) if card else {}
    others = {k: v for k, v in figures.items() if k in ("base rate", "best single column")}
    best = max(others, key=lambda k: others[k], default=None)
    as_of = day_of(shop, from_us(card["as_of_us"])) if card else None
    return {
        "name": row.name,
        "title": Text(zh=spec.title or spec.name, en=spec.title or spec.name),
        "sentence": Text(zh=zh, en=en),
        "request": PropensityRequest.model_validate(
            spec.model_dump(mode="json", exclude={"as_of"})
        ),
        "status": row.status,
        "refused": Text(zh=refused["zh"], en=refused["en"]) if refused else None,
        "next_step": Text(zh=refused["next_zh"], en=refused["next_en"]) if refused else None,
        "version": row.version,
        "task": spec.task,
        "score_kind": spec.score_kind,
        "trained_at": utc(row.trained_at),
        "as_of": as_of,
        "scored": (card or {}).get("report", {}).get("scored"),
        "run_id": _run_id(shop, row),
        "auc": figures.get("shopkeeper"),
        "baseline": METHODS[best] if best else None,
        "baseline_auc": others[best] if best else None,
    }


def _run_id(shop: OpenShop, row: Row[Any]) -> str | None:
    """The run working on it, while it does."""
    if row.status not in ("waiting", "running"):
        return None
    table = state.runs
    query = (
        select(table.c.run_id)
        .where(table.c.flow == "propensity", table.c.status == "running")
        .order_by(table.c.started_at.desc())
    )
    with shop.state.connect() as connection:
        found = connection.execute(query).scalars().first()
    return found or shop.background.run_id


def _by_method(card: Card) -> dict[str, float]:
    return {
        x["method"]: x["value"]
        for x in card["figures"]
        if x["metric"] == "auc" and not x["slice"] and x["value"] is not None
    }


def _report(card: Card) -> PropensityReport:
    report = card["report"]
    names = {x.name: Text(zh=x.zh, en=x.en) for x in all_features()}
    return PropensityReport(
        verdict=Text(**report["verdict"]),
        useful=report["useful"],
        protocol=Text(zh=card["protocol_zh"], en=card["protocol"]),
        train_rows=report["train_rows"],
        test_rows=report["test_rows"],
        positives=report["positives"],
        base_rate=report["base_rate"],
        figures=[
            PropensityFigure(
                method=x["method"], label=METHODS[x["method"]], ours=x["method"] == "shopkeeper",
                metric=x["metric"], value=x["value"], low=x["low"], high=x["high"],
                customers=x["n"], higher_is_better=x["metric"] not in LOWER_IS_BETTER,
            )
            for x in card["figures"] if not x["slice"]
        ],
        calibration=[
            CalibrationPoint(predicted=x["predicted"], observed=x["observed"], customers=x["n"])
            for x in card["calibration"]
        ],
        gains=[GainsRow(**x) for x in report["gains"]],
        slices=[_slice(x, names) for x in report["slices"]],
        importances=[
            Importance(feature=k, label=names.get(k, Text(zh=k, en=k)), share=v)
            for k, v in list(card["importances"].items())[:30]
        ],
        findings=[_finding(x) for x in report["leakage"]["findings"]],
        dropped=_dropped(report["dropped"], names),
        examples=[_example(x) for x in report.get("examples", [])],
        notes=[Text(**x) for x in report["notes"]],
        seconds=report.get("seconds", 0.0),
    )  # fmt: skip


def _slice(part: Mapping[str, Any], names: Mapping[str, Text]) -> PropensitySlice:
    label = names.get(part["column"], Text(zh=part["column"], en=part["column"]))
    told = part["part"]
    told_zh = "为空" if told == "is missing" else told
    return PropensitySlice(
        label=Text(zh=f"{label.zh} {told_zh}", en=f"{label.en} {told}"),
        customers=part["customers"], positives=part["positives"], rate=part["rate"],
        predicted=part["predicted"], auc=part["auc"],
    )  # fmt: skip


def _finding(found: Mapping[str, Any]) -> LeakFinding:
    return LeakFinding(
        kind=found["kind"],
        column=found["column"] or None,
        severity=found["severity"],
        text=Text(zh=found["zh"], en=found["en"]),
        next_step=Text(zh=found["next_zh"], en=found["next_en"]),
    )


def _dropped(dropped: Mapping[str, str], names: Mapping[str, Text]) -> list[PropensityChoice]:
    from shopkeeper.predict.propensity.table import WHY_DROPPED

    found = []
    for column, why in dropped.items():
        if column in ("customer_id", "as_of"):
            continue
        label, (zh, en) = names.get(column, Text(zh=column, en=column)), WHY_DROPPED[why]
        text = Text(zh=f"{label.zh}：{zh}", en=f"{label.en}: {en}")
        found.append(PropensityChoice(value=column, label=text))
    return found


def _example(example: Mapping[str, Any]) -> PropensityExample:
    return PropensityExample(
        customer_id=example["customer_id"],
        probability=example["probability"],
        base=example["base"],
        reasons=[
            PropensityReason(text=Text(zh=x["zh"], en=x["en"]), weight=x["weight"])
            for x in example["reasons"]
        ],
        others=example["others"],
        calibration=example["calibration"],
    )
