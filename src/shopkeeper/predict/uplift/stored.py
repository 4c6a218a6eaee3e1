"""Nested values as JSON, with arrays in one npz and trees in text files: no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class FolderWriter:
    """Takes arrays and long texts out of plain values, into files.

    Parameters
    ----------
    folder : Path
        Where files go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._texts = folder, 0
        self._arrays: dict[str, Any] = {}
        for old in folder.glob("trees_*.txt"):
            old.unlink()

    def put(self, value: Any) -> Any:
        """Plain value that names a file where an array or a long text was.

        Parameters
        ----------
        value : Any
            Nested mappings, lists, arrays, texts and numbers.
        """
        if isinstance(value, np.ndarray):
            name = f"array_{len(self._arrays)}"
            self._arrays[name] = value
            return {"array": name}
        if isinstance(value, str) and len(value) > 500:
            name = f"trees_{self._texts}.txt"
            self._texts += 1
            (self._folder / name).write_text(value, encoding="utf-8")
            return {"file": name}
        if isinstance(value, Mapping):
            return {key: self.put(part) for key, part in value.items()}
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            return [self.put(part) for part in value]
        return value

    def close(self) -> None:
        """Write the arrays."""
        np.savez_compressed(self._folder / "arrays.npz", **self._arrays)


class FolderReader:
    """Puts arrays and texts back.

    Parameters
    ----------
    folder : Path
        Where the texts lie.
    arrays : Mapping[str, Any]
        Arrays by name.
    """

    def __init__(self, folder: Path, arrays: Mapping[str, Any]) -> None:
        self._folder, self._arrays = folder, arrays

    def get(self, value: Any) -> Any:
        """The value that `FolderWriter.put` was given.

        Parameters
        ----------
        value : Any
            What it returned.
        """
        if isinstance(value, Mapping):
            if set(value) == {"array"}:
                return self._arrays[value["array"]]
            if set(value) == {"file"}:
                # A name of our own, never a path out of the folder.
                return (self._folder / Path(value["file"]).name).read_text(encoding="utf-8")
            return {key: self.get(part) for key, part in value.items()}
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            return [self.get(part) for part in value]
        return value
