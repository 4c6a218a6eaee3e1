"""lifetimes: BG/NBD, Pareto/NBD and Gamma-Gamma on a summary; runs in an environment of its own.

Input arrays `frequency`, `recency`, `age`, `monetary` (one entry a customer), `value_frequency`,
`value_recency`, `value_age`; facts `horizon` (same unit of time), `models` (names to fit).
Output arrays `<model>.p_alive`, `<model>.orders` and `mean`; facts: parameters, seconds, version.
"""

import json
import resource
import sys
import time
import types
from pathlib import Path

import numpy as np


def _fitters():
    # lifetimes asks for a module that newer installations no longer bring
    sys.modules.setdefault("pkg_resources", types.ModuleType("pkg_resources"))
    sys.modules["pkg_resources"].resource_filename = lambda _package, name: name
    import lifetimes

    return lifetimes


def main(folder: Path) -> None:
    """Fit, answer, write."""
    lifetimes = _fitters()
    facts = json.loads((folder / "input.json").read_text())
    with np.load(folder / "input.npz") as file:
        arrays = {name: file[name] for name in file.files}
    x, t_x, age = (arrays[name] for name in ("frequency", "recency", "age"))
    answers, told = {}, {"version": lifetimes.__version__, "took": {}, "peak": {}, "failed": {}}
    fitters = {
        "bg_nbd": lifetimes.BetaGeoFitter,
        "pareto_nbd": lifetimes.ParetoNBDFitter,
        "gamma_gamma": lifetimes.GammaGammaFitter,
    }
    start = time.perf_counter()
    for name in facts["models"]:
        began = time.perf_counter()
        try:
            fitted = fitters[name](penalizer_coef=0.0)
            if name == "gamma_gamma":
                kept = (x > 0) & (arrays["monetary"] > 0)
                fitted.fit(x[kept], arrays["monetary"][kept])
                answers["mean"] = np.asarray(
                    fitted.conditional_expected_average_profit(x, arrays["monetary"])
                )
            else:
                fitted.fit(x, t_x, age)
                alive = fitted.conditional_probability_alive(x, t_x, age)
                orders = fitted.conditional_expected_number_of_purchases_up_to_time(
                    facts["horizon"], x, t_x, age
                )
                answers[f"{name}.p_alive"] = np.asarray(alive, dtype=float)
                answers[f"{name}.orders"] = np.asarray(orders, dtype=float)
            told[name] = {key: float(value) for key, value in dict(fitted.params_).items()}
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
            told["failed"][name] = f"{type(error).__name__}: {error}"[:200]
        told["took"][name] = time.perf_counter() - began
        told["peak"][name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told["seconds"] = time.perf_counter() - start
    np.savez(folder / "output.npz", **answers)
    (folder / "output.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
