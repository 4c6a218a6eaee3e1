"""Read what customers wrote: sentiment, intent, aspects; never the text itself is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.learn_train import Trained, card_figures, lived
from shopkeeper.apps.flows.task import TaskReport, pivot, write_scores
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import NotEnoughDataError, NotFoundError
from shopkeeper.core.ports import TableStore
from shopkeeper.core.tables import ACTIVITY, EVENTS, TEXT_SIGNALS
from shopkeeper.predict.history import DAY_US
from shopkeeper.predict.text.intents import SEARCH
from shopkeeper.predict.text.model import TextModel
from shopkeeper.predict.text.ratings import BAD, GOOD, labels_of, ratings_of
from shopkeeper.predict.text.reader import TextReader, is_sentiment, score_of, words_of
from shopkeeper.predict.text.rules import METHOD as RULES
from shopkeeper.predict.text.summary import KIND, customer_scores
from shopkeeper.predict.text.train import RatedTexts, train_text

REVIEW, CHAT, SEARCHED = "product_reviewed", "chat_message_received", "search"
WRITTEN = (REVIEW, CHAT, SEARCHED)
"""Events that hold what a customer wrote."""
MOST = 500_000
"""Texts read at most, the newest; 500,000 texts of 100 characters take about 600 MB."""
AT_ONCE = 20_000
RULES_VERSION = "rules-1"
SCORED_DAYS = 365
"""Days before the moment whose texts make up a customer's sentiment."""


def written(store: TableStore, as_of: datetime) -> pa.Table:
    """What customers wrote before a moment, newest last.

    Parameters
    ----------
    store
        The lake.
    as_of
        That moment.

    Returns
    -------
    pa.Table
        event_id, customer_id (null before it is resolved), kind, product_id, ts_us, day, text,
        properties; traffic known to be invalid is left out.
    """
    events, activity = store.table(EVENTS), store.table(ACTIVITY)
    said = events.filter(
        events.kind.isin(list(WRITTEN))
        & events.query.notnull()
        & events.invalid.isnull()
        & (events.ts_us < ibis.literal(to_us(as_of)).cast("int64"))
    )
    newest = said.order_by([said.ts_us.desc(), said.event_id]).limit(MOST)
    known = activity.select(known_event=activity.event_id, customer_id=activity.customer_id)
    joined = newest.left_join(known, newest.event_id == known.known_event)
    rows = joined.select(
        "event_id", "customer_id", "kind", "product_id", "ts_us", "day",
        text=joined["query"], properties=joined["properties"],
    )  # fmt: skip
    return store.run(rows).sort_by([("ts_us", "ascending"), ("event_id", "ascending")])


def predict_text(runtime: Runtime, as_of: datetime) -> TaskReport:
    """Texts: train on rated ones where that is due, read all, score customers.

    Without enough rated texts the rules read them.

    Parameters
    ----------
    runtime
        The open shop.
    as_of
        The moment we pretend it is.

    Returns
    -------
    TaskReport
        Model `rules` where nothing could be trained.

    Raises
    ------
    NotEnoughDataError
        When nobody wrote anything.
    """
    texts = written(runtime.tables, as_of)
    if not texts.num_rows:
        raise NotEnoughDataError(
            "no review, chat or search with text came in",
            next_step="Add one with: shopkeeper connector add",
        )
    name, version, table = RULES, RULES_VERSION, {}
    model: TextModel | None = None
    try:
        stored, model = lived(
            runtime, "text", as_of, lambda: _trained(runtime, texts, as_of), TextModel.load
        )
        name, version, table = stored.model, stored.version, pivot(card_figures(stored))
    except NotEnoughDataError as error:
        refused = str(error)
    else:
        refused = ""
    signals = pa.concat_tables(list(_signals(TextReader(model), texts, version)))
    runtime.tables.replace(TEXT_SIGNALS, signals)
    scores = customer_scores(signals, as_of, model=name, version=version, days=SCORED_DAYS)
    write_scores(runtime.tables, scores, (KIND,), as_of)
    return TaskReport(name, version, signals.num_rows, table, "" if model else f"{refused}")


def reader_in_use(runtime: Runtime) -> tuple[TextReader, str]:
    """Open what reads texts now: the champion, or the rules.

    Parameters
    ----------
    runtime
        The open shop.

    Returns
    -------
    tuple
        The reader and its version.
    """
    try:
        stored = runtime.models.get("text", "champion")
    except NotFoundError:
        return TextReader(), RULES_VERSION
    return TextReader(TextModel.load(stored.folder)), stored.version


def _trained(runtime: Runtime, texts: pa.Table, as_of: datetime) -> Trained[TextModel]:
    labels = labels_of(ratings_of(texts["properties"]))
    rated = np.flatnonzero(labels != "")
    chosen = texts.take(pa.array(rated))
    run = train_text(
        RatedTexts(
            chosen["text"].to_pylist(), labels[rated],
            chosen["ts_us"].to_numpy().astype(np.int64),
        ),
        to_us(as_of),
        seed=runtime.settings.predict.seed,
    )  # fmt: skip
    if not run.better or not is_sentiment(run.model):
        raise NotEnoughDataError(
            "on later rated texts the trained model was not better than the rules",
            next_step="the rules go on reading; more rated texts will decide",
            rated=len(rated),
        )
    return Trained(run.card.name, run.model, json.loads(run.card.to_json()))


def _signals(reader: TextReader, texts: pa.Table, version: str) -> Iterator[pa.Table]:
    """Rows of TEXT_SIGNALS, some thousand texts at a time."""
    for start in range(0, texts.num_rows, AT_ONCE):
        part = texts.slice(start, AT_ONCE)
        found = reader.read(part["text"].to_pylist())
        searched = pc.equal(part["kind"], SEARCHED).to_numpy(zero_copy_only=False)
        # a search says what is wanted, not how one feels
        odds = np.where(searched, 0.0, found.log_odds)
        intents = pa.array(found.intents, pa.string())
        intents = pc.if_else(
            pc.and_(pa.array(searched), pc.is_null(intents)), pa.scalar(SEARCH), intents
        )
        spoken = ~searched[found.aspect_text]
        owner = np.concatenate([np.arange(part.num_rows), found.aspect_text[spoken]])
        aspects = [x for x, ok in zip(found.aspects, spoken, strict=True) if ok]
        every = np.concatenate([odds, found.aspect_log_odds[spoken]])
        at = pa.array(owner)
        rows = part.select(["event_id", "customer_id", "kind", "product_id", "ts_us", "day"])
        whole = pa.array([""] * part.num_rows + aspects, pa.string())
        columns = {
            **{name: rows[name].take(at) for name in rows.column_names},
            "aspect": whole,
            "sentiment": pa.array(words_of(every), pa.string()),
            "score": pa.array(score_of(every)),
            "intent": intents.take(at),
            "model": pa.array([reader.method] * len(owner), pa.string()),
            "model_version": pa.array([version] * len(owner), pa.string()),
        }
        yield TEXT_SIGNALS.cast(pa.table(columns))


def since_us(as_of: datetime, days: int) -> int:
    """Moment some days before another, microseconds UTC.

    Parameters
    ----------
    as_of
        The later moment.
    days
        How many.
    """
    return to_us(as_of) - days * DAY_US


__all__ = ["BAD", "GOOD", "predict_text", "reader_in_use", "since_us", "written"]
