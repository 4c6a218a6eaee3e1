from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

DAY_US = 86_400_000_000


def _reference() -> Path:
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("SHOPKEEPER_DATA", default))
    if not (folder / "cdnow").is_dir():
        pytest.skip(f"reference data not found in {folder} (set SHOPKEEPER_DATA)")
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    return _reference()


@pytest.fixture(scope="session")
def cdnow_sample() -> pa.Table:
    lines = (_reference() / "cdnow" / "CDNOW_sample.txt").read_text().splitlines()
    rows = [line.split() for line in lines if line.strip()]
    moments = [datetime.strptime(row[2], "%Y%m%d").replace(tzinfo=UTC).timestamp() for row in rows]
    return pa.table(
        {
            "customer_id": [row[1] for row in rows],
            "ts_us": np.array(moments, dtype=np.int64) * 1_000_000,
            "amount_minor": [round(float(row[4]) * 100) for row in rows],
        }
    )


def simulate(customers: int, seed: int, *, days: int = 400, horizon: int = 100) -> pa.Table:
    """BG/NBD buyers with Gamma-Gamma amounts; the first `days` are past, the rest is truth."""
    random = np.random.default_rng(seed)
    rate = random.gamma(0.8, 1 / 30.0, customers)
    leave = random.beta(0.8, 2.5, customers)
    per_minor = random.gamma(4.0, 1 / 15_000.0, customers)
    born = random.integers(0, days - 40, customers)
    now = born.astype(np.float64)
    who, when, at = [], [], np.arange(customers)
    while len(at):
        who.append(at)
        when.append(now[at].copy())
        at = at[random.random(len(at)) > leave[at]] if len(who) > 1 else at
        now[at] += random.exponential(1.0 / rate[at])
        at = at[now[at] < days + horizon]
    code, moment = np.concatenate(who), np.concatenate(when)
    amount = np.maximum(1, random.gamma(6.0, 1.0 / per_minor[code])).astype(np.int64)
    return pa.table(
        {
            "customer_id": pa.array([f"c{one:05d}" for one in code]),
            "ts_us": (moment * DAY_US).astype(np.int64),
            "amount_minor": amount,
        }
    )


@pytest.fixture(scope="session")
def simulated() -> pa.Table:
    return simulate(1_800, seed=11)


@pytest.fixture(scope="session")
def as_of_us() -> int:
    """End of the simulated past."""
    return 400 * DAY_US
