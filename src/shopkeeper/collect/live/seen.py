"""Which message ids were admitted: exact, bounded, saved with the log offset it covers.

Ids are kept as keyed 64-bit hashes, each with the second its event was received: 12 bytes an
id. Two different ids share a hash with a probability of 1e-12 at 20 million remembered ids,
so one event in a trillion would be taken for a repetition; a secret key keeps clients
from choosing ids that collide.

Hashes lie in sorted runs of growing size, merged when neighbours are alike (a log-structured
merge tree), so that asking is a few binary searches and a checkpoint writes only the runs that
are new since the last.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.collect.live.seen_files import (
    MANIFEST,
    Bools,
    Frozen,
    Run,
    UInt32s,
    UInt64s,
    read_manifest,
    read_run,
)
from shopkeeper.core.errors import StoreError

SECOND = 1_000_000
RATIO = 4
"""A run at most this many times the next smaller one is merged with it."""
KEPT_SHARE = 0.9
"""Share of the most allowed that stays when the oldest are dropped."""


def message_key(source: str, message_id: str, *, purpose: str = "") -> bytes:
    """What is hashed for one message.

    Parameters
    ----------
    source
        Source it came from: two sources may use the same ids.
    message_id
        The client's id.
    purpose
        Keeps apart what is remembered for different ends (admitted, quarantined).

    Returns
    -------
    bytes

    Examples
    --------
    >>> message_key("web", "m1") == message_key("web", "m1", purpose="refused")
    False
    """
    return f"{purpose}\x1f{source}\x1f{message_id}".encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Checkpoint:
    """What was saved.

    Parameters
    ----------
    seen
        The set.
    offset
        First log offset that it does not cover.
    facts
        What was saved with it.
    """

    seen: Seen
    offset: int
    facts: Mapping[str, Any]


class Seen:
    """The message ids admitted in one partition.

    Parameters
    ----------
    key
        Secret of the hashes, 16 bytes.
    most
        Ids remembered at most; beyond that the oldest are forgotten.
    window_s
        An id counts as seen for so many seconds after it was received.

    Examples
    --------
    >>> seen = Seen(b"k" * 16, most=1000, window_s=86_400)
    >>> seen.admit([b"a", b"b", b"a"], [0, 0, 0]).tolist()
    [True, True, False]
    >>> seen.admit([b"b", b"c"], [5_000_000, 5_000_000]).tolist()
    [False, True]
    """

    def __init__(self, key: bytes, *, most: int, window_s: int) -> None:
        self._key = key
        self._most = most
        self._window_s = window_s
        self._runs: list[Run] = []
        self._since_s = 0
        self._hasher = hashlib.blake2b(digest_size=8, key=key)

    def __len__(self) -> int:
        return sum(len(x) for x in self._runs)

    @property
    def since_us(self) -> int:
        """Every id received from this moment on is remembered (within the window)."""
        return self._since_s * SECOND

    @property
    def nbytes(self) -> int:
        """Memory of the hashes; while the largest runs merge, up to twice as much."""
        return sum(x.hashes.nbytes + x.seconds.nbytes for x in self._runs)

    def admit(
        self, ids: Sequence[bytes], received_us: Sequence[int] | npt.NDArray[np.int64]
    ) -> Bools:
        """Which messages are new; they count as seen from now on.

        Parameters
        ----------
        ids
            From :func:`message_key`.
        received_us
            When each was received.

        Returns
        -------
        ndarray of bool
            Of equal ids the first is new.
        """
        if not len(ids):
            return np.zeros(0, dtype=bool)
        hashes = self._hashed(ids)
        seconds = (np.asarray(received_us, dtype=np.int64) // SECOND).clip(0).astype(np.uint32)
        order = np.argsort(hashes, kind="stable")
        hashes, seconds = hashes[order], seconds[order]
        new = np.concatenate(([True], hashes[1:] != hashes[:-1]))
        new &= ~self._known(hashes, seconds)
        result = np.empty(len(ids), dtype=bool)
        result[order] = new
        if new.any():
            self._runs.append(Run(hashes[new], seconds[new]))
            self._settle()
        return result

    def contains(self, ids: Sequence[bytes], received_us: int) -> Bools:
        """Which messages would be repetitions if they were received at a moment.

        Parameters
        ----------
        ids
            From :func:`message_key`.
        received_us
            The moment.

        Returns
        -------
        ndarray of bool
        """
        hashes = self._hashed(ids)
        return self._known(hashes, np.full(len(ids), received_us // SECOND, dtype=np.uint32))

    def forget(self, ids: Sequence[bytes]) -> int:
        """Remove ids, for erasure; how many were there.

        Parameters
        ----------
        ids
            From :func:`message_key`.

        Returns
        -------
        int
        """
        gone = np.unique(self._hashed(ids))
        before = len(self)
        self._runs = [x.without(np.isin(x.hashes, gone)) for x in self._runs]
        self._runs = [x for x in self._runs if len(x)]
        return before - len(self)

    def go_back(self, second: int) -> None:
        """Forget what was received from a moment on, to judge it again.

        Parameters
        ----------
        second
            Since 1970.
        """
        self._runs = [x.without(x.seconds >= second) for x in self._runs]
        self._runs = [x for x in self._runs if len(x)]

    def frozen(self) -> Frozen:
        """The set as it stands, for saving."""
        return Frozen(tuple(self._runs), self._key, self._since_s)

    def save(self, folder: Path, *, offset: int, facts: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint; see :meth:`Frozen.save`."""
        self.frozen().save(folder, offset=offset, facts=facts)

    @classmethod
    def load(cls, folder: Path, *, most: int, window_s: int) -> Checkpoint | None:
        """The last checkpoint.

        Parameters
        ----------
        folder
            As given to :meth:`save`.
        most, window_s
            As for the class; a smaller ``most`` forgets the oldest.

        Returns
        -------
        Checkpoint or None
            None if none was ever saved.

        Raises
        ------
        StoreError
            If it is damaged or of a later release.
        """
        file = folder / MANIFEST
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            body = read_manifest(text)
            seen = cls(bytes.fromhex(body["key"]), most=most, window_s=window_s)
            seen._since_s = int(body["since_s"])
            seen._runs = [read_run(folder / x) for x in body["runs"]]
            seen._settle()
            return Checkpoint(seen, int(body["offset"]), body["facts"])
        except (ValueError, KeyError, TypeError, OSError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"the checkpoint of admitted message ids in {folder} is damaged: {error}",
                next_step="It is built anew from the lake; check the disk",
                folder=str(folder),
            ) from error

    def _hashed(self, ids: Sequence[bytes]) -> UInt64s:
        digests = []
        for each in ids:
            hasher = self._hasher.copy()
            hasher.update(each)
            digests.append(hasher.digest())
        return np.frombuffer(b"".join(digests), dtype=np.uint64)

    def _known(self, hashes: UInt64s, seconds: UInt32s) -> Bools:
        """Whether some run holds each hash, received within the window before it."""
        known = np.zeros(len(hashes), dtype=bool)
        for run in self._runs:
            at = np.searchsorted(run.hashes, hashes)
            at[at == len(run)] = 0
            hit = np.flatnonzero(run.hashes[at] == hashes)
            if len(hit):
                age = seconds[hit].astype(np.int64) - run.seconds[at[hit]].astype(np.int64)
                known[hit[age <= self._window_s]] = True
        return known

    def _settle(self) -> None:
        """Merge runs of like size; forget what is too old or too much."""
        while len(self._runs) > 1 and len(self._runs[-2]) <= RATIO * len(self._runs[-1]):
            later, earlier = self._runs.pop(), self._runs.pop()
            self._runs.append(self._merged(earlier, later))
        if len(self) > self._most:
            self._drop_oldest()

    def _merged(self, one: Run, other: Run) -> Run:
        hashes = np.concatenate((one.hashes, other.hashes))
        seconds = np.concatenate((one.seconds, other.seconds))
        newest = int(seconds.max())
        fresh = seconds.astype(np.int64) >= newest - self._window_s
        if not fresh.all():
            hashes, seconds = hashes[fresh], seconds[fresh]
        order = np.argsort(hashes, kind="stable")
        hashes, seconds = hashes[order], seconds[order]
        again = np.flatnonzero(hashes[1:] == hashes[:-1])
        if len(again):  # admitted anew after its window: the later moment counts
            seconds[again] = np.maximum(seconds[again], seconds[again + 1])
            keep = np.ones(len(hashes), dtype=bool)
            keep[again + 1] = False
            hashes, seconds = hashes[keep], seconds[keep]
        return Run(hashes, seconds)

    def _drop_oldest(self) -> None:
        """One run of the newest; what stays is the whole of every second it reports."""
        whole = self._runs[0]
        for run in self._runs[1:]:
            whole = self._merged(whole, run)
        keep = int(self._most * KEPT_SHARE)
        if len(whole) > keep:
            order = np.argpartition(whole.seconds, len(whole) - keep)
            gone = np.zeros(len(whole), dtype=bool)
            gone[order[: len(whole) - keep]] = True
            self._since_s = max(self._since_s, int(whole.seconds[gone].max()) + 1)
            whole = whole.without(gone)
        self._runs = [whole]
