"""Reasons of scores as `explain` stores them; a category speaks for its word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from shopkeeper.predict.explain import fold_reasons, store_reasons
from shopkeeper.predict.propensity.model import PropensityModel
from shopkeeper.predict.propensity.table import Sheet

REASONS_AT_ONCE = 20_000
"""Rows whose contributions are held in memory at a time."""


def reasons_of(
    model: PropensityModel, sheet: Sheet, top: int = 3, told_by: Mapping[str, str] | None = None
) -> pa.Array:
    """Write the strongest reasons of each row as `explain` stores them.

    A category speaks under the code `column=word`.

    Parameters
    ----------
    model : PropensityModel
        Fitted.
    sheet : Sheet
        Rows read by its layout.
    top : int
        Most reasons a row.
    told_by : Mapping[str, str] | None
        Column in whose sentence the weight of another is told, such as one of several windows.

    Returns
    -------
    pa.Array
        Strings, one a row.
    """
    parts = [
        _reasons(model, sheet.take(slice(start, start + REASONS_AT_ONCE)), top, told_by or {})
        for start in range(0, len(sheet), REASONS_AT_ONCE)
    ]
    return pa.concat_arrays(parts) if parts else pa.array([], pa.string())


def _reasons(
    model: PropensityModel, sheet: Sheet, top: int, told_by: Mapping[str, str]
) -> pa.Array:
    layout = model.layout
    added = fold_reasons(layout.names, model.contributions(sheet).parts, told_by)
    names = [x.name for x in layout.columns[: layout.numbers]]
    usual = [*model.learned.usual]
    columns = [added[:, : layout.numbers]]
    values = [sheet.values]
    for at, column in enumerate(layout.columns[layout.numbers :]):
        code = sheet.codes[:, at]
        used = np.unique(code)
        own = added[:, layout.numbers + at]
        marked = code[:, None] == used[None, :]
        columns.append(np.where(marked, own[:, None], 0.0))
        values.append(marked.astype(np.float64))
        names += [f"{column.name}={column.levels[x] if x >= 0 else ''}" for x in used.tolist()]
        usual += [float("nan")] * len(used)
    return store_reasons(
        names, np.column_stack(columns), np.column_stack(values), np.array(usual), top=top
    )
