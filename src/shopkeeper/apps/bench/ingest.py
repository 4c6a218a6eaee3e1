"""How many events the door acknowledges after they are on disk, beside two other receivers."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shopkeeper.apps.bench.ingest_load import EVENTS
from shopkeeper.apps.bench.rows import BenchOptions, BenchRow, measure
from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.envelope import unpack
from shopkeeper.core.errors import NotFoundError, StoreError
from shopkeeper.core.settings import load_settings

__all__ = ["run"]

SENT = 400_000
"""Events sent to each receiver."""
CONNECTIONS = 16
WARMUP = 50
KEY = "bench-key"

METHODS = {
    "door": "the door over the event log",
    "plain": "FastAPI + pydantic, one commit a request",
    "ceiling": "bare ASGI, reads and answers only",
}


def run(options: BenchOptions) -> list[BenchRow]:
    """Send the same batches to each receiver, each in a process of its own.

    Parameters
    ----------
    options
        ``events`` is the number sent, ``methods`` a choice among ``door``, ``plain``, ``ceiling``.

    Returns
    -------
    list of BenchRow
        Events acknowledged a second, and milliseconds to the acknowledgement of a batch.

    Raises
    ------
    NotFoundError
        If there is no method of a given name.
    StoreError
        If the log does not hold exactly what was acknowledged.
    """
    chosen = options.methods or tuple(METHODS)
    unknown = sorted(set(chosen) - set(METHODS))
    if unknown:
        raise NotFoundError(
            f"ingest has no method {', '.join(unknown)}",
            next_step=f"Choose among {', '.join(METHODS)}",
            methods=unknown,
        )
    batches = max((options.events or SENT) // EVENTS, 2 * WARMUP)
    rows: list[BenchRow] = []
    for method in chosen:
        with measure() as took, tempfile.TemporaryDirectory() as folder:
            # The plain receiver is slower by far; the same seconds hold fewer batches.
            count = batches if method != "plain" else max(batches // 8, 2 * WARMUP)
            result = _measured(method, Path(folder), count, options.seed)
            if method == "door":
                _check_log(Path(folder), count * EVENTS)
        figures = {
            "events/s": result["answers"] * EVENTS / result["seconds"],
            **{f"{x} ms": result[x] for x in ("p50", "p95", "p99", "worst")},
            "refused": sum(result["refused"].values()),
            "load cpu s": result["cpu"],
        }
        rows += [
            BenchRow(
                "ingest",
                f"batches of {EVENTS} events, 54 KB",
                f"POST /v1/batch, {CONNECTIONS} connections, next batch after the answer, "
                "load on the same machine",
                METHODS[method],
                metric,
                value,
                n=result["answers"] * EVENTS,
                seconds=took.seconds,
                seed=options.seed,
            )
            for metric, value in figures.items()
        ]
    return rows


def _measured(method: str, folder: Path, batches: int, seed: int) -> dict[str, Any]:
    with (
        _process("ingest_servers", method, str(folder), KEY) as server,
        _process(
            "ingest_load", "127.0.0.1", _line(server), KEY, str(batches), str(WARMUP),
            str(CONNECTIONS), f"run{seed}",
        ) as load,
    ):  # fmt: skip
        _line(load)
        assert load.stdin is not None
        load.stdin.write("go\n")
        load.stdin.flush()
        result: dict[str, Any] = json.loads(_line(load))
    return result


def _check_log(folder: Path, events: int) -> None:
    """Everything acknowledged is in the log once; nothing else is."""
    runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    try:
        stored = 0
        for partition in range(runtime.log.partitions):
            offset = 0
            while records := runtime.log.read(partition, offset, limit=500):
                stored += sum(len(unpack(x.payload).events) for x in records)
                offset = records[-1].offset + 1
    finally:
        runtime.close()
    if stored != events:
        raise StoreError(
            f"{events} events were acknowledged, the log holds {stored}",
            next_step="Report it: events were lost or doubled",
        )


@contextmanager
def _process(module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"shopkeeper.apps.bench.{module}", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise StoreError(
            f"a process of the bench stopped with code {process.poll()}",
            next_step="Look at its messages above",
        )
    return line
