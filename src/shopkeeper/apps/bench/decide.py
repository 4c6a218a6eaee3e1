"""How fast one customer is read and decided about, over HTTP, while others ask too."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from shopkeeper.apps.bench.open_loop import Answers, Load, drive
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.errors import NotFoundError, StoreError
from shopkeeper.core.ports import ProfileUpdate
from shopkeeper.core.settings import load_settings
from shopkeeper.features.library_index import select_features

__all__ = ["run"]

CUSTOMERS, RATE, SECONDS, CANDIDATES = 50_000, 1_000, 20.0, 20
METHODS = ("profile", "decide")
_CHUNK = 2_000
_AT_US = 1_795_305_600_000_000


def run(options: BenchOptions) -> list[BenchRow]:
    """Read profiles and decide among 20 candidates at 1,000 requests a second.

    Parameters
    ----------
    options
        ``customers`` profiles of every feature are stored; ``events`` is the number of requests
        of each kind; ``methods`` chooses among ``profile`` and ``decide``.

    Returns
    -------
    list[BenchRow]
        Latency in milliseconds from when a request was due, and answers a second.

    Raises
    ------
    NotFoundError
        If there is no method of a given name.
    """
    unknown = sorted(set(options.methods) - set(METHODS))
    if unknown:
        raise NotFoundError(
            f"decide has no method {', '.join(unknown)}",
            next_step=f"Choose among {', '.join(METHODS)}",
            methods=unknown,
        )
    customers = options.customers or CUSTOMERS
    seconds = (options.events or RATE * SECONDS) / RATE
    rows: list[BenchRow] = []
    with tempfile.TemporaryDirectory() as folder:
        size = _fill(Path(folder), customers, options.seed)
        with _served(Path(folder)) as port:
            for method in options.methods or METHODS:
                asked = _REQUESTS[method](customers, options.seed)
                drive(Load(port, asked, RATE, 2.0))
                with measure() as took:
                    answers = drive(Load(port, asked, RATE, seconds))
                rows += _rows(method, answers, customers, size, seconds, took.seconds, options.seed)
    return rows


def _rows(
    method: str,
    answers: Answers,
    customers: int,
    size: float,
    seconds: float,
    took: float,
    seed: int,
) -> list[BenchRow]:
    refused = {k: v for k, v in answers.statuses.items() if k != 200}
    if refused:
        raise StoreError(
            f"the service did not answer every request: {refused}",
            next_step="Look at its log",
            statuses=refused,
        )
    figures = {
        "p50": answers.p50_ms,
        "p95": answers.p95_ms,
        "p99": answers.p99_ms,
        "worst": answers.worst_ms,
        "per_second": answers.rate,
    }
    return [
        BenchRow(
            "decide",
            f"{customers:,} generated profiles of {size / 1024:.1f} KB",
            f"open loop, {RATE:,} requests/s, {CANDIDATES} candidates, milliseconds",
            method,
            metric,
            value,
            n=round(RATE * seconds),
            seconds=took,
            seed=seed,
        )
        for metric, value in figures.items()
    ]


def _fill(folder: Path, customers: int, seed: int) -> float:
    """Store generated profiles; bytes of one on average."""
    runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    rng = np.random.default_rng(seed)
    features = select_features(None)
    total = 0
    for start in range(0, customers, _CHUNK):
        ids = [f"c_{i:020x}" for i in range(start, min(start + _CHUNK, customers))]
        numbers = rng.integers(0, 1000, (len(ids), len(features))).tolist()
        sections: dict[str, Any] = {
            who: _features([x.name for x in features], [x.dtype for x in features], values)
            for who, values in zip(ids, numbers, strict=True)
        }
        total += sum(len(json.dumps(x)) for x in sections.values())
        runtime.profiles.apply(
            ProfileUpdate(
                "features",
                profiles=sections,
                identifiers={f"user:{start + i}": x for i, x in enumerate(ids)},
            )
        )
    runtime.close()
    return total / customers


def _features(names: list[str], kinds: list[str], values: list[int]) -> dict[str, Any]:
    traits = {
        name: ("tea" if kind == "string" else value)
        for name, kind, value in zip(names, kinds, values, strict=True)
    }
    return {
        "as_of_us": _AT_US,
        "features": traits,
        "scores": {
            "expected_orders": {
                "value": 0.4, "unit": "orders", "horizon_days": 60, "model": "blend",
            }
        },
    }  # fmt: skip


def _profile_requests(customers: int, seed: int) -> list[bytes]:
    who = np.random.default_rng([seed, 1]).integers(0, customers, 5_000).tolist()
    return [f"GET /v1/profiles/user:{x} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode() for x in who]


def _decide_requests(customers: int, seed: int) -> list[bytes]:
    rng = np.random.default_rng([seed, 2])
    requests = []
    for x in rng.integers(0, customers, 5_000).tolist():
        body = json.dumps(
            {
                "customer": f"user:{x}",
                "candidates": [
                    {
                        "id": f"offer{i}",
                        "kind": ("reminder", "percent", "amount")[i % 3],
                        "category": "tea" if i % 2 else "",
                        "discount_rate": 0.01 * (i % 5),
                    }
                    for i in range(CANDIDATES)
                ],
            }
        ).encode()
        requests.append(
            b"POST /v1/decide HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
    return requests


_REQUESTS = {"profile": _profile_requests, "decide": _decide_requests}


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    """``shopkeeper up`` over the folder; the worker stays out, so that the figures are the API's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = {**os.environ, "SHOPKEEPER_LIVE__WORKER": "false"}
    command = [
        sys.executable, "-m", "shopkeeper.apps.cli.main", "up", "--shop", str(folder),
        "--port", str(port),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise StoreError("the service did not start", next_step="Start it by hand: shopkeeper up")
