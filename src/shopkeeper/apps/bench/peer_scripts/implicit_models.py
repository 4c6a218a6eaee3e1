"""Run one model of implicit with several settings: lists for validation and report.

Argument: a folder with ``input.npz`` and ``input.json``; writes ``output.npz`` and ``output.json``.
"""

import json
import sys
import time
from pathlib import Path

import implicit
import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender
from threadpoolctl import threadpool_limits


def _matrix(arrays, name):
    parts = (arrays[f"{name}_data"], arrays[f"{name}_indices"], arrays[f"{name}_indptr"])
    return sp.csr_matrix(parts, shape=tuple(arrays[f"{name}_shape"]))


def _make(name, settings, seed):
    if name == "als":
        return AlternatingLeastSquares(**settings, random_state=seed, num_threads=1)
    if name == "bpr":
        return BayesianPersonalizedRanking(**settings, random_state=seed, num_threads=1)
    return BM25Recommender(**settings, num_threads=1)


def _answer(model, name, past, histories, judged, facts):
    model.fit(past, show_progress=False)
    more = {"recalculate_user": True} if name == "als" else {}
    if name == "bpr":
        # Users it was trained on; what is seen comes from the histories.
        return model.recommend(
            judged,
            histories[judged],
            N=facts["k"],
            filter_already_liked_items=facts["exclude_seen"],
        )
    return model.recommend(
        np.arange(len(judged)),
        histories[judged],
        N=facts["k"],
        filter_already_liked_items=facts["exclude_seen"],
        **more,
    )


def _main(folder):
    arrays = np.load(folder / "input.npz", allow_pickle=False)
    facts = json.loads((folder / "input.json").read_text())
    output, seconds = {}, []
    with threadpool_limits(limits=1):
        for number, settings in enumerate(facts["settings"]):
            for part in ("val", "rep"):
                start = time.perf_counter()
                model = _make(facts["model"], settings, facts["seed"])
                past = _matrix(arrays, f"{part}_past")
                histories = _matrix(arrays, f"{part}_histories")
                items, scores = _answer(
                    model, facts["model"], past, histories, arrays[f"{part}_judged"], facts
                )
                took = time.perf_counter() - start
                output[f"{part}_items_{number}"] = items
                output[f"{part}_scores_{number}"] = scores
            seconds.append(took)
    np.savez(folder / "output.npz", **output)
    told = {"seconds": sum(seconds), "seconds_by_setting": seconds, "version": implicit.__version__}
    (folder / "output.json").write_text(json.dumps(told))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
