"""From the send of an event until it is visible, measured from outside at a steady rate.

A server process takes batches, a worker process brings them to profiles and lake, as they
run in a shop. Beside the load, single marked events are sent, and the profile store and the lake
are asked again and again whether they can be seen yet.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shopkeeper.apps.bench.durability import WRITE_KEY, prepare_shop
from shopkeeper.apps.bench.durability_processes import Fleet, free_port
from shopkeeper.apps.bench.live_load import Probes, Steady, cpu_seconds, wait_for_port
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.settings import load_settings

RATE = 5_000
SECONDS = 30
WARM_S = 5.0
FLIPS = 20
METHODS = {
    "profiles": "profiles and lake",
    "features": "profiles, lake and online features",
}


def run(options: BenchOptions) -> list[BenchRow]:
    """Latencies in milliseconds, and the processor time that the rate takes.

    Parameters
    ----------
    options
        ``events`` is how many are sent at 5,000 a second; default 150,000. ``methods`` is a choice
        among ``profiles`` and ``features``.

    Returns
    -------
    list of BenchRow

    Raises
    ------
    NotFoundError
        If there is no method of a given name.
    """
    chosen = options.methods or tuple(METHODS)
    unknown = sorted(set(chosen) - set(METHODS))
    if unknown:
        raise NotFoundError(
            f"live has no method {', '.join(unknown)}",
            next_step=f"Choose among {', '.join(METHODS)}",
            methods=unknown,
        )
    seconds = max((options.events or RATE * SECONDS) / RATE, 5.0)
    rows: list[BenchRow] = []
    for method in chosen:
        with tempfile.TemporaryDirectory(prefix="live-") as folder:
            figures, sent = _measured(
                Path(folder), seconds, options.seed, online=method == "features"
            )
        rows += [
            BenchRow(
                "live", f"{RATE} events/s for {seconds:.0f} s in batches of 100",
                "server, worker, load and probes on one machine; a marker every 50 ms",
                METHODS[method], metric, value, n=sent, seconds=round(seconds, 1),
                seed=options.seed,
            )
            for metric, value in figures.items()
        ]  # fmt: skip
    return rows


def _measured(
    folder: Path, seconds: float, seed: int, *, online: bool
) -> tuple[Mapping[str, float], int]:
    flags = {
        "store.folder": str(folder / "shop"),
        "live.worker": False,
        "live.online_features": online,
    }
    settings = load_settings(flags=flags)
    prepare_shop(settings)
    port = free_port()
    runtime = open_runtime(settings)
    try:
        with Fleet(flags, port, workers=1) as fleet:
            wait_for_port(port)
            load = Steady(port, WRITE_KEY, rate=RATE, seed=seed)
            probes = Probes(port, WRITE_KEY, runtime, flips=FLIPS)
            load.start()
            time.sleep(WARM_S)  # files are created and code is warm
            began, used = time.monotonic(), cpu_seconds(fleet.pids())
            probes.start()
            time.sleep(seconds)
            took = time.monotonic() - began
            cpu = {k: v - used[k] for k, v in cpu_seconds(fleet.pids()).items()}
            load.stop()
            probes.stop()
        sent = load.sent
    finally:
        runtime.close()
    figures = {
        **_quantiles("event to profile visible", probes.profile_s),
        **_quantiles("event to lake visible", probes.lake_s),
        **_quantiles("windowed trait flip delay", probes.flip_s),
        **_quantiles("batch acknowledged", load.latencies),
        "markers": len(probes.profile_s),
        "markers never seen": probes.missing,
        "events/s sent": sent / (took + WARM_S),
        **{f"cpu {role} cores": spent / took for role, spent in cpu.items()},
    }
    return figures, sent


def _quantiles(name: str, seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {f"{name} p50 ms": float("nan")}
    values = np.quantile(np.array(seconds) * 1000, [0.5, 0.95, 0.99, 1.0])
    return {
        f"{name} {q} ms": round(float(x), 1)
        for q, x in zip(("p50", "p95", "p99", "worst"), values, strict=True)
    }
