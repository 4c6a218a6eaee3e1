"""Memory is a feature: work is refused before it starts, with its estimate and what would fit."""

from __future__ import annotations

from shopkeeper.core.errors import TooLargeError

__all__ = ["MIB", "matrix_bytes", "require_memory"]

MIB = 1_048_576


def require_memory(
    what: str,
    bytes_needed: int,
    limit_mb: int,
    next_step: str,
    *,
    size: int = 0,
    unit: str = "rows",
) -> None:
    """Refuse work whose estimate is above its bound; nothing was allocated yet.

    Parameters
    ----------
    what : str
        The work, as the subject of a sentence: `training propensity "add_to_cart"`.
    bytes_needed : int
        Estimate of its peak, in bytes.
    limit_mb : int
        The bound, MiB.
    next_step : str
        What the reader can do: raise the bound, take a sample, drop columns.
    size : int
        How many units the estimate is for; 0 where it does not grow with one. From it follows the
        largest size that fits, memory being taken as proportional.
    unit : str
        What `size` counts.

    Raises
    ------
    TooLargeError
        When the estimate is above the bound. Its facts carry `needed_mb`, `limit_mb` and, with a
        `size`, `fits`.

    Examples
    --------
    >>> require_memory("training", 10 * MIB, 100, "take a sample")
    >>> require_memory("training", 400 * MIB, 100, "take a sample", size=1000)
    Traceback (most recent call last):
    shopkeeper.core.errors.TooLargeError: training needs about 400 MiB and may take 100 MiB; \
up to 250 rows fit. Next: take a sample
    """
    needed_mb = -(-int(bytes_needed) // MIB)
    if needed_mb <= limit_mb:
        return
    fits = int(size * (limit_mb * MIB) // max(int(bytes_needed), 1)) if size else 0
    told = f"; up to {fits:,} {unit} fit" if size else ""
    raise TooLargeError(
        f"{what} needs about {needed_mb:,} MiB and may take {limit_mb:,} MiB{told}",
        next_step=next_step,
        needed_mb=needed_mb,
        limit_mb=limit_mb,
        **({"fits": fits, "size": size} if size else {}),
    )


def matrix_bytes(rows: int, columns: int, *, copies: float = 1.0, item: int = 8) -> int:
    """Bytes of a dense matrix, times the copies that are alive at the same time.

    Parameters
    ----------
    rows, columns : int
        Its shape.
    copies : float
        Copies alive at the peak; fractions for narrower ones.
    item : int
        Bytes of one number.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> matrix_bytes(1000, 10, copies=1.5)
    120000
    """
    return int(rows * columns * item * copies)
