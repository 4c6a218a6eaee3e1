"""Models in a folder: ``<task>/<version>/`` with the files and ``card.json``."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from shopkeeper.backends.embedded.disk import full_disk_as_error
from shopkeeper.backends.embedded.locks import exclusive
from shopkeeper.core.errors import InputError, NotFoundError
from shopkeeper.core.ports import StoredModel

__all__ = ["FolderModels"]

CARD = "card.json"
ALIASES = "aliases.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,79}")
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth"})
_PICKLE_START = re.compile(rb"\x80[\x02-\x05]")


class _Card(msgspec.Struct, frozen=True):
    model: str
    created_at: datetime
    card: dict[str, Any]


class FolderModels:
    """Versions, aliases and cards in plain files; a version never changes.

    Parameters
    ----------
    folder
        Root; created when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(
        self, task: str, model: str, folder: Path, card: Mapping[str, Any], *, created_at: datetime
    ) -> StoredModel:
        """Copy the files of ``folder`` in; the version is the digest of their content.

        Parameters
        ----------
        task
            What the model is for (``churn``, ``value`` …).
        model
            Kind of model.
        folder
            Files in declared formats; sub-folders are kept.
        card
            What is known of the model, as JSON knows it.
        created_at
            When it was trained.

        Returns
        -------
        StoredModel
            The earlier one, unchanged, if this content was stored before.

        Raises
        ------
        InputError
            If there are no files, one is a pickle or a link, or a name cannot be
            a folder.
        StorageFullError
            If no room is left; the version does not exist then.
        """
        _check_name("task", task)
        files = _model_files(folder)
        version = _digest(model, folder, files)
        target = self._root / task / version
        with (
            full_disk_as_error(self._root, f"model {task}"),
            exclusive(self._root / task / ".lock"),
        ):
            if not (target / CARD).exists():
                content = msgspec.json.encode(_Card(model, created_at, dict(card)))
                self._place(target, folder, files, msgspec.json.format(content, indent=2))
        return self.get(task, version)

    def get(self, task: str, version_or_alias: str) -> StoredModel:
        """One version.

        Parameters
        ----------
        task
            What the model is for.
        version_or_alias
            Either name; an alias is looked up first.

        Returns
        -------
        StoredModel

        Raises
        ------
        NotFoundError
            If neither a version nor an alias has that name.
        """
        aliases = self._aliases(task)
        version = aliases.get(version_or_alias, version_or_alias)
        folder = self._root / task / version
        if not _NAME.fullmatch(version) or not (folder / CARD).is_file():
            raise NotFoundError(
                f"there is no model {version_or_alias!r} for {task!r}",
                next_step="Train one with: shopkeeper predict, or see /api/v1/predict/models",
                task=task,
                version=version_or_alias,
            )
        return _stored(task, folder, aliases)

    def versions(self, task: str | None = None) -> Sequence[StoredModel]:
        """All versions, newest first.

        Parameters
        ----------
        task
            Only those for this task; None means all.

        Returns
        -------
        Sequence[StoredModel]
        """
        tasks = [x.name for x in self._root.iterdir() if x.is_dir()] if task is None else [task]
        found = [
            _stored(name, card.parent, self._aliases(name))
            for name in tasks
            for card in (self._root / name).glob(f"[a-z0-9]*/{CARD}")
        ]
        return sorted(found, key=lambda x: (x.created_at, x.task, x.version), reverse=True)

    def alias(self, task: str, alias: str, version: str) -> None:
        """Point an alias (``champion``, ``challenger``) at a version, atomically.

        Parameters
        ----------
        task
            What the model is for.
        alias
            Name; moved if it exists.
        version
            A stored version.

        Raises
        ------
        InputError
            If the alias cannot be a name.
        NotFoundError
            If there is no such version.
        """
        self.move(task, {alias: version})

    def move(self, task: str, aliases: Mapping[str, str | None]) -> None:
        """Point several aliases at once: readers see all of them moved, or none.

        Parameters
        ----------
        task
            What the models are for.
        aliases
            Version by alias; None takes the alias away, which need not exist.

        Raises
        ------
        InputError
            If an alias cannot be a name.
        NotFoundError
            If there is no such version.
        """
        for alias, version in aliases.items():
            _check_name("alias", alias)
            if version is not None:
                self.get(task, version)
        with (
            full_disk_as_error(self._root, f"aliases of {task}"),
            exclusive(self._root / task / ".lock"),
        ):
            moved = {**self._aliases(task), **aliases}
            kept = {alias: moved[alias] for alias in sorted(moved) if moved[alias] is not None}
            content = msgspec.json.format(msgspec.json.encode(kept))
            _write_durably(self._root / task / ALIASES, content)

    def _aliases(self, task: str) -> dict[str, str]:
        try:
            content = (self._root / task / ALIASES).read_bytes()
        except FileNotFoundError:
            return {}
        return msgspec.json.decode(content, type=dict[str, str])

    def _place(self, target: Path, folder: Path, files: Sequence[Path], card: bytes) -> None:
        """Build the version beside its place and rename it there."""
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as new:
            staged = Path(new) / "version"
            for file in files:
                copy = staged / file.relative_to(folder)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
                _sync(copy)
            _write_durably(staged / CARD, card)
            staged.rename(target)
        _sync(target.parent)


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of a model's {what}",
            next_step="Use lower-case letters, digits, '_', '-' and '.'",
            name=name,
        )


def _model_files(folder: Path) -> list[Path]:
    files = sorted(x for x in folder.rglob("*") if not x.is_dir())
    if not files:
        raise InputError(
            f"there are no model files in {folder}",
            next_step="Write the model's files there first",
            folder=str(folder),
        )
    for file in files:
        if file.is_symlink() or file.name == CARD:
            raise InputError(
                f"{file.name} cannot be part of a model: it is a link or the store's own card",
                next_step="Write plain files under another name",
                file=file.name,
            )
        with file.open("rb") as opened:
            start = opened.read(2)
        if file.suffix.lower() in _PICKLES or _PICKLE_START.match(start):
            raise InputError(
                f"{file.name} is a pickle, which could run code when it is loaded",
                next_step="Save the model as JSON, npz, Parquet or LightGBM text",
                file=file.name,
            )
    return files


def _digest(model: str, folder: Path, files: Sequence[Path]) -> str:
    digest = hashlib.blake2b(model.encode(), digest_size=16)
    for file in files:
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "blake2b").digest()
        name = file.relative_to(folder).as_posix().encode()
        digest.update(len(name).to_bytes(4, "little") + name + content)
    return digest.hexdigest()[:16]


def _stored(task: str, folder: Path, aliases: Mapping[str, str]) -> StoredModel:
    card = msgspec.json.decode((folder / CARD).read_bytes(), type=_Card)
    return StoredModel(
        task=task,
        version=folder.name,
        model=card.model,
        created_at=card.created_at,
        aliases=tuple(sorted(k for k, v in aliases.items() if v == folder.name)),
        card=card.card,
        folder=folder,
    )


def _write_durably(file: Path, content: bytes) -> None:
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(content)
    _sync(new)
    new.replace(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
