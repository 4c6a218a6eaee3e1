"""scikit-uplift's areas for given scores; runs in the environment `causal`."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Read scores, arms and binary outcomes; write its Qini and uplift figures."""
    from sklift.metrics import qini_auc_score, qini_curve, uplift_auc_score

    with np.load(folder / "input.npz") as file:
        score, t, y = (file[name] for name in ("score", "t", "y"))
    t, y = t.astype(int), y.astype(int)
    places, gains = qini_curve(y, score, t)
    area = np.trapezoid(gains, places)
    line = gains[-1] * places[-1] / 2.0
    # The area per capita, as ours is: customers on both axes are divided out.
    per_capita = (area - line) / len(y) / max(int(t.sum()), 1)
    np.savez(folder / "output.npz", places=places, gains=gains)
    (folder / "output.json").write_text(json.dumps({
        "version": version("scikit-uplift"), "seconds": 0.0, "per_capita": float(per_capita),
        "qini_auc": float(qini_auc_score(y, score, t)),
        "uplift_auc": float(uplift_auc_score(y, score, t)),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
