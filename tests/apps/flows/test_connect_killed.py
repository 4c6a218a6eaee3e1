"""A connector killed at random moments: nothing lost, nothing twice, refused rows too."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shopkeeper.apps.flows import connect
from shopkeeper.apps.flows.connect_run import run_connector
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.settings import load_settings
from shopkeeper.core.tables import ORDERS, QUARANTINE

CHILD = """
import sys
from shopkeeper.apps.flows.connect_run import run_connector
from shopkeeper.backends.open import open_runtime
from shopkeeper.core.settings import load_settings

runtime = open_runtime(load_settings(flags={"store.folder": sys.argv[1]}))
print("ready", flush=True)
while True:
    run_connector(runtime, "pos", environment={})
"""
KILLS = 5


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    till = sqlite3.connect(tmp_path / "till.db")
    till.execute(
        "create table pos (id integer primary key, order_id text, member_id text, order_date text, amount text)"
    )
    folder = tmp_path / "shop"
    settings = load_settings(flags={"store.folder": str(folder)})
    runtime = open_runtime(settings)
    given = {
        "kind": "sql", "url": f"sqlite:///{tmp_path / 'till.db'}", "table": "pos", "cursor": "id",
        "into": "orders", "overlap": 50, "batch_rows": 40, "every": 1,
    }  # fmt: skip
    connect.save(runtime.state, connect.definition_of("pos", given), now=runtime.clock.now())
    runtime.close()
    dice, number = random.Random(5), 0

    def sell(count: int) -> None:
        nonlocal number
        rows = []
        for _ in range(count):
            number += 1
            amount = "oops" if number % 10 == 0 else "5.00"
            rows.append((f"O{number}", f"M{number % 50}", "2026-01-05 10:00:00", amount))
        till.executemany(
            "insert into pos (order_id, member_id, order_date, amount) values (?, ?, ?, ?)", rows
        )
        till.commit()

    sell(200)
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, env=os.environ
        )
        assert child.stdout is not None
        child.stdout.readline()
        end = time.monotonic() + dice.uniform(0.05, 1.5)
        while time.monotonic() < end:
            sell(dice.randint(1, 30))
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    runtime = open_runtime(settings)
    try:
        while not run_connector(runtime, "pos", environment={}).drained:
            pass
        orders = runtime.tables.run(runtime.tables.table(ORDERS).select("order_id"))
        stored = orders.column("order_id").to_pylist()
        refused = runtime.tables.run(runtime.tables.table(QUARANTINE).select("raw"))
        assert sorted(stored) == sorted(f"O{x}" for x in range(1, number + 1) if x % 10)
        assert refused.num_rows == number // 10
    finally:
        runtime.close()
        till.close()
