"""Server and worker processes that are killed and started again.

They are forked from a process that has imported the code and opened nothing, so that a restart
takes tens of milliseconds and most kills hit work, not imports.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import random
import signal
import socket
import threading
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, Self

WAIT_S = 30.0
PRELOADED = [
    "shopkeeper.apps.bench.durability_processes",
    "shopkeeper.apps.door.app",
    "shopkeeper.apps.worker.start",
    "shopkeeper.backends.open",
    "uvicorn.main",
    "uvloop",
    "httptools",
]
"""Modules that are imported before processes are forked."""


class Fleet:
    """One server and some workers; each that is killed is started again at once.

    Parameters
    ----------
    flags
        Settings of the shop.
    port
        The server listens on.
    workers
        How many.
    """

    def __init__(self, flags: Mapping[str, Any], port: int, *, workers: int) -> None:
        self._flags, self._port = dict(flags), port
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._roles = ["server", *(f"worker-{x}" for x in range(workers))]
        self._living: dict[str, BaseProcess] = {}

    def __enter__(self) -> Self:
        """Start all."""
        for role in self._roles:
            self._start(role)
        return self

    def __exit__(self, *_: object) -> None:
        """End all."""
        self.stop()

    def kill(self, chance: random.Random) -> str:
        """Kill one with SIGKILL and start it again; which kind it was.

        Parameters
        ----------
        chance
            Chooses: the server in one of three cases, else a worker.

        Returns
        -------
        str
            ``server`` or ``worker``.
        """
        role = chance.choice(self._roles)
        process = self._living[role]
        if process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        process.join(WAIT_S)
        self._start(role)
        return role.split("-", maxsplit=1)[0]

    def pids(self) -> dict[str, int]:
        """Process of each role."""
        return {role: x.pid for role, x in self._living.items() if x.pid is not None}

    def stop(self) -> None:
        """Ask all to end, kill those that do not."""
        for process in self._living.values():
            process.terminate()
        for process in self._living.values():
            process.join(WAIT_S)
            if process.is_alive():
                process.kill()
                process.join()
        self._living.clear()

    def _start(self, role: str) -> None:
        target = serve if role == "server" else work
        process = self._context.Process(
            target=target, args=(self._flags, self._port), name=role, daemon=True
        )
        process.start()
        self._living[role] = process


def serve(flags: Mapping[str, Any], port: int) -> None:
    """The door alone, as ``up`` serves it.

    Parameters
    ----------
    flags
        Settings of the shop.
    port
        To listen on.
    """
    import uvicorn

    from shopkeeper.apps.door.app import create_door
    from shopkeeper.backends.open import open_runtime
    from shopkeeper.core.settings import load_settings

    _quiet()
    runtime = open_runtime(load_settings(flags=flags))
    try:
        uvicorn.run(
            create_door(runtime), host="127.0.0.1", port=port, log_level="warning",
            access_log=False, http="httptools", loop="uvloop", ws="none", lifespan="off",
        )  # fmt: skip
    finally:
        runtime.close()


def work(flags: Mapping[str, Any], port: int) -> None:  # noqa: ARG001  as serve
    """One stream worker, as ``shopkeeper worker`` runs it.

    Parameters
    ----------
    flags
        Settings of the shop.
    port
        Not used.
    """
    from shopkeeper.apps.worker.start import collect_garbage_seldom, run_stream
    from shopkeeper.backends.open import open_runtime
    from shopkeeper.core.settings import load_settings

    _quiet()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    runtime = open_runtime(load_settings(flags=flags))
    collect_garbage_seldom()
    try:
        run_stream(runtime, stop)
    finally:
        runtime.close()


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _quiet() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(processName)s %(message)s")
