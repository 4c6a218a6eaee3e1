"""Runs of admitted message ids, and the checkpoint they are saved in."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

UInt64s = npt.NDArray[np.uint64]
UInt32s = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]

MANIFEST = "seen.json"
FORMAT = 1
STALE_S = 600.0
"""Files that no manifest names are removed when this much older than the newest one."""


@dataclass(frozen=True)
class Run:
    """Sorted distinct hashes and the second each was received."""

    hashes: UInt64s
    seconds: UInt32s

    def __len__(self) -> int:
        return len(self.hashes)

    @cached_property
    def name(self) -> str:
        """Digest of the content, which is also its file's name."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(np.ascontiguousarray(self.hashes).data)
        digest.update(np.ascontiguousarray(self.seconds).data)
        return f"{digest.hexdigest()}.npz"

    def without(self, gone: Bools) -> Run:
        """The rest, or this run if nothing is gone."""
        return Run(self.hashes[~gone], self.seconds[~gone]) if gone.any() else self


@dataclass(frozen=True)
class Frozen:
    """The set as it stood at one moment; cheap, and safe to save from another thread.

    Parameters
    ----------
    runs
        Largest first.
    key
        Secret of the hashes.
    since_s
        Everything received from this second on is remembered.
    """

    runs: tuple[Run, ...]
    key: bytes
    since_s: int

    def save(self, folder: Path, *, offset: int, facts: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint; the earlier one holds until the new one is whole.

        Parameters
        ----------
        folder
            One per partition.
        offset
            First log offset that is not covered.
        facts
            Further JSON values that belong to the same moment.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for run in self.runs:
            file = folder / run.name
            if not file.exists():
                _replace(file, lambda out, run=run: np.savez(out, h=run.hashes, s=run.seconds))
        body = {
            "format": FORMAT,
            "offset": offset,
            "since_s": self.since_s,
            "key": self.key.hex(),
            "runs": [x.name for x in self.runs],
            "facts": dict(facts or {}),
        }
        text = json.dumps(body, ensure_ascii=False, sort_keys=True)
        whole = json.dumps({"body": body, "digest": _digest(text)}, ensure_ascii=False).encode()
        _replace(folder / MANIFEST, lambda out: out.write(whole))
        _remove_stale(folder, {x.name for x in self.runs})


def read_manifest(text: str) -> dict[str, Any]:
    """Content of a checkpoint's manifest.

    Parameters
    ----------
    text
        JSON as written by :meth:`Frozen.save`.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is damaged or of another format.
    """
    whole: dict[str, Any] = json.loads(text)
    body: dict[str, Any] = whole["body"]
    if whole["digest"] != _digest(json.dumps(body, ensure_ascii=False, sort_keys=True)):
        raise ValueError("its digest does not match")
    if body["format"] != FORMAT:
        raise ValueError(f"it has format {body['format']}")
    return body


def read_run(file: Path) -> Run:
    """One run of a checkpoint.

    Parameters
    ----------
    file
        As named in the manifest.

    Returns
    -------
    Run

    Raises
    ------
    ValueError
        If its content does not match its name.
    """
    with np.load(file, allow_pickle=False) as arrays:
        run = Run(arrays["h"], arrays["s"])
    if run.name != file.name:
        raise ValueError(f"the content of {file.name} does not match its name")
    return run


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _replace(file: Path, write: Any) -> None:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    with partial.open("wb") as out:
        write(out)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def _remove_stale(folder: Path, named: set[str]) -> None:
    """Another worker may have named a file a moment ago, so only old ones go."""
    newest = (folder / MANIFEST).stat().st_mtime
    for file in folder.iterdir():
        if file.name in named or file.name == MANIFEST:
            continue
        try:
            if newest - file.stat().st_mtime > STALE_S:
                file.unlink()
        except FileNotFoundError:
            continue
