"""EconML's causal forest, or its DR-learner, on one trial; runs in the environment `causal`."""

import json
import sys
import time
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Fit on the trial, answer for the test rows."""
    import econml
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    facts = json.loads((folder / "input.json").read_text())
    with np.load(folder / "input.npz") as file:
        x, t, y, test = (file[name] for name in ("x", "t", "y", "test"))
    x, test = np.nan_to_num(x.astype(float)), np.nan_to_num(test.astype(float))
    start = time.perf_counter()
    outcome = HistGradientBoostingRegressor(max_iter=100, learning_rate=0.05, random_state=1)
    arm = HistGradientBoostingClassifier(max_iter=20, max_depth=2, random_state=1)
    if facts.get("method") == "dr":
        from econml.dr import DRLearner

        model = DRLearner(
            model_propensity=arm, model_regression=outcome, model_final=outcome, cv=3,
            random_state=1,
        )  # fmt: skip
    else:
        from econml.dml import CausalForestDML

        model = CausalForestDML(
            model_y=outcome, model_t=arm, discrete_treatment=True, inference=False, cv=3,
            n_estimators=int(facts.get("trees", 200)), min_samples_leaf=10, random_state=1, n_jobs=1,
        )  # fmt: skip
    model.fit(y, t.astype(int), X=x)
    step = 200_000
    answers = np.concatenate(
        [model.effect(test[at : at + step]).ravel() for at in range(0, len(test), step)]
    )
    seconds = time.perf_counter() - start
    np.savez(folder / "output.npz", effect=answers)
    (folder / "output.json").write_text(
        json.dumps({"seconds": seconds, "version": econml.__version__})
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
