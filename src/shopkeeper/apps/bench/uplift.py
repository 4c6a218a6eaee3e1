"""Bench of uplift: your trial under folds, or twenty worlds with known effects and a large one."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.apps.bench.uplift_large import large_rows
from shopkeeper.apps.bench.uplift_worlds import world_rows
from shopkeeper.core.errors import InputError, SourceError
from shopkeeper.predict.history import Floats
from shopkeeper.predict.uplift.judge import OURS, Scorer, cross_judge
from shopkeeper.predict.uplift.table import LeftOut, plan_encoder
from shopkeeper.predict.uplift.trial import Trial, canonical_order, check_trial

__all__ = ["TrialFile", "read_trial", "run"]

FOLDS, SEEDS = 5, 2
PEER_LIMIT_S = 150.0
"""A peer that takes longer on one fold is left out of all."""
CONTROL_WORDS = frozenset(
    {"0", "false", "no", "none", "control", "c", "holdout", "hold-out", "held_out", "no e-mail",
     "no email", "no mail", "placebo", "untreated", "对照", "对照组"}
)  # fmt: skip
TREATMENT_NAMES = (
    "treatment",
    "treated",
    "segment",
    "arm",
    "group",
    "variant",
    "w",
    "t",
    "version",
)
OUTCOME_NAMES = ("conversion", "converted", "outcome", "y", "response", "visit", "spend", "target")
PEERS = {"econml causal forest": "econml_uplift.py", "causalml x-learner": "causalml_uplift.py"}


@dataclass(frozen=True, slots=True)
class TrialFile:
    """A trial read from a file.

    Parameters
    ----------
    name
        File, and the treated arm where there are several.
    trial
        Its rows, in canonical order.
    left_out
        Columns that are not learned from by themselves.
    """

    name: str
    trial: Trial
    left_out: tuple[LeftOut, ...]


def run(options: BenchOptions) -> list[BenchRow]:
    """Measure uplift on the user's trial, or on simulated worlds with known effects.

    Parameters
    ----------
    options : BenchOptions
        `inputs`, `treatment`, `control`, `treated`, `outcome`, `cost`, `exclude`, `methods`,
        `seed`, `peers`; `customers` is the size of the large simulated trial, `protocol`
        ``worlds`` or ``large`` runs only that part.

    Returns
    -------
    list[BenchRow]
        qini, auuc, uplift@30, policy_value by method, and qini_lead (ours less the method's, paired
        bootstrap); without a file pehe, policy_regret, worlds_won, and the large trial's figures.

    Raises
    ------
    ShopkeeperError
        When a file cannot be read or cannot answer.
    """
    rows: list[BenchRow] = []
    if options.inputs:
        for path in options.inputs:
            for file in read_trial(path, options):
                rows += _judged(file, options)
    else:
        if options.protocol != "large":
            rows += world_rows(options)
        if options.protocol != "worlds":
            rows += large_rows(options)
    return [row for row in rows if not options.methods or row.method in options.methods]


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pq.read_table(path)
        return pcsv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{path} cannot be read as a table ({error})",
            next_step="give a CSV with a header, or a Parquet file",
            path=str(path),
        ) from error


def _column(table: pa.Table, wanted: str | None, names: tuple[str, ...], option: str) -> str:
    if wanted is not None:
        if wanted in table.column_names:
            return wanted
        raise InputError(
            f"there is no column {wanted!r}; the file has {', '.join(table.column_names)}",
            next_step=f"name one of them with {option}", option=option,
        )  # fmt: skip
    lower = {name.lower(): name for name in table.column_names}
    found = next((lower[name] for name in names if name in lower), None)
    if found is None:
        raise InputError(
            f"no column looks like {names[0]!r}; the file has {', '.join(table.column_names)}",
            next_step=f"name it with {option}", option=option,
        )  # fmt: skip
    return str(found)


def read_trial(path: Path, options: BenchOptions) -> list[TrialFile]:
    """Trials of a file: one for each treated arm that is asked for.

    Parameters
    ----------
    path : Path
        CSV or Parquet.
    options : BenchOptions
        `treatment`, `control`, `treated` (several by commas are one arm), `outcome`, `exclude`.

    Returns
    -------
    list[TrialFile]
        Every treated value against the control where `treated` is not named.

    Raises
    ------
    InputError
        When columns or values are missing.
    """
    table = _table(path)
    arm = _column(table, options.treatment, TREATMENT_NAMES, "--treatment")
    outcome = _column(table, options.outcome, OUTCOME_NAMES, "--outcome")
    values = pc.fill_null(table.column(arm).cast(pa.string()), "")
    known = sorted(pc.unique(values).to_pylist())
    control = _value(options.control, known, arm, "--control")
    if control is None:
        control = next((x for x in known if x.strip().lower() in CONTROL_WORDS), None)
    if control is None:
        raise InputError(
            f"which value of {arm!r} is the control is not clear: {', '.join(known[:12])}",
            next_step="name it with --control", option="--control",
        )  # fmt: skip
    if options.treated is None:
        groups: list[tuple[str, ...]] = [(x,) for x in known if x != control]
        if len(groups) > 12:
            raise InputError(
                f"{arm!r} has {len(known)} values, too many for arms",
                next_step="name the treated one with --treated", option="--treated",
            )  # fmt: skip
    else:
        whole = _value(options.treated, known, arm, "--treated", split=True)
        assert whole is not None
        groups = [(whole,)] if whole in known else [tuple(x.strip() for x in whole.split(","))]
    found = []
    for group in groups:
        mine = table.filter(pc.is_in(values, pa.array([control, *group])))
        treated = pc.is_in(
            pc.fill_null(mine.column(arm).cast(pa.string()), ""), pa.array(list(group))
        ).to_numpy(zero_copy_only=False)
        name = path.stem if len(groups) == 1 else f"{path.stem}: {', '.join(group)}"
        found.append(_trial(name, mine, treated, arm, outcome, options))
    return found


def _value(
    wanted: str | None, known: list[str], arm: str, option: str, *, split: bool = False
) -> str | None:
    """The value as the file writes it: 1 may be written 1.0 or true."""
    if wanted is None:
        return None
    same = {x.strip().lower(): x for x in known}
    numbers = {"1": ("1.0", "true"), "0": ("0.0", "false")}
    for one in (wanted, *numbers.get(wanted, ())):
        if one.strip().lower() in same:
            return str(same[one.strip().lower()])
    if split and all(x.strip() in known for x in wanted.split(",")):
        return wanted
    raise InputError(
        f"column {arm!r} has no value {wanted!r}; it has {', '.join(known[:12])}",
        next_step=f"name one of them with {option}", option=option,
    )  # fmt: skip


def _trial(
    name: str, table: pa.Table, treated: Any, arm: str, outcome: str, options: BenchOptions
) -> TrialFile:
    try:
        y = table.column(outcome).cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise InputError(
            f"outcome {outcome!r} is not a number ({error})",
            next_step="choose a column of 0 and 1 or of amounts with --outcome", option="--outcome",
        ) from error  # fmt: skip
    encoder, left = plan_encoder(table, treated, y, (arm, outcome, *options.exclude))
    for one in left:
        print(f"shopkeeper bench: {one.reason_en}", file=sys.stderr)  # noqa: T201
    trial = Trial(encoder.columns, encoder.matrix(table), treated, y)
    check_trial(trial)
    return TrialFile(name, trial.take(canonical_order(trial)), left)


def _peer(script: str, name: str, dead: set[str]) -> Scorer:
    def score(train: Trial, test: Trial) -> Floats:
        if name in dead:
            return np.empty(0)
        arrays = {"x": train.matrix, "t": train.treated, "y": train.outcome, "test": test.matrix}
        done = run_peer("causal", script, arrays, {}, timeout_s=PEER_LIMIT_S)
        if done.failed:
            dead.add(name)
            print(f"shopkeeper bench: {name}: {done.failed}", file=sys.stderr)  # noqa: T201
            return np.empty(0)
        return np.asarray(done.arrays["effect"], dtype=np.float64)

    return score


def _judged(file: TrialFile, options: BenchOptions) -> list[BenchRow]:
    cost = options.cost or 0.0
    dead: set[str] = set()
    extra = {}
    if options.peers and peer_python("causal"):
        extra = {name: _peer(script, name, dead) for name, script in PEERS.items()}
    seeds = [options.seed + k for k in range(SEEDS)]
    with measure() as took:
        found = cross_judge(file.trial, cost=cost, seeds=seeds, folds=FOLDS, extra=extra)
    left = ", ".join(x.column for x in file.left_out)
    protocol = f"{FOLDS} folds x {SEEDS} seeds, area per capita against random, cost {cost:g}" + (
        f", left out: {left}" if left else ""
    )
    rows = [
        BenchRow("uplift", file.name, protocol, f.method, f.metric, f.value, f.low, f.high, f.n,
                 took.seconds, took.peak_mb, options.seed)
        for f in found.figures
    ]  # fmt: skip
    rows += [
        BenchRow("uplift", file.name, f"{protocol}; {OURS} less this method, paired bootstrap",
                 method, "qini_lead", *gap, file.trial.rows, took.seconds, took.peak_mb,
                 options.seed)
        for method, gap in found.against.items()
    ]  # fmt: skip
    return rows
