from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shopkeeper.core.errors import InputError, NotEnoughDataError, TooLargeError
from shopkeeper.predict.sequence.settings import NetSettings
from shopkeeper.predict.sequence.windows import Sequences, cut_windows, last_windows

LISTS = st.lists(st.lists(st.integers(0, 9), max_size=9), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(LISTS, st.integers(1, 5))
def test_every_step_but_the_first_is_a_target_once(lists, width):
    sequences = Sequences.of(lists)
    if max(map(len, lists)) < 2:
        with pytest.raises(NotEnoughDataError, match="no sequence has two items"):
            cut_windows(sequences, width)
        return
    cut = cut_windows(sequences, width)
    pairs = []
    for row, length in enumerate(cut.lengths):
        pairs += zip(cut.inputs[row, :length], cut.targets[row, :length], strict=True)
    assert sorted(pairs) == sorted(p for one in lists for p in itertools.pairwise(one))
    assert cut.inputs.shape[1] <= width
    assert (cut.targets[np.arange(cut.targets.shape[1]) >= cut.lengths[:, None]] == -1).all()


@settings(max_examples=25, deadline=None)
@given(LISTS, st.integers(1, 5))
def test_windows_hold_the_latest_items(lists, width):
    codes, lengths = last_windows(Sequences.of(lists), width)
    for row, one in enumerate(lists):
        assert codes[row, : lengths[row]].tolist() == one[-width:]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 3), max_size=5), min_size=1, max_size=6))
def test_unknown_items_are_left_out_and_sequences_stay(lists):
    known = Sequences.of(lists).known()
    chosen = np.arange(len(lists))[::-1]
    taken = known.take(chosen)
    for at, number in enumerate(chosen):
        own = taken.items[taken.offsets[at] : taken.offsets[at + 1]].tolist()
        assert own == [x for x in lists[number] if x >= 0]


def test_arrays_that_are_no_sequences_are_refused():
    with pytest.raises(InputError, match="offsets must run from 0 to the number of items, 2"):
        Sequences(np.array([1, 2]), np.array([0, 1]))
    with pytest.raises(InputError, match="offset 2 is smaller than the one before it"):
        Sequences(np.array([1, 2]), np.array([0, 2, 1, 2]))


def test_shapes_that_cannot_be_built_are_refused():
    with pytest.raises(InputError, match="no sequence network of kind 'lstm'"):
        NetSettings(kind="lstm")
    with pytest.raises(InputError, match="9 numbers a vector cannot be shared by 2 heads"):
        NetSettings(dim=9)
    with pytest.raises(InputError, match="window must be at least 1"):
        NetSettings(window=0)


def test_a_catalogue_above_the_bound_is_refused_with_its_estimate():
    with pytest.raises(TooLargeError, match=r"over 40,000,000 items needs about .* MiB") as caught:
        NetSettings(limit_mb=2_000).require(40_000_000)
    assert caught.value.facts["needed_mb"] > 2_000
