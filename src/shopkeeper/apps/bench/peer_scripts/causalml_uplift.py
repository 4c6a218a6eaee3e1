"""causalml's X-learner over boosted trees on one trial; runs in the environment `causal`."""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Fit on the trial, answer for the test rows."""
    from causalml.inference.meta import BaseXRegressor

    try:
        from lightgbm import LGBMRegressor

        learner = LGBMRegressor(
            n_estimators=100, learning_rate=0.05, num_leaves=15, verbosity=-1, n_jobs=1,
            random_state=1,
        )  # fmt: skip
    except ImportError:
        from sklearn.ensemble import HistGradientBoostingRegressor

        learner = HistGradientBoostingRegressor(max_iter=100, learning_rate=0.05, random_state=1)
    with np.load(folder / "input.npz") as file:
        x, t, y, test = (file[name] for name in ("x", "t", "y", "test"))
    x, test = np.nan_to_num(x.astype(float)), np.nan_to_num(test.astype(float))
    start = time.perf_counter()
    model = BaseXRegressor(learner=learner)
    share = np.full(len(t), float(t.mean()))
    model.fit(X=x, treatment=t.astype(int), y=y, p=share)
    answers = model.predict(X=test, p=np.full(len(test), float(t.mean()))).ravel()
    seconds = time.perf_counter() - start
    np.savez(folder / "output.npz", effect=answers)
    (folder / "output.json").write_text(
        json.dumps({"seconds": seconds, "version": version("causalml")})
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
