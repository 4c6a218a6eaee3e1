"""Identifiers that depend on content alone, so that a rerun produces the same ones."""

from __future__ import annotations

import hashlib


def content_id(*parts: object, prefix: str = "", length: int = 24) -> str:
    """Stable id of a sequence of values.

    Parameters
    ----------
    *parts
        Anything with an unambiguous ``str``; order matters.
    prefix
        Put before the digest with an underscore.
    length
        Hexadecimal digits kept (4 bits each); 24 keeps collisions below
        1e-10 for a hundred million rows.

    Returns
    -------
    str
        The same for the same parts on every machine and in every process.

    Examples
    --------
    >>> content_id("a", 1) == content_id("a", 1), content_id("a", "1", "") == content_id("a", "1")
    (True, False)
    >>> content_id("x", prefix="load", length=6)
    'load_1ff47a'
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = str(part).encode()
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    code = digest.hexdigest()[:length]
    return f"{prefix}_{code}" if prefix else code


def unit_interval(*parts: object) -> float:
    """Deterministic number in [0, 1) for assignment to hold-outs and arms.

    Parameters
    ----------
    *parts
        The salt (experiment, seed) and the unit.

    Returns
    -------
    float
        Uniform over units for a fixed salt.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        raw = str(part).encode()
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return int.from_bytes(digest.digest(), "little") / 2**64
