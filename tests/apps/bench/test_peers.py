"""Peers run as processes of their own: what they answer comes back, what fails is said."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from shopkeeper.apps.bench.peers import peer_python, run_peer
from shopkeeper.core.errors import PlanError

DOUBLE = """
import json, pathlib, sys
import numpy as np
folder = pathlib.Path(sys.argv[1])
given = np.load(folder / "input.npz")
facts = json.loads((folder / "input.json").read_text())
np.savez(folder / "output.npz", y=given["x"] * facts["times"])
(folder / "output.json").write_text(json.dumps({"seconds": 0.25, "version": "1.0"}))
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of peers called `value` whose interpreter is this one."""
    python = tmp_path / "value" / "bin" / "python"
    python.parent.mkdir(parents=True)
    # A wrapper, not a link: an interpreter looks for its packages beside itself.
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("SHOPKEEPER_PEERS", str(tmp_path))
    return tmp_path


def _script(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


def test_answer_comes_back(environment: Path) -> None:
    run = run_peer("value", _script(environment, DOUBLE), {"x": [1.0, 2.0]}, {"times": 3})
    assert run.failed == ""
    assert np.array_equal(run.arrays["y"], [3.0, 6.0])
    assert (run.facts["version"], run.seconds) == ("1.0", 0.25)


def test_its_memory_is_watched(environment: Path) -> None:
    hungry = "import time\nx = bytearray(400_000_000)\ntime.sleep(20)\n"
    run = run_peer("value", _script(environment, hungry), {}, {}, memory_mb=200)
    assert run.failed == "out of memory"
    assert run.peak_mb > 200


def test_what_takes_too_long_is_stopped(environment: Path) -> None:
    slow = "import time\ntime.sleep(30)\n"
    run = run_peer("value", _script(environment, slow), {}, {}, timeout_s=0.4)
    assert run.failed == "out of time"


def test_its_error_is_told(environment: Path) -> None:
    run = run_peer("value", _script(environment, "raise ValueError('no such prior')"), {}, {})
    assert run.failed == "ValueError: no such prior"


def test_absent_peers_name_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPKEEPER_PEERS", os.fspath(tmp_path / "none"))
    assert peer_python("causal") is None
    with pytest.raises(PlanError, match="make peers"):
        run_peer("causal", "x.py", {}, {})
