"""Text as numbers, days and outcomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.core.errors import InputError
from shopkeeper.predict.history import Bools, Floats

NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
DAY_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d", "%d-%m-%Y", "%d/%m/%Y",
    "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d",
)  # fmt: skip
"""Ways a day is written; several may be mixed in one column, as `a|b`."""

TRUE_WORDS = frozenset({"1", "1.0", "true", "yes", "y", "t", "是", "有", "buy", "positive"})
FALSE_WORDS = frozenset({"0", "0.0", "false", "no", "n", "f", "否", "无", "negative", "-1"})


def as_number(given: Any) -> Floats:
    """Return values as numbers; what is no number, or not finite, is NaN.

    Parameters
    ----------
    given : Any
        Arrow array of numbers, booleans or text.

    Returns
    -------
    Floats
        One number a row.
    """
    if pa.types.is_string(given.type) or pa.types.is_large_string(given.type):
        text = pc.utf8_trim_whitespace(given)
        fits = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)
        given = pc.if_else(fits, text, None)
    values = np.asarray(
        given.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64
    )
    return np.where(np.isfinite(values), values, np.nan)


def day_format(text: Any) -> str:
    """Return how the days of a text column are written.

    Parameters
    ----------
    text : Any
        Arrow strings.

    Returns
    -------
    str
        One or two formats joined by `|`; empty where fewer than 95 of 100 values are days.
    """
    known = text.drop_null() if hasattr(text, "drop_null") else text
    sample = known.slice(0, 5_000)
    chosen: list[str] = []
    left = sample
    for _ in range(2):
        read = {x: int(pc.sum(pc.is_valid(_strptime(left, x))).as_py() or 0) for x in DAY_FORMATS}
        best = max(read, key=lambda x: read[x])
        if read[best] == 0:
            break
        chosen.append(best)
        left = left.filter(pc.is_null(_strptime(left, best)))
        if len(left) <= 0.05 * len(sample):
            return "|".join(chosen)
    return ""


def as_day(given: Any, written: str) -> Floats:
    """Return dates as microseconds UTC; NaN where there is none.

    Parameters
    ----------
    given : Any
        Arrow dates, timestamps or text.
    written : str
        Format of text, as `day_format` returns it; empty for dates and timestamps.

    Returns
    -------
    Floats
        One moment a row.
    """
    if not written:
        moment = given.cast(pa.timestamp("us"), safe=False)
    else:
        text = pc.utf8_trim_whitespace(given.cast(pa.string()))
        moment = None
        for one in written.split("|"):
            read = _strptime(text, one)
            moment = read if moment is None else pc.coalesce(moment, read)
    whole = moment.cast(pa.int64())
    return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.float64)


def _strptime(text: Any, written: str) -> Any:
    return pc.strptime(text, format=written, unit="us", error_is_null=True)


def as_outcome(given: pa.ChunkedArray, name: str) -> tuple[Bools, str]:
    """Return a binary column as booleans.

    Parameters
    ----------
    given : pa.ChunkedArray
        Booleans, 0 and 1, yes and no, or any two words: then the rarer one is what is predicted.
    name : str
        Of the column, for errors.

    Returns
    -------
    tuple[Bools, str]
        The outcome, and the value that counts as it happening.

    Raises
    ------
    InputError
        When a row has no outcome, or there are not exactly two values.

    Examples
    --------
    >>> as_outcome(pa.chunked_array([["no", "yes", "no"]]), "bought")[0].tolist()
    [False, True, False]
    """
    if given.null_count:
        row = int(np.argmax(np.asarray(pc.is_null(given).to_numpy(zero_copy_only=False))))
        raise InputError(
            f"row {row + 1} has no value in the outcome column {name!r} "
            f"({given.null_count:,} rows in all)",
            next_step="leave those rows out: nobody knows what happened",
            column=name,
            row=row + 1,
        )
    text = np.char.lower(np.asarray(given.cast(pa.string()).to_pylist(), dtype=str))
    text = np.char.strip(text)
    values, count = np.unique(text, return_counts=True)
    if len(values) == 1:
        only = str(values[0])
        return np.full(len(text), only in TRUE_WORDS), only
    if len(values) != 2:
        raise InputError(
            f"outcome column {name!r} has {len(values)} different values, not two",
            next_step="name a column with two values, such as yes and no",
            column=name,
            values=values[:5].tolist(),
        )
    pair = [str(x) for x in values]
    yes = next((x for x in pair if x in TRUE_WORDS), None)
    if yes is None:
        no = next((x for x in pair if x in FALSE_WORDS), None)
        yes = next(x for x in pair if x != no) if no else pair[int(np.argmin(count))]
    return text == yes, yes
