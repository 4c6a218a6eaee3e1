"""Labels that a shop already has: the rating beside a review says how its writer felt."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.predict.text.phrases import Floats

RATING = (
    r'"(?:rating|score|stars|star|star_rating|review_rating|overall|评分|星级|打分|评价星级)"\s*:\s*'
    r'"?(?P<value>[0-9]+(?:\.[0-9]+)?)'
)
"""A rating among the properties of an event, a JSON object as text."""
GOOD, BAD = "positive", "negative"


def ratings_of(properties: pa.Array | pa.ChunkedArray) -> Floats:
    """Ratings in the properties of events.

    Parameters
    ----------
    properties : pa.Array | pa.ChunkedArray
        JSON objects as text; nulls allowed.

    Returns
    -------
    Floats
        NaN where there is none.

    Examples
    --------
    >>> ratings_of(pa.array(['{"rating": 4}', '{"role":"x"}', None])).tolist()
    [4.0, nan, nan]
    """
    found = pc.struct_field(pc.extract_regex(pc.fill_null(properties, ""), RATING), "value")
    numbers = pc.cast(found, pa.float64())
    return np.asarray(pc.fill_null(numbers, float("nan")), dtype=np.float64)


def labels_of(ratings: Floats) -> npt.NDArray[np.str_]:
    """Satisfied or not, by the scale the ratings are on.

    Parameters
    ----------
    ratings : Floats
        NaN where there is none. The scale is the smallest of 1, 5, 10 and 100 that holds them all.

    Returns
    -------
    npt.NDArray[np.str_]
        `positive` in the upper two fifths, `negative` in the lower two, empty between and where
        there is no rating.

    Examples
    --------
    >>> labels_of(np.array([5.0, 3.0, 1.0, np.nan])).tolist()
    ['positive', '', 'negative', '']
    """
    labels = np.full(len(ratings), "", dtype="<U8")
    known = np.isfinite(ratings)
    if not known.any():
        return labels
    top = next((x for x in (1.0, 5.0, 10.0, 100.0) if ratings[known].max() <= x), None)
    if top is None:
        return labels
    high, low = (0.5, 0.5) if top == 1.0 else (0.8 * top, 0.4 * top)
    good = known & (ratings >= high)
    labels[good] = GOOD
    labels[known & (ratings <= low) & ~good] = BAD
    return labels
