"""Peer libraries beside ours: each in an environment of its own, each run as a whole process.

``make peers`` creates the environments (folder `.peers`, or the one named by `SHOPKEEPER_PEERS`).
A peer never enters our process: its versions would bind ours, and its memory would count as ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shopkeeper.core.errors import PlanError

__all__ = ["PEER_SCRIPTS", "PeerRun", "peer_python", "run_peer"]

PEER_SCRIPTS = Path(__file__).parent / "peer_scripts"
ENVIRONMENTS = ("causal", "recommend", "value", "forecast")


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What a peer answered.

    Parameters
    ----------
    arrays
        Arrays it wrote, by name.
    facts
        JSON values it wrote, such as its version.
    seconds
        Wall time the script stated for fit and answer (key ``seconds`` of its facts), else of the
        whole process.
    peak_mb
        Highest resident memory of its process, MiB.
    failed
        Why there is no answer: the last line of its error, ``out of memory`` or ``out of time``;
        empty if there is one.
    """

    arrays: Mapping[str, Any]
    facts: Mapping[str, Any]
    seconds: float
    peak_mb: float
    failed: str = ""


def peer_python(environment: str) -> Path | None:
    """Interpreter of an environment of peers.

    Parameters
    ----------
    environment
        One of ``causal``, ``recommend``, ``value``, ``forecast``.

    Returns
    -------
    Path or None
        None where ``make peers`` was not run.
    """
    root = Path(os.environ.get("SHOPKEEPER_PEERS", ".peers"))
    python = root / environment / "bin" / "python"
    # Not resolved: the link's folder is what makes it the environment.
    return python.absolute() if python.exists() else None


def run_peer(
    environment: str,
    script: str,
    arrays: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    timeout_s: float = 1800.0,
    memory_mb: int = 16_384,
) -> PeerRun:
    """Run a script of `peer_scripts` in its environment.

    The script gets one argument, a folder with ``input.npz`` and ``input.json``; it writes
    ``output.npz`` and ``output.json`` there.

    Parameters
    ----------
    environment
        Environment of the peer; must exist (`peer_python`).
    script
        File name in `peer_scripts`.
    arrays
        Inputs.
    facts
        Settings, plain JSON values.
    timeout_s
        Longest wall time.
    memory_mb
        Address space it may take; what asks for more fails and is reported as such.

    Returns
    -------
    PeerRun
        Its answer, or why it failed.

    Raises
    ------
    PlanError
        When the environment does not exist.
    """
    python = peer_python(environment)
    if python is None:
        raise PlanError(
            f"the peers of {environment!r} are not installed",
            next_step="install them with: make peers",
            environment=environment,
        )
    with tempfile.TemporaryDirectory(prefix="shopkeeper-peer-") as scratch:
        folder = Path(scratch)
        named: dict[str, Any] = {name: np.asarray(values) for name, values in arrays.items()}
        np.savez(folder / "input.npz", **named)
        (folder / "input.json").write_text(json.dumps(dict(facts)), encoding="utf-8")
        start = time.perf_counter()
        peak_mb, failed = _wait(
            [str(python), str(PEER_SCRIPTS / script), str(folder)], folder, timeout_s, memory_mb
        )
        seconds = time.perf_counter() - start
        if failed:
            return PeerRun({}, {}, seconds, peak_mb, failed)
        with np.load(folder / "output.npz", allow_pickle=False) as file:
            answers = {name: file[name] for name in file.files}
        told = json.loads((folder / "output.json").read_text(encoding="utf-8"))
    return PeerRun(answers, told, float(told.get("seconds", seconds)), peak_mb)


def _wait(command: list[str], folder: Path, timeout_s: float, memory_mb: int) -> tuple[float, str]:
    """Run to the end, watching memory from outside (a peer's threads share one process)."""
    import psutil

    with (folder / "error.txt").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        watched = psutil.Process(process.pid)
        peak, failed = 0.0, ""
        deadline = time.monotonic() + timeout_s
        while process.poll() is None:
            try:
                tree = [watched, *watched.children(recursive=True)]
                now = sum(x.memory_info().rss for x in tree) / 1_048_576
            except psutil.Error:
                now = 0.0
            peak = max(peak, now)
            failed = "out of memory" if now > memory_mb else failed
            failed = "out of time" if time.monotonic() > deadline else failed
            if failed:
                process.kill()
                process.wait()
                return peak, failed
            time.sleep(0.05)
    if process.returncode:
        lines = (folder / "error.txt").read_text(errors="replace").strip().splitlines()
        return peak, lines[-1] if lines else f"exit code {process.returncode}"
    return peak, ""
