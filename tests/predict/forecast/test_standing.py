"""A champion that stays goes on forecasting, also series that came after it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

from shopkeeper.predict.forecast.train import (
    TOTAL,
    demand_panel,
    forecast_rows,
    forecast_with,
    train_demand,
)

FIRST = date(2026, 3, 2)
AS_OF = datetime(2026, 3, 2, tzinfo=UTC)


def _sales(names: list[str], weeks: int) -> dict[str, pa.Table]:
    random = np.random.default_rng(2)
    ago = np.tile(np.arange(weeks + 1), len(names))
    level = np.repeat(100.0 * (1 + np.arange(len(names))), weeks + 1)
    return {
        "category": pa.table(
            {
                "series_id": np.repeat(names, weeks + 1),
                "ago": ago,
                "value": level * random.uniform(0.9, 1.1, len(level)),
            }
        )
    }


def test_a_model_forecasts_series_it_never_saw_and_sums_still_agree() -> None:
    earlier = demand_panel(_sales(["tea", "coffee"], 40), FIRST)
    model = train_demand(earlier, AS_OF, seed=1).model
    now = demand_panel(_sales(["cups", "tea", "coffee"], 42), FIRST)
    said = forecast_with(model, now, 4)
    assert said.value.shape == (4, 4)
    whole = now.keys.index(TOTAL)
    parts = [at for at in range(4) if at != whole]
    np.testing.assert_allclose(said.value[whole], said.value[parts].sum(axis=0), rtol=1e-9)
    # Levels of 100, 200, 300 a week with a tenth of noise.
    found = {now.keys[at][1]: said.value[at].mean() for at in parts}
    assert {name: round(value / 100) for name, value in found.items()} == {
        "cups": 1, "tea": 2, "coffee": 3,
    }  # fmt: skip


def test_what_it_was_trained_for_bounds_how_far_it_looks() -> None:
    panel = demand_panel(_sales(["tea", "coffee"], 40), FIRST)
    run = train_demand(panel, AS_OF, seed=1, steps=3)
    assert forecast_with(run.model, panel, 8).value.shape[1] == 3
    assert forecast_rows(run, AS_OF, FIRST, "v").num_rows == 3 * len(panel.keys)
