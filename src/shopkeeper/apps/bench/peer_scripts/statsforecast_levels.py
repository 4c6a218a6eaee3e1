"""statsforecast: AutoETS and the optimised Theta of every series, at several origins."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import statsforecast
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, Naive, OptimizedTheta


def main(folder: Path) -> None:
    """Read, forecast, write."""
    warnings.filterwarnings("ignore")
    facts = json.loads((folder / "input.json").read_text())
    with np.load(folder / "input.npz") as file:
        values = file["values"]
    steps, season, start = facts["steps"], facts["season"], time.perf_counter()
    answers = {}
    spent = {}
    for name, model in (("autoets", AutoETS), ("theta", OptimizedTheta)):
        begun = time.perf_counter()
        made = [_one(values[:, :end], steps, season, model, name) for end in facts["ends"]]
        spent[name] = time.perf_counter() - begun
        for at, key in enumerate((name, f"{name}_low", f"{name}_high")):
            answers[key] = np.stack([one[at] for one in made])
    np.savez(folder / "output.npz", **answers)
    told = {
        "seconds": time.perf_counter() - start,
        "version": statsforecast.__version__,
        "spent": spent,
    }
    (folder / "output.json").write_text(json.dumps(told))


def _one(values, steps, season, model, name):
    rows = []
    for at, row in enumerate(values):
        known = np.isfinite(row)
        if not known.any():
            continue
        first = int(known.argmax())
        part = pd.Series(row[first:]).interpolate(limit_direction="both").to_numpy()
        rows.append(pd.DataFrame({"unique_id": at, "ds": np.arange(len(part)), "y": part}))
    frame = pd.concat(rows)
    engine = StatsForecast(
        models=[model(season_length=season, alias=name)], freq=1, n_jobs=1, fallback_model=Naive()
    )
    made = engine.forecast(df=frame, h=steps, level=[90]).set_index("unique_id")
    answer = []
    for column in (name, f"{name}-lo-90", f"{name}-hi-90"):
        out = np.zeros((len(values), steps))
        for at, part in made.groupby(level=0, sort=False):
            out[int(at)] = part[column].to_numpy()
        answer.append(out)
    return answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
