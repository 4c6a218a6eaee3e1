"""``shopkeeper worker`` as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import msgspec
import pytest

from shopkeeper.backends.open import open_runtime
from shopkeeper.collect.live.envelope import VERSION, Envelope, pack
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import EVENTS


@pytest.mark.slow
def test_a_worker_ends_with_everything_it_read_in_the_lake(tmp_path):
    folder = tmp_path / "shop"
    runtime = open_runtime(load_settings(flags={"store.folder": str(folder)}))
    for number in range(20):
        raw = msgspec.Raw(b'{"type":"track","event":"E","userId":"u","messageId":"m%d"}' % number)
        payload = pack(Envelope(VERSION, "events", "web", 1_780_000_000_000_000, [raw]))
        runtime.log.append(f"u{number}", [payload], received_us=1_780_000_000_000_000)
    worker = subprocess.Popen(
        [sys.executable, "-m", "shopkeeper.apps.cli.main", "worker", "--shop", str(folder)]
    )
    try:
        deadline = time.monotonic() + 90
        while not runtime.tables.exists(EVENTS) and time.monotonic() < deadline:
            time.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    finally:
        worker.kill()
        worker.wait()
    assert runtime.tables.count(EVENTS) == 20
    assert all(
        runtime.log.committed("stream", x) == runtime.log.head(x)
        for x in range(runtime.log.partitions)
    )
    runtime.close()
