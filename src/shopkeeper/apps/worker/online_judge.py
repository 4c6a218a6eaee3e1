"""Scores and audience membership of a few customers, by the models and rules of the batch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from shopkeeper.apps.flows.audiences import read_rule, shop_vocabulary
from shopkeeper.apps.flows.intent import COLUMNS as EVENT_COLUMNS
from shopkeeper.apps.flows.task import CHAMPION
from shopkeeper.apps.worker.online_engine import Computed
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core import state
from shopkeeper.core.clock import from_us, zone
from shopkeeper.core.errors import NotFoundError, ShopkeeperError
from shopkeeper.core.ports import Section, StoredModel
from shopkeeper.core.tables import ACTIVITY, CONTACTS, PURCHASE_LINES
from shopkeeper.features.online.section import Score
from shopkeeper.predict.churn.model import ChurnModel
from shopkeeper.predict.churn.train import score_churn
from shopkeeper.predict.intent.events import DAY_US, GAP_US, read_events
from shopkeeper.predict.intent.model import IntentModel
from shopkeeper.predict.intent.train import score_intent
from shopkeeper.predict.value.model import ValueModel
from shopkeeper.predict.value.train import score_value
from shopkeeper.segment.rules.single import Facts, evaluate_one
from shopkeeper.segment.rules.tree import Happened, Occurrence, Rule, fields_of, leaves
from shopkeeper.segment.rules.vocabulary import Field, Vocabulary

log = logging.getLogger(__name__)

Row = Mapping[str, Any]
NIGHTLY_SOURCES = frozenset({"segments", "profiles", "permits"})
"""Sources of fields that are looked up in the profile, most of them as they stood last night."""
OCCURRENCES: Mapping[Occurrence, str] = {
    "bought": PURCHASE_LINES.name, "did": ACTIVITY.name, "contacted": CONTACTS.name,
}  # fmt: skip
"""Resolved table in which each kind of occurrence is counted."""


class Scorer:
    """The champions of churn, value and intent; loaded once, again when the alias moves.

    Parameters
    ----------
    runtime
        Its models are read.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._models = runtime.models
        self._threads = ThreadpoolController()
        self._zone = zone(runtime.settings.shop.time_zone)
        self._churn: tuple[str, ChurnModel] | None = None
        self._value: tuple[str, ValueModel] | None = None
        self._intent: tuple[str, IntentModel] | None = None

    def refresh(self) -> None:
        """Load champions that changed; a task without one has no scores."""
        self._churn = _loaded(self._champion("churn"), self._churn, ChurnModel)
        self._value = _loaded(self._champion("value"), self._value, ValueModel)
        self._intent = _loaded(self._champion("intent"), self._intent, IntentModel)

    def versions(self) -> Mapping[str, str]:
        """Version in use, by task."""
        found = {"churn": self._churn, "value": self._value, "intent": self._intent}
        return {task: x[0] for task, x in found.items() if x is not None}

    def scores(
        self, purchases: pa.Table, activity: pa.Table, as_of_us: int
    ) -> dict[str, dict[str, Score]]:
        """Judgements of those who bought before a moment, or are in a session at it.

        Parameters
        ----------
        purchases, activity
            Rows of PURCHASES and ACTIVITY, of some customers.
        as_of_us
            The moment.

        Returns
        -------
        dict
            Score by kind, by customer. Of value the point forecasts alone: its ranges and
            reasons compare with everybody and belong to the batch.
        """
        found: dict[str, dict[str, Score]] = {}
        self._judge_sessions(found, activity, as_of_us)
        history = purchases.select(["customer_id", "ts_us", "day", "amount_minor"])
        if history.num_rows == 0:
            return found
        # Models count in days of the shop, which end at another hour than those of UTC: told
        # in the shop's own time, an order of this morning is of today at any hour.
        shift = from_us(as_of_us).astimezone(self._zone).utcoffset() or timedelta()
        shift_us = shift // timedelta(microseconds=1)
        moments = pc.add(history["ts_us"], shift_us)
        history = history.set_column(1, "ts_us", moments)
        as_of_us += shift_us
        # Over few rows threads cost more than they bring, and much where cores are busy.
        with self._threads.limit(limits=1):
            self._score(found, history, as_of_us)
        return found

    def _score(self, found: dict[str, dict[str, Score]], history: pa.Table, as_of_us: int) -> None:
        if self._churn is not None:
            version, churn = self._churn
            rows = score_churn(churn, history, as_of_us, model_version=version)
            _collect(found, rows, reasons=True)
        if self._value is not None:
            version, value = self._value
            rows = score_value(value, history, as_of_us, model_version=version, ranges=False)
            _collect(found, rows, reasons=False)

    def _judge_sessions(
        self, found: dict[str, dict[str, Score]], activity: pa.Table, as_of_us: int
    ) -> None:
        """What those are about to do whose latest event is less than a session's pause old."""
        if self._intent is None or activity.num_rows == 0:
            return
        version, model = self._intent
        events = read_events(activity.select(list(EVENT_COLUMNS)))
        rows = score_intent(
            model, events, as_of_us, model_version=version, recent_days=GAP_US / DAY_US
        )
        _collect(found, rows, reasons=True)

    def _champion(self, task: str) -> StoredModel | None:
        try:
            return self._models.get(task, CHAMPION)
        except NotFoundError:
            return None


def _loaded(champion: StoredModel | None, held: tuple[str, Any] | None, cls: Any) -> Any:
    if champion is None:
        return None
    if held is not None and held[0] == champion.version:
        return held
    return champion.version, cls.load(champion.folder)


def _collect(found: dict[str, dict[str, Score]], rows: pa.Table, *, reasons: bool) -> None:
    names = ["customer_id", "kind", "value", "model_version", "horizon_days", "unit", "band",
             "risk", "reasons"]  # fmt: skip
    for customer, kind, value, version, days, unit, band, risk, told in zip(
        *(rows[x].to_pylist() for x in names), strict=True
    ):
        score = Score(value, version, days or 0, unit or "", band, risk)
        if reasons and told:
            score.reasons = msgspec.Raw(told.encode())
        found.setdefault(customer, {})[kind] = score


@dataclass(frozen=True, slots=True)
class Audience:
    """A saved audience.

    Parameters
    ----------
    audience_id, version
        Which definition.
    rule
        Checked against the vocabulary.
    """

    audience_id: str
    version: str
    rule: Rule


class _Night(msgspec.Struct):
    """What of the section ``base`` rules read."""

    traits: dict[str, list[Any]] = {}
    permits: dict[str, list[Any]] = {}
    segments: dict[str, list[Any]] = {}


class _Day(msgspec.Struct):
    """What of the section ``live`` rules read."""

    permits: dict[str, list[Any]] = {}


_night, _day = msgspec.json.Decoder(_Night).decode, msgspec.json.Decoder(_Day).decode


@dataclass(frozen=True, slots=True)
class Known:
    """What rules read of a customer besides features and scores.

    Parameters
    ----------
    traits, segments
        As the night left them: the value, or the label, stands first.
    permits
        The latest statement by ``purpose/channel``, the status first.
    """

    traits: Mapping[str, Sequence[Any]]
    segments: Mapping[str, Sequence[Any]]
    permits: Mapping[str, Sequence[Any]]

    @classmethod
    def read(cls, sections: Mapping[Section, bytes]) -> Known:
        """From the stored sections of a profile."""
        night = _night(sections["base"]) if "base" in sections else _Night()
        permits = dict(night.permits)
        if "live" in sections:
            for key, stated in _day(sections["live"]).permits.items():
                before = permits.get(key)
                if before is None or (before[1] or 0) <= stated[1]:
                    permits[key] = stated
        return cls(night.traits, night.segments, permits)

    def value(self, field: Field) -> Any:
        """Value of a field of the vocabulary; None where it is empty."""
        if field.source == "permits":
            found = self.permits.get(f"marketing/{field.column}")
        elif field.source == "segments":
            found = self.segments.get(field.column)
        else:
            found = self.traits.get(field.column)
        value = None if found is None else found[0]
        if field.type == "date" and isinstance(value, str):
            return date.fromisoformat(value[:10])
        return value


NOBODY = Known({}, {}, {})


class Audiences:
    """The saved audiences, evaluated one customer at a time.

    Parameters
    ----------
    runtime
        Definitions and vocabulary.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._key: object = None
        self.vocabulary: Vocabulary = shop_vocabulary(runtime)
        self.saved: tuple[Audience, ...] = ()
        self._fields: tuple[Field, ...] = ()
        self._occurrences: tuple[Occurrence, ...] = ()

    def refresh(self) -> None:
        """Read the definitions again if any changed."""
        table = state.audiences
        with self._runtime.state.connect() as connection:
            rows = connection.execute(
                select(table.c.audience_id, table.c.rule, table.c.version).order_by(
                    table.c.audience_id
                )
            ).all()
        key = tuple(tuple(x) for x in rows)
        if key == self._key:
            return
        self.vocabulary = shop_vocabulary(self._runtime)
        saved = []
        for row in rows:
            try:
                rule = read_rule(row.rule, self.vocabulary)
            except ShopkeeperError as error:
                log.warning("audience %s is not evaluated: %s", row.audience_id, error)
                continue
            saved.append(Audience(row.audience_id, str(row.version), rule))
        self.saved, self._key = tuple(saved), key
        self._fields = _fields(saved, self.vocabulary)
        parts = [y for x in saved for y in leaves(x.rule) if isinstance(y, Happened)]
        self._occurrences = tuple(sorted({x.what for x in parts}))

    def sections(self) -> list[Section]:
        """Sections of the profile that the rules read besides features."""
        sources = {x.source for x in self._fields}
        found: list[Section] = ["base"] if sources & NIGHTLY_SOURCES else []
        return [*found, "live"] if "permits" in sources else found

    def members(
        self,
        computed: Computed,
        scores: Mapping[str, Mapping[str, Score]],
        standing: Mapping[str, Known],
        as_of_us: int,
    ) -> dict[str, dict[str, str]]:
        """The audiences each customer is in.

        Parameters
        ----------
        computed
            Features and resolved rows of the customers.
        scores
            From :class:`Scorer`.
        standing
            Profile, permits and segments by customer, where any rule reads them.
        as_of_us
            The moment.

        Returns
        -------
        dict
            Version by audience, by customer; customers in none have an empty one.
        """
        customers = computed.features["customer_id"].to_pylist()
        if not self.saved:
            return {x: {} for x in customers}
        rows = {x: _by_customer(computed.resolved[OCCURRENCES[x]]) for x in self._occurrences}
        wanted = [x for x in self._fields if x.source == "features"]
        values = {x.name: computed.features[x.column].to_pylist() for x in wanted}
        found = {}
        for at, customer in enumerate(customers):
            known = {name: column[at] for name, column in values.items()}
            known |= self._others(scores.get(customer, {}), standing.get(customer, NOBODY))
            happened = {x: rows[x].get(customer, ()) for x in self._occurrences}
            facts = Facts(known, happened, as_of_us)
            found[customer] = {
                x.audience_id: x.version
                for x in self.saved
                if evaluate_one(x.rule, facts, self.vocabulary) is True
            }
        return found

    def _others(self, scores: Mapping[str, Score], standing: Known) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for field in self._fields:
            if field.source == "scores":
                kind, _, part = field.column.partition(".")
                score = scores.get(kind)
                known[field.name] = None if score is None else getattr(score, part)
            elif field.source != "features":
                known[field.name] = standing.value(field)
        return known


def _fields(saved: Sequence[Audience], vocabulary: Vocabulary) -> tuple[Field, ...]:
    names = sorted({y for x in saved for y in fields_of(x.rule)})
    return tuple(dict.fromkeys(vocabulary.field(x) for x in names))


def _by_customer(rows: pa.Table) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["customer_id"], []).append(row)
    return found
