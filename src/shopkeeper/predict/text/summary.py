"""What many texts say together: of a customer, of a product."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.clock import to_us
from shopkeeper.core.tables import SCORES
from shopkeeper.predict.explain import TEMPLATES, Template, store_reasons
from shopkeeper.predict.history import DAY_US
from shopkeeper.predict.text.phrases import Floats

KIND = "sentiment"
"""Kind of the scores of customers."""
PRIOR = 3.0
"""Texts of the shop's mean that are added to those of a customer or a product."""
BANDS = ("negative", "neutral", "positive")
BAND_NAMES: dict[str, tuple[str, str]] = {
    "negative": ("不满", "Dissatisfied"),
    "neutral": ("中性", "Neutral"),
    "positive": ("满意", "Satisfied"),
}
"""Names of the bands in Chinese and English."""
EDGES = (-0.2, 0.2)

TEMPLATES["negative_texts"] = Template(
    "近一年写下 {value} 条不满的文字（中位数 {usual} 条）",
    "wrote {value} dissatisfied texts in the last year (median {usual})",
)
TEMPLATES["texts"] = Template(
    "近一年共写下 {value} 条文字（中位数 {usual} 条）",
    "wrote {value} texts in the last year (median {usual})",
)


def customer_scores(
    signals: pa.Table, as_of: datetime, *, model: str, version: str, days: int
) -> pa.Table:
    """Mean sentiment of each customer who wrote something lately.

    Parameters
    ----------
    signals : pa.Table
        TEXT_SIGNALS rows.
    as_of : datetime
        The moment we pretend it is.
    model : str
        What read the texts.
    version : str
        Its version.
    days : int
        Days before the moment that count.

    Returns
    -------
    pa.Table
        SCORES rows of kind `sentiment`, -1 to 1, drawn to the mean of all where texts are few;
        searches do not count.
    """
    own = _spoken(signals)
    since = to_us(as_of) - days * DAY_US
    own = own.filter(
        pc.and_(pc.is_valid(own["customer_id"]), pc.greater_equal(own["ts_us"], since))
    )
    bad = pc.cast(pc.equal(own["sentiment"], "negative"), pa.int64())
    own = own.select(["customer_id", "score"]).append_column("bad", bad)
    grouped = own.group_by("customer_id").aggregate(
        [("score", "sum"), ("score", "count"), ("bad", "sum")]
    )
    total = _numbers(grouped["score_sum"])
    count, negative = _numbers(grouped["score_count"]), _numbers(grouped["bad_sum"])
    mean = float(total.sum() / max(count.sum(), 1))
    value = (total + PRIOR * mean) / (count + PRIOR)
    facts = np.column_stack([negative, count])
    weights = np.column_stack([-np.where(negative > 0, 1.0, 0.0), np.sign(value) * 0.5])
    rows = len(value)
    band = np.searchsorted(EDGES, value, side="right")
    usual = np.array([float(np.median(x)) if rows else 0.0 for x in facts.T])
    reasons = store_reasons(["negative_texts", "texts"], weights, facts, usual)
    return SCORES.cast(
        pa.table(
            {
                "customer_id": grouped["customer_id"], "kind": pa.array([KIND] * rows, pa.string()),
                "as_of": pa.array([as_of] * rows, pa.timestamp("us", tz="UTC")),
                "model": pa.array([model] * rows, pa.string()),
                "model_version": pa.array([version] * rows, pa.string()),
                "value": pa.array(value), "unit": pa.array(["score"] * rows, pa.string()),
                "band": pa.array([BANDS[i] for i in band], pa.string()), "reasons": reasons,
            }
        ),
        fill=True,
    )  # fmt: skip


def product_sentiment(signals: pa.Table) -> pa.Table:
    """How each product is spoken about.

    Parameters
    ----------
    signals : pa.Table
        TEXT_SIGNALS rows: event_id, aspect, kind, product_id, score, sentiment are read.

    Returns
    -------
    pa.Table
        product_id, weight (mean score, -1 to 1, drawn to the mean of all products where texts are
        few), texts, negative; ascending by product.

    Examples
    --------
    >>> rows = pa.table(
    ...     {
    ...         "aspect": ["", "", ""],
    ...         "kind": ["product_reviewed"] * 3,
    ...         "product_id": ["a", "a", "b"],
    ...         "score": [0.9, 0.9, -0.9],
    ...         "sentiment": ["positive", "positive", "negative"],
    ...     }
    ... )
    >>> product_sentiment(rows)["weight"].to_numpy().round(1).tolist()[0]
    0.5
    """
    own = _spoken(signals)
    own = own.filter(pc.is_valid(own["product_id"]))
    bad = pc.cast(pc.equal(own["sentiment"], "negative"), pa.int64())
    own = own.select(["product_id", "score"]).append_column("bad", bad)
    grouped = own.group_by("product_id").aggregate(
        [("score", "sum"), ("score", "count"), ("bad", "sum")]
    ).sort_by("product_id")  # fmt: skip
    total, count = _numbers(grouped["score_sum"]), _numbers(grouped["score_count"])
    mean = float(total.sum() / max(count.sum(), 1))
    return pa.table(
        {
            "product_id": grouped["product_id"],
            "weight": pa.array((total + PRIOR * mean) / (count + PRIOR)),
            "texts": grouped["score_count"],
            "negative": grouped["bad_sum"],
        }
    )


def _spoken(signals: pa.Table) -> pa.Table:
    """Whole texts in which somebody says how it was."""
    whole = pc.and_(pc.equal(signals["aspect"], ""), pc.not_equal(signals["kind"], "search"))
    return signals.filter(whole)


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
