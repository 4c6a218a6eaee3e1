"""Uplift on a large simulated trial: time and memory, peers on the largest size they survive."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.predict.uplift.curve import exact_curve
from shopkeeper.predict.uplift.large import Chunk, curve_of_chunks, fit_chunks
from shopkeeper.simulate.uplift import LARGE_FEATURES, draw_large

__all__ = ["large_rows"]

ROWS = 14_000_000
CHUNK = 500_000
PEER_SIZES = (30_000, 100_000, 300_000, 1_000_000)
PEER_LIMIT_S = 180.0
TEST_ROWS = 200_000
PEERS = (
    ("econml causal forest", "econml_uplift.py"),
    ("causalml x-learner", "causalml_uplift.py"),
)


def _chunks(rows: int, seed: int) -> Iterator[Chunk]:
    for part in draw_large(rows, seed, CHUNK):
        yield Chunk(part.matrix, part.treated, part.outcome)


def large_rows(options: BenchOptions) -> list[BenchRow]:
    """Train and draw the Qini curve on 14 million rows in chunks; peers on growing sizes.

    Parameters
    ----------
    options : BenchOptions
        `customers` replaces the 14 million; `seed`, `peers`.

    Returns
    -------
    list[BenchRow]
        seconds_train, seconds_qini, qini and pehe of ours; seconds, qini and pehe of each peer on
        the largest size it finished within three minutes.
    """
    rows, seed = options.customers or ROWS, options.seed
    data = f"simulated {rows:,} x {LARGE_FEATURES}"
    names = tuple(f"x{place}" for place in range(LARGE_FEATURES))
    with measure() as train:
        model = fit_chunks(_chunks(rows, seed), names, rows, seed=seed)
    with measure() as scored:
        sketch = curve_of_chunks(model, _chunks(rows, seed), seed=seed)
        low, high = sketch.interval(seed)
    curve = sketch.curve()
    held = int(sketch.sums[..., :2].sum())
    test = next(draw_large(TEST_ROWS, seed + 1_000_000, TEST_ROWS))
    pehe = float(np.sqrt(np.mean((model.effect.predict(test.matrix) - test.effect) ** 2)))
    protocol = "chunks generated and streamed, one row in five held out by hash"
    peak = max(train.peak_mb or 0.0, scored.peak_mb or 0.0) or None
    figures: list[tuple[str, float, float | None, float | None, int]] = [
        ("qini", curve.qini, low, high, held), ("auuc", curve.auuc, None, None, held),
        ("pehe", pehe, None, None, TEST_ROWS),
        ("seconds_train", train.seconds, None, None, rows),
        ("seconds_qini", scored.seconds, None, None, rows),
    ]  # fmt: skip
    answer = [
        BenchRow("uplift", data, protocol, "shopkeeper", metric, value, at, to, n,
                 train.seconds + scored.seconds, peak, seed)
        for metric, value, at, to, n in figures
    ]  # fmt: skip
    if options.peers and peer_python("causal"):
        for name, script in PEERS:
            answer += _peer_rows(name, script, rows, seed)
    return answer


def _peer_rows(name: str, script: str, most: int, seed: int) -> list[BenchRow]:
    """Figures of the largest size a peer finished, and of the size it did not."""
    test = next(draw_large(TEST_ROWS, seed + 1_000_000, TEST_ROWS))
    kept: list[BenchRow] = []
    for size in (x for x in PEER_SIZES if x <= most):
        seen = next(draw_large(size, seed, size))
        arrays = {"x": seen.matrix, "t": seen.treated, "y": seen.outcome, "test": test.matrix}
        done = run_peer("causal", script, arrays, {"trees": 100}, timeout_s=PEER_LIMIT_S)
        data = f"simulated {size:,} x {LARGE_FEATURES}"
        print(f"shopkeeper bench: {name} {size:,}: {done.failed or 'done'}", file=sys.stderr)  # noqa: T201
        if done.failed:
            kept.append(BenchRow(
                "uplift", data, f"one process, at most {PEER_LIMIT_S:g} s: {done.failed}", name,
                "pehe", None, None, None, size, done.seconds, done.peak_mb, seed,
            ))  # fmt: skip
            break
        effect = np.asarray(done.arrays["effect"], dtype=np.float64)
        figures = {
            "pehe": float(np.sqrt(np.mean((effect - test.effect) ** 2))),
            "qini": exact_curve(effect, test.treated, test.outcome).qini,
            "seconds_train": done.seconds,
        }
        kept = [
            BenchRow("uplift", data, f"one process, at most {PEER_LIMIT_S:g} s", name, metric,
                     value, None, None, size, done.seconds, done.peak_mb, seed)
            for metric, value in figures.items()
        ]  # fmt: skip
    return kept
