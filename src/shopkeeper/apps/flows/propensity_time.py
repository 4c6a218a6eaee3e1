"""What only time can tell of features: whether they see the future, or look like it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shopkeeper.apps.flows.propensity_outcome import rows_at, without_future
from shopkeeper.apps.flows.propensity_rows import Past
from shopkeeper.apps.flows.propensity_spec import PropensitySpec
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.clock import to_us
from shopkeeper.core.errors import InputError
from shopkeeper.features.library_index import features_contract
from shopkeeper.predict.leakage.moments import shifted
from shopkeeper.predict.leakage.report import Finding
from shopkeeper.predict.propensity.rows import TrainingRows

KEYS = ("customer_id", "as_of")
CHECKED = 200
"""Customers whose features are computed again without the future."""


def feature_names() -> list[str]:
    """Features of the library, in order."""
    return [str(x) for x in features_contract().columns if str(x) not in KEYS]


def library_of(spec: PropensitySpec) -> list[str]:
    """Features that a model of a definition learns from.

    Parameters
    ----------
    spec
        The definition.

    Returns
    -------
    list of str
        The library without what is excluded.

    Raises
    ------
    InputError
        When a feature is excluded or vouched for that does not exist, or none is left.
    """
    known = feature_names()
    for field, names in (("exclude", spec.exclude), ("allow", spec.allow)):
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                raise InputError(
                    f"{field}: there is no feature {name!r}",
                    next_step=f"did you mean {near[0]}?" if near else "see docs/features.md",
                    field=field,
                )
    left = [x for x in known if x not in spec.exclude]
    if not left:
        raise InputError(
            "every feature is excluded: nothing is left to learn from",
            next_step="exclude fewer features",
            field="exclude",
        )
    return left


def time_findings(runtime: Runtime, past: Past, data: TrainingRows, seed: int) -> list[Finding]:
    """What only time can tell: features that see the future, or look like it.

    Parameters
    ----------
    runtime
        The open shop.
    past
        Features and outcomes of past moments.
    data
        The same as the learners take them.
    seed
        Decides halves.

    Returns
    -------
    list of Finding
        Of the kinds ``changes_without_future`` and ``shifted``.
    """
    test = next(x for x in past.windows if x.role == "test")
    block = rows_at(past.rows, test.at)
    names = [x for x in data.sheet.layout.names if x in set(feature_names())]
    layout = data.sheet.layout
    some = block.slice(0, CHECKED)
    again = without_future(runtime.tables, some, test.at, names)
    findings = _changed(some, again, names)
    earlier = next((x for x in reversed(past.windows) if x.role == "learn"), None)
    if earlier is None:
        return findings
    before = rows_at(past.rows, earlier.at)
    both = pc.index_in(block["customer_id"], value_set=before["customer_id"].combine_chunks())
    known = np.asarray(both.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
    if not known.any():
        return findings
    then = layout.read(before.take(both.filter(pa.array(known)))).values
    now = layout.read(block.filter(pa.array(known))).values
    moments = past.rows["as_of"].cast(pa.int64()).to_numpy()
    outcome = past.outcome[moments == to_us(test.at)][known]
    numbers = layout.names[: layout.numbers]
    return findings + shifted(numbers, now, then, outcome, seed)


def _changed(some: pa.Table, again: pa.Table, names: Sequence[str]) -> list[Finding]:
    """Features whose value differs when the rows after the moment are gone."""
    found = []
    for name in names:
        one, other = some[name], again[name]
        same = pc.fill_null(pc.equal(one, other), False)
        if pa.types.is_floating(one.type):
            gap = pc.abs(pc.subtract(one, other))
            same = pc.or_(same, pc.fill_null(pc.less(gap, 1e-6), False))
        same = pc.or_(same, pc.and_(pc.is_null(one), pc.is_null(other)))
        changed = len(one) - int(pc.sum(same).as_py() or 0)
        if changed:
            shown = {"changed": f"{changed:,}"}
            evidence = {"changed": float(changed), "rows": float(len(one))}
            found.append(Finding("changes_without_future", name, "refuse", evidence, shown))
    return found
