"""Work above its bound is refused with the estimate and what would fit."""

from __future__ import annotations

import pytest

from shopkeeper.core.errors import TooLargeError
from shopkeeper.predict.memory import MIB, matrix_bytes, require_memory


def test_work_within_its_bound_goes_on() -> None:
    require_memory("training", 100 * MIB, 100, "take a sample", size=10)


def test_work_above_its_bound_is_refused_with_the_size_that_fits() -> None:
    needed = matrix_bytes(1_000_000, 100, copies=2)
    with pytest.raises(
        TooLargeError, match=r"1,526 MiB and may take 512 MiB; up to 335,544 customers"
    ) as e:
        require_memory("training", needed, 512, "take a sample", size=1_000_000, unit="customers")
    assert e.value.facts["fits"] == 335_544
    # what is said to fit, fits
    require_memory("training", matrix_bytes(335_544, 100, copies=2), 512, "take a sample")
    assert e.value.next_step == "take a sample"


def test_without_a_size_no_size_is_promised() -> None:
    with pytest.raises(TooLargeError, match=r"needs about 2 MiB and may take 1 MiB\. Next"):
        require_memory("a table", MIB + 1, 1, "raise the bound")
