"""What is wrong with a plan file, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass

from shopkeeper.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a plan file that cannot be used.

    Parameters
    ----------
    path
        Where, such as ``events.purchase.properties.order_id.type``.
    line
        Line from 1; 0 when it came from no file.
    zh, en
        What is wrong.
    """

    path: str
    line: int
    zh: str
    en: str


def refused(faults: list[Fault]) -> InputError:
    """The error that tells the faults of a plan.

    Parameters
    ----------
    faults
        At least one.

    Returns
    -------
    InputError
    """
    first = faults[0]
    line = f" (line {first.line})" if first.line else ""
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return InputError(
        f"tracking plan: {first.path or 'the file'}{line}: {first.en}{more}",
        next_step="Correct it; docs/tracking-plan.schema.json describes the file",
        path=first.path,
        line=first.line,
        zh=first.zh,
        faults=[{"path": x.path, "line": x.line, "zh": x.zh, "en": x.en} for x in faults],
    )
