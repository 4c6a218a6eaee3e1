"""Models that people asked for: kept definitions, training, honest reports, scores."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from shopkeeper.apps.flows.learn_settle import CHAMPION, promote
from shopkeeper.apps.flows.propensity_kept import mark, refusal, stored_specs
from shopkeeper.apps.flows.propensity_rows import Past, current_rows, past_rows
from shopkeeper.apps.flows.propensity_spec import PropensitySpec
from shopkeeper.apps.flows.propensity_time import KEYS, library_of, time_findings
from shopkeeper.apps.flows.propensity_words import (
    feature_templates,
    named_feature,
    sentence,
    told_by,
)
from shopkeeper.apps.flows.task import TaskReport, keep, pivot, serving, write_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import ShopkeeperError
from shopkeeper.core.ports import StoredModel
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.cards import Figure
from shopkeeper.predict.explain import explained
from shopkeeper.predict.propensity.model import PropensityModel
from shopkeeper.predict.propensity.reasons import reasons_of
from shopkeeper.predict.propensity.rows import TrainingRows, require_room
from shopkeeper.predict.propensity.table import plan_layout
from shopkeeper.predict.propensity.train import Protocol, train_propensity, tuned
from shopkeeper.predict.templates import tell

__all__ = ["Trained", "perform", "plan_propensity", "predict_propensities", "train_spec"]

EXAMPLES = 3
BAND_LIFT = 2.0
"""A chance so many times the base rate is high; the inverse is low."""

tell(feature_templates())


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of one training.

    Parameters
    ----------
    spec
        What was asked.
    version
        Version of the kept model.
    card
        Card with the report.
    scored
        Customers scored.
    seconds
        Wall time.
    """

    spec: PropensitySpec
    version: str
    card: Mapping[str, Any]
    scored: int
    seconds: float


def plan_propensity(runtime: Runtime, spec: PropensitySpec, as_of: datetime) -> dict[str, Any]:
    """What would be trained: windows with customers and positives; trains nothing.

    Parameters
    ----------
    runtime
        The open shop.
    spec
        What is asked.
    as_of
        Now.

    Returns
    -------
    dict
        ``windows``, ``customers``, ``features``, ``sentence``.

    Raises
    ------
    ShopkeeperError
        Why it cannot be trained.
    """
    few = ["first_seen_days"]
    past = past_rows(runtime, spec, as_of, names=few)
    now = current_rows(runtime, spec, as_of, names=few)
    library = library_of(spec)
    zh, en = sentence(spec)
    return {
        "name": spec.name, "sentence": {"zh": zh, "en": en}, "as_of": as_of,
        "windows": past.counts(), "customers": now.num_rows, "features": len(library),
        # measured: half a minute of learning for 10,000 rows of 190 features
        "estimate_seconds": round(10 + 2e-5 * past.rows.num_rows * len(library), 0),
    }  # fmt: skip


def train_spec(
    runtime: Runtime, spec: PropensitySpec, as_of: datetime, *, allowed: Sequence[str] = ()
) -> Trained:
    """Train what was asked, keep it, score its audience.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    spec
        What is asked.
    as_of
        Now; nothing at or after it is seen.
    allowed
        Features vouched for, beside those of the definition.

    Returns
    -------
    Trained

    Raises
    ------
    NotEnoughDataError
        With what is missing.
    LeakageError
        Naming the guilty feature.
    """
    started = time.perf_counter()
    seed = runtime.settings.predict.seed
    library = library_of(spec)
    names = library if spec.exclude else None
    past = past_rows(runtime, spec, as_of, names=names)
    require_room(past.rows.num_rows, past.rows.num_columns, runtime.settings.store.memory_mb)
    data, protocol = training_rows(past, spec)
    settings = None
    if spec.trials:
        settings = tuned(data, protocol, trials=spec.trials, seconds=spec.seconds, seed=seed)
    run = train_propensity(
        data, name=spec.name, as_of_us=to_us(as_of), horizon_days=spec.horizon_days,
        protocol=protocol, settings=settings, allowed=(*spec.allow, *allowed), seed=seed,
        limit_mb=runtime.settings.store.memory_mb,
        known={
            "more": time_findings(runtime, past, data, seed),
            "checked": ("changes_without_future", "shifted"),
        },
    )  # fmt: skip
    now = current_rows(runtime, spec, as_of, names=names)
    zh, en = sentence(spec)
    card = run.card_json()
    single, verdict = card["report"]["single_column"], card["report"]["verdict"]
    card["report"] |= {
        "verdict": {
            "zh": named_feature(verdict["zh"], single)[0],
            "en": named_feature(verdict["en"], single)[1],
        },
        "windows": [_plain_window(x) for x in past.counts()],
        "examples": _examples(run.model, now),
        "sentence": {"zh": zh, "en": en},
        "scored": now.num_rows,
        "seconds": round(time.perf_counter() - started, 1),
    }
    card["spec"] = spec.model_dump(mode="json")
    kept = keep(runtime, spec.task, run.card.name, run.model.save, card)
    kept, model = _serving(runtime, kept, run.model, spec, as_of)
    rows = score_rows(model, now, spec, as_of, run.card.name, kept.version)
    write_scores(runtime.tables, rows, (spec.score_kind,), as_of)
    return Trained(spec, kept.version, card, rows.num_rows, time.perf_counter() - started)


def _serving(
    runtime: Runtime, kept: StoredModel, model: PropensityModel, spec: PropensitySpec, as_of: datetime
) -> tuple[StoredModel, PropensityModel]:  # fmt: skip
    """The champion; one that answers another question than the one asked now gives way."""
    champion = runtime.models.get(spec.task, CHAMPION)
    asked = spec.model_dump(mode="json")
    old = champion.card.get("spec") or {}
    same = all(old.get(part) == asked[part] for part in ("target", "horizon_days", "audience"))
    if champion.version != kept.version and not same:
        said = (
            "模型的问题已改变，旧模型回答的是另一个问题",
            "What is asked has changed; the earlier model answers another question",
        )
        promote(runtime, kept, as_of, said, {"why": "asked anew"}, act="renewed")
    return serving(runtime, kept, model, PropensityModel.load)


def training_rows(past: Past, spec: PropensitySpec) -> tuple[TrainingRows, Protocol]:
    """Rows as the learners take them, and which are the test.

    Parameters
    ----------
    past
        Features and outcomes.
    spec
        Whose exclusions count.

    Returns
    -------
    tuple of TrainingRows and Protocol
    """
    table = past.rows
    out = [x for x in spec.exclude if x in table.column_names]
    layout = plan_layout(table, exclude=(*KEYS, *out))
    moments = table["as_of"].cast(pa.int64()).to_numpy().astype(np.int64)
    group = np.asarray(table["customer_id"].to_pylist(), dtype=str)
    data = TrainingRows(layout.read(table), past.outcome, group)
    test = next(x for x in past.windows if x.role == "test")
    if len(past.windows) == 1:
        return data, Protocol(
            moments=moments,
            zh=f"历史较短：以 {test.at:%Y-%m-%d} 为时点，按客户五折交叉检验",
            en=f"short history: one moment, {test.at:%Y-%m-%d}; five folds of customers",
        )
    protocol = Protocol(
        test=moments == to_us(test.at), moments=moments,
        horizon_us=spec.horizon_days * 86_400_000_000,
        zh=f"用 {test.at:%Y-%m-%d} 之前已知结果的时点训练，在其后 {spec.horizon_days} 天上检验；"
        "随后用全部时点重新训练",
        en=f"learned from moments whose outcome was known by {test.at:%Y-%m-%d}, measured on the "
        f"{spec.horizon_days} days after it; then learned again from all moments",
    )  # fmt: skip
    return data, protocol


def score_rows(
    model: PropensityModel, now: pa.Table, spec: PropensitySpec, as_of: datetime, name: str,
    version: str,
) -> pa.Table:  # fmt: skip
    """Score the audience.

    Parameters
    ----------
    model
        Fitted.
    now
        Features of the audience.
    spec
        Whose kind and horizon are written.
    as_of
        Now.
    name, version
        Of the model.

    Returns
    -------
    pa.Table
        SCORES rows with reasons; the band is against the base rate.
    """
    sheet = model.layout.read(now)
    chance = model.predict(sheet)
    base = model.learned.base_rate
    band = np.where(chance >= BAND_LIFT * base, "high", "middle")
    band = np.where(chance <= base / BAND_LIFT, "low", band)
    size = now.num_rows
    return SCORES.cast(
        pa.table(
            {
                "customer_id": now["customer_id"],
                "as_of": pa.array([as_of.astimezone(UTC)] * size, pa.timestamp("us", tz="UTC")),
                "kind": pa.array([spec.score_kind] * size, pa.string()),
                "model": pa.array([name] * size, pa.string()),
                "model_version": pa.array([version] * size, pa.string()),
                "horizon_days": pa.array([spec.horizon_days] * size, pa.int32()),
                "value": pa.array(chance),
                "unit": pa.array(["probability"] * size, pa.string()),
                "band": pa.array(band.tolist(), pa.string()),
                "reasons": reasons_of(model, sheet, told_by=told_by(model.importances())),
            }
        ),
        fill=True,
    )


def _examples(model: PropensityModel, now: pa.Table) -> list[dict[str, Any]]:
    """The likeliest, a middling and an unlikely customer, with parts that add up."""
    if now.num_rows == 0:
        return []
    sheet = model.layout.read(now)
    chance = model.predict(sheet)
    order = np.argsort(-chance, kind="stable")
    at = np.unique(order[[0, len(order) // 2, len(order) - 1]][:EXAMPLES])
    parts = model.contributions(sheet.take(at))
    stored = reasons_of(model, sheet.take(at), 5, told_by(model.importances())).to_pylist()
    ids = now["customer_id"].take(pa.array(at)).to_pylist()
    examples = []
    for row, customer in enumerate(ids):
        reasons = explained(stored[row])
        told = sum(float(x["weight"]) for x in reasons)
        examples.append(
            {
                "customer_id": customer, "probability": float(chance[at[row]]),
                "base": parts.base,
                "reasons": [
                    {"zh": x["zh"], "en": x["en"], "weight": x["weight"], "code": x["code"]}
                    for x in reasons
                ],
                "others": float(parts.parts[row].sum()) - told,
                "calibration": float(parts.calibration[row]),
            }
        )  # fmt: skip
    return sorted(examples, key=lambda x: -x["probability"])


def predict_propensities(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Train again every model that people asked for; one that cannot be does not stop the others.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        Now.
    """
    figures: dict[str, Mapping[str, float]] = {}
    refused, rows, version = [], 0, ""
    specs = stored_specs(runtime.state)
    for spec in specs:
        try:
            done = perform(runtime, spec, as_of)
        except ShopkeeperError as error:
            refused.append(f"{spec.name}: {error}")
            continue
        rows, version = rows + done.scored, done.version
        table = pivot(tuple(_figures(done.card)))
        figures |= {f"{spec.name}: {method}": row for method, row in table.items()}
    model = ", ".join(x.name for x in specs)
    return TaskReport(model, version, rows, figures, "; ".join(refused))


def perform(runtime: Runtime, spec: PropensitySpec, as_of: datetime) -> Trained:
    """Train a kept definition and remember how it went.

    Parameters
    ----------
    runtime
        The open shop.
    spec
        Kept before.
    as_of
        Now.

    Returns
    -------
    Trained

    Raises
    ------
    ShopkeeperError
        Why it could not be trained; kept with the definition too.
    """
    mark(runtime.state, spec.name, status="running", refused=None)
    try:
        done = train_spec(runtime, spec, as_of)
    except ShopkeeperError as error:
        mark(runtime.state, spec.name, status="refused", refused=refusal(error))
        raise
    except BaseException:
        mark(runtime.state, spec.name, status="failed")
        raise
    mark(
        runtime.state, spec.name, status="done", version=done.version,
        trained_at=runtime.clock.now(),
    )  # fmt: skip
    return done


def _figures(card: Mapping[str, Any]) -> list[Any]:
    return [Figure(**{**x, "value": float("nan") if x["value"] is None else x["value"]})
            for x in card["figures"]]  # fmt: skip


def _plain_window(window: Mapping[str, Any]) -> dict[str, Any]:
    return {**window, "at": window["at"].isoformat(), "until": window["until"].isoformat()}
