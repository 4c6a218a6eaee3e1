"""Writers at the same time, writers that die, and disks that are full."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shopkeeper.backends.embedded.lake import DeltaStore
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.core.errors import StorageFullError
from shopkeeper.core.tables import SEGMENTS

WRITER = """
import pyarrow as pa
from datetime import UTC, datetime
from pathlib import Path
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.core.tables import SEGMENTS
store = open_delta_store(Path(folder), memory_mb=256, threads=1)
for i in range(commits):
    n = [f"{who}-{i}-{j}" for j in range(rows)]
    store.append(SEGMENTS, pa.table({
        "customer_id": n, "as_of": [datetime(2024, 1, 1, tzinfo=UTC)] * rows,
        "scheme": ["s"] * rows, "label": [f"{who}-{i}"] * rows}), token=(who, i))
    Path(report).write_text(str(i))
"""
FULL = """
import resource
from pathlib import Path
import numpy as np
import pyarrow as pa
from shopkeeper.backends.embedded.open_lake import open_delta_store
from shopkeeper.core.errors import StorageFullError
from shopkeeper.core.tables import SEGMENTS
store = open_delta_store(Path(folder), memory_mb=256, threads=1)
n = 100_000
rng = np.random.default_rng(7)
text = [rng.bytes(32).hex() for _ in range(n)]
moments = pa.array([0] * n, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
rows = pa.table({"customer_id": text, "as_of": moments, "scheme": ["s"] * n, "label": ["x"] * n})
said = []
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for write in (store.append, store.replace):
    try:
        write(SEGMENTS, rows)
    except StorageFullError as error:
        said.append(str(error))
Path(report).write_text("\\n".join(said))
"""
FRESH = multiprocessing.get_context("forkserver")
FRESH.set_forkserver_preload(["shopkeeper.backends.embedded.lake"])


def start(script: str, **names: object) -> Any:
    """A process of its own that has the imports done; it reports through a file."""
    process = FRESH.Process(target=exec, args=(script, names), daemon=True)
    process.start()
    return process


def finish(process: Any) -> None:
    process.join(timeout=120)
    assert process.exitcode == 0


def customers(prefix: str, n: int) -> pa.Table:
    moments = pa.array([0] * n, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            "customer_id": [f"{prefix}-{i}" for i in range(n)],
            "as_of": moments,
            "scheme": ["s"] * n,
            "label": [prefix] * n,
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeltaStore]:
    opened = open_delta_store(tmp_path, memory_mb=256, threads=2)
    yield opened
    opened.close()


def test_threads_that_append_and_read_lose_nothing(store: DeltaStore) -> None:
    wrong: list[int] = []

    def write(who: int) -> None:
        for i in range(8):
            store.append(SEGMENTS, customers(f"{who}-{i}", 5))

    def read() -> None:
        for _ in range(15):
            n = store.run(store.table(SEGMENTS)).num_rows
            if n % 5:
                wrong.append(n)

    threads = [threading.Thread(target=write, args=(x,)) for x in range(4)]
    threads.append(threading.Thread(target=read))
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    assert wrong == []
    assert store.count(SEGMENTS) == 4 * 8 * 5
    found = store.run(store.table(SEGMENTS).select("customer_id")).column(0).to_pylist()
    assert len(set(found)) == 160


def test_two_processes_lose_nothing(store: DeltaStore, tmp_path: Path) -> None:
    writers = [
        start(WRITER, folder=str(tmp_path), who=x, commits=10, rows=3, report=str(tmp_path / x))
        for x in ("a", "b")
    ]
    for writer in writers:
        finish(writer)
    assert store.count(SEGMENTS) == 60
    assert store.version(SEGMENTS) == 19


def test_a_killed_writer_leaves_whole_commits_and_its_tokens(
    store: DeltaStore, tmp_path: Path
) -> None:
    rows, report = 2_000, tmp_path / "confirmed"
    names = {"folder": str(tmp_path), "who": "w", "rows": rows, "report": str(report)}
    writer = start(WRITER, commits=10_000, **names)
    deadline = time.monotonic() + 60
    while not (report.exists() and report.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(timeout=60)
    assert writer.exitcode == -signal.SIGKILL
    confirmed = int(report.read_text() or -1)
    n = store.count(SEGMENTS)
    assert n % rows == 0
    assert n // rows >= confirmed + 1
    assert store.run(store.table(SEGMENTS)).num_rows == n
    finish(start(WRITER, commits=n // rows + 2, **names))
    assert store.count(SEGMENTS) == n + 2 * rows


def check_full(folder: Path, report: Path, limit: int) -> None:
    store = open_delta_store(folder, memory_mb=256, threads=1)
    store.append(SEGMENTS, customers("before", 10))
    files = set((folder / "lake" / "segments").rglob("*.parquet"))
    finish(start(FULL, folder=str(folder), report=str(report), limit=limit))
    lines = report.read_text().splitlines()
    assert len(lines) == 2
    assert all("no room left" in x and "Next: Free space" in x for x in lines)
    assert (store.version(SEGMENTS), store.count(SEGMENTS)) == (0, 10)
    assert store.run(store.table(SEGMENTS)).num_rows == 10
    assert set((folder / "lake" / "segments").rglob("*.parquet")) == files
    store.append(SEGMENTS, customers("after", 10))
    assert store.count(SEGMENTS) == 20
    store.close()


def test_a_file_that_may_not_grow_leaves_nothing_visible(tmp_path: Path) -> None:
    check_full(tmp_path, tmp_path / "report", limit=1_000_000)


def test_a_full_disk_leaves_nothing_visible(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        check_full(disk, tmp_path / "report", limit=0)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_reading_a_full_disk_is_told_apart(tmp_path: Path) -> None:
    from shopkeeper.backends.embedded.disk import full_disk_as_error

    with (
        pytest.raises(StorageFullError, match="no room left in .* to write rows"),
        full_disk_as_error(tmp_path, "rows"),
    ):
        raise OSError(28, "No space left on device")
    with pytest.raises(ValueError, match="else"), full_disk_as_error(tmp_path, "rows"):
        raise ValueError("else")
