"""A load that is killed with SIGKILL at any moment leaves whole chunks, and a rerun completes it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.compute as pc
import pytest

from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.core.tables import LOADS, ORDERS, QUARANTINE

ROWS, CHUNK = 3_000, 500
SERVER = """
import datetime as dt, os, sys
from pathlib import Path
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.collect.load import load, plan_load
from shopkeeper.collect.mapping import SourceMapping
from shopkeeper.collect.sources.open import open_source
from shopkeeper.core.settings import load_settings

def one(shop, file, chunk):
    settings = load_settings()
    tables = open_delta_store(Path(shop), memory_mb=512, threads=1)
    mapping = SourceMapping.from_dict({"table": "orders", "columns": {"customer_ref": "customer",
        "occurred_at": "day", "amount_minor": "amount", "order_id": "order"}})
    source = open_source(file, known=lambda _: True)
    plan = plan_load(source, mapping, settings=settings, chunk_rows=int(chunk))
    load(plan, tables, now=dt.datetime(2026, 11, 21, tzinfo=dt.UTC))

for line in sys.stdin:
    child = os.fork()  # nothing was started yet: imports are shared, each load is its own process
    if child == 0:
        try:
            one(*line.split())
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Loads:
    """Starts loads in fresh processes that need not import anything again."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1,
        )  # fmt: skip

    def run(self, shop: Path, file: Path, kill_after: float | None = None) -> int:
        """Exit code of one load; -9 if it was killed after that many seconds."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(f"{shop} {file} {CHUNK}\n")
        self._server.stdin.flush()
        child = int(self._server.stdout.readline())
        timer = None
        if kill_after is not None:
            timer = threading.Timer(kill_after, _kill, (child,))
            timer.start()
        code = int(self._server.stdout.readline())
        if timer is not None:
            timer.cancel()
        return code

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


def put(folder: Path) -> tuple[Path, int, int]:
    """A file, the sum of its good amounts in fen, and how many rows are bad."""
    file = folder / "orders.csv"
    total = bad = 0
    with file.open("w") as out:
        out.write("order,customer,day,amount\n")
        for i in range(ROWS):
            if i % 97 == 5:
                bad += 1
                out.write(f"O{i},C{i % 50},someday,1\n")
            else:
                total += i % 1000
                out.write(f"O{i},C{i % 50},2024-{i % 12 + 1:02d}-11,{i % 1000 / 100:.2f}\n")
    return file, total, bad


def looked_at(shop: Path) -> tuple[int, int, int, int, int]:
    """Rows, distinct orders, sum, quarantined rows, finished loads."""
    tables = open_delta_store(shop, memory_mb=512, threads=1)
    try:
        orders = tables.run(tables.table(ORDERS).select("order_id", "amount_minor"))
        return (
            orders.num_rows,
            pc.count_distinct(orders["order_id"]).as_py(),
            pc.sum(orders["amount_minor"]).as_py() or 0,
            tables.count(QUARANTINE),
            tables.count(LOADS),
        )
    finally:
        tables.close()


def kill_and_finish(folder: Path, moments: int, seed: int) -> int:
    """Kill loads at random moments; returns how many died before they were done."""
    file, total, bad = put(folder)
    loads = Loads()
    expected = (ROWS - bad, ROWS - bad, total, bad, 1)
    assert loads.run(folder / "warm", file) == 0
    began = time.perf_counter()
    assert loads.run(folder / "whole", file) == 0
    length = time.perf_counter() - began
    assert looked_at(folder / "whole") == expected
    rng = random.Random(seed)
    killed = 0
    for number in range(moments):
        shop = folder / f"shop{number}"
        code = loads.run(shop, file, kill_after=rng.uniform(0.1, 1.0) * length)
        if code == -signal.SIGKILL:
            killed += 1
            rows, distinct, _, refused, done = looked_at(shop)
            assert rows == distinct
            assert refused <= bad
            assert done == 0 or rows == ROWS - bad
        assert loads.run(shop, file) == 0
        assert looked_at(shop) == expected
    loads.close()
    return killed


def test_killed_at_a_few_moments(tmp_path: Path) -> None:
    assert kill_and_finish(tmp_path, 4, seed=1) > 0


@pytest.mark.slow
def test_killed_at_fifty_random_moments(tmp_path: Path) -> None:
    assert kill_and_finish(tmp_path, 50, seed=7) >= 25
