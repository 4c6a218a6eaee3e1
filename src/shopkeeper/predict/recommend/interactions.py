"""Who touched which product in which order: the one input of every recommender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from shopkeeper.core.errors import MappingError, NotEnoughDataError

__all__ = ["DAY_US", "Bools", "Floats", "Interactions", "Ints", "Matrix"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Matrix = sp.csr_array

DAY_US = 86_400_000_000
"""Microseconds in a day."""


@dataclass(frozen=True, slots=True, eq=False)
class Interactions:
    """Interactions sorted by user, step and item, as arrays of codes.

    Parameters
    ----------
    users, items
        Codes into ``user_ids`` and ``item_ids``, one a row.
    steps
        Place in the user's own history, from 0; rows of one basket (same moment) share it.
    times
        Microseconds UTC, or None where only the order is known.
    user_ids, item_ids
        The ids behind the codes; unique. A user or an item may have no row.
    """

    users: Ints
    items: Ints
    steps: Ints
    times: Ints | None
    user_ids: pa.StringArray
    item_ids: pa.StringArray

    @classmethod
    def from_table(
        cls,
        table: pa.Table,
        *,
        customer: str = "customer_id",
        item: str = "product_id",
        time: str = "ts_us",
    ) -> Interactions:
        """Read purchase lines or clicks; rows of one user at one moment are one step.

        Rows without customer or item are left out; the same item twice in one basket counts
        once. Row order does not matter: within a step items are sorted by id.

        Parameters
        ----------
        table
            One row an interaction.
        customer, item
            Columns with ids of any type; compared as text.
        time
            Column of integers that grow with time (microseconds UTC for everything that
            counts days).

        Returns
        -------
        Interactions
            Ids sorted as text.

        Raises
        ------
        MappingError
            If a column is missing or the time is not an integer column.
        NotEnoughDataError
            If no row has both a customer and an item.
        """
        for name in (customer, item, time):
            if name not in table.column_names:
                raise MappingError(
                    f"interactions have no column {name!r}",
                    next_step=f"name one of {', '.join(table.column_names)}",
                    column=name,
                )
        if not pa.types.is_integer(table.schema.field(time).type):
            raise MappingError(
                f"time column {time!r} is {table.schema.field(time).type}, not an integer",
                next_step="give microseconds since 1970-01-01 UTC as int64",
                column=time,
            )
        table = table.select([customer, item, time]).drop_null()
        if table.num_rows == 0:
            raise NotEnoughDataError(
                "there is no row with a customer, an item and a time",
                next_step="check the column names and that the period holds orders",
            )
        users, user_ids = _encode(table[customer])
        items, item_ids = _encode(table[item])
        times = table[time].combine_chunks().to_numpy().astype(np.int64)
        order = np.lexsort((items, times, users))
        users, items, times = users[order], items[order], times[order]
        fresh = np.ones(len(users), dtype=np.bool_)
        same_moment = (users[1:] == users[:-1]) & (times[1:] == times[:-1])
        fresh[1:] = ~(same_moment & (items[1:] == items[:-1]))
        new_step = np.ones(len(users), dtype=np.int64)
        new_step[1:] = ~same_moment
        users, items, times, new_step = users[fresh], items[fresh], times[fresh], new_step[fresh]
        return cls(users, items, _steps(users, new_step), times, user_ids, item_ids)

    @classmethod
    def from_sequences(
        cls, sequences: Sequence[Sequence[str]], user_ids: Sequence[str] | None = None
    ) -> Interactions:
        """Read one list of items a user, oldest first.

        Parameters
        ----------
        sequences
            Item ids in time order; a list may be empty.
        user_ids
            One id a sequence; numbered from 0 when left out.

        Returns
        -------
        Interactions
            Every item is its own step; ``times`` is None.

        Raises
        ------
        NotEnoughDataError
            If all sequences are empty.

        Examples
        --------
        >>> two = Interactions.from_sequences([["a", "b"], ["b"]])
        >>> two.n_users, two.n_items, two.steps.tolist()
        (2, 2, [0, 1, 0])
        """
        lengths = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
        flat = pa.array([item for sequence in sequences for item in sequence], pa.string())
        if len(flat) == 0:
            raise NotEnoughDataError(
                "all sequences are empty", next_step="give at least one user with one item"
            )
        items, item_ids = _encode(pa.chunked_array([flat]))
        names = [str(n) for n in range(len(sequences))] if user_ids is None else list(user_ids)
        users = np.repeat(np.arange(len(sequences), dtype=np.int64), lengths)
        starts = np.cumsum(lengths) - lengths
        steps = np.arange(len(users), dtype=np.int64) - starts[users]
        return cls(users, items, steps, None, pa.array(names, pa.string()), item_ids)

    @property
    def n(self) -> int:
        """How many interactions."""
        return len(self.users)

    @property
    def n_users(self) -> int:
        """How many users, those without rows included."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """How many items, those without rows included."""
        return len(self.item_ids)

    def starts(self) -> Ints:
        """First row of each user and, at the end, the number of rows: ``(n_users + 1,)``."""
        return np.searchsorted(self.users, np.arange(self.n_users + 1)).astype(np.int64)

    def steps_ago(self) -> Ints:
        """How many of the user's steps came after each row; 0 is the latest step."""
        latest = np.zeros(self.n_users, dtype=np.int64)
        np.maximum.at(latest, self.users, self.steps)
        return latest[self.users] - self.steps

    def where(self, rows: Bools) -> Interactions:
        """Only the marked rows; codes and ids stay, steps keep their numbers."""
        times = None if self.times is None else self.times[rows]
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            steps=self.steps[rows],
            times=times,
        )

    def slice_users(self, start: int, stop: int) -> Interactions:
        """Users ``start`` to ``stop`` as their own object, codes from 0."""
        bounds = np.searchsorted(self.users, [start, stop])
        rows = slice(int(bounds[0]), int(bounds[1]))
        times = None if self.times is None else self.times[rows]
        return replace(
            self,
            users=self.users[rows] - start,
            items=self.items[rows],
            steps=self.steps[rows],
            times=times,
            user_ids=self.user_ids.slice(start, stop - start),
        )

    def for_items(self, item_ids: pa.StringArray) -> Interactions:
        """Speak the item codes of a model; rows of items it does not know are left out.

        Parameters
        ----------
        item_ids
            The items of the model, in the order of its codes.

        Returns
        -------
        Interactions
            Same users; ``item_ids`` is the given array.
        """
        if item_ids.equals(self.item_ids):
            return self
        codes = pc.index_in(self.item_ids, value_set=item_ids).fill_null(-1).to_numpy()
        items = codes.astype(np.int64)[self.items]
        known = self.where(items >= 0)
        return replace(known, items=items[items >= 0], item_ids=item_ids)

    def for_users(self, user_ids: pa.StringArray) -> Interactions:
        """The histories of the named users in the given order; unknown users have none."""
        codes = pc.index_in(self.user_ids, value_set=user_ids).fill_null(-1).to_numpy()
        users = codes.astype(np.int64)[self.users]
        kept = self.where(users >= 0)
        users = users[users >= 0]
        order = np.lexsort((kept.items, kept.steps, users))
        return replace(
            kept,
            users=users[order],
            items=kept.items[order],
            steps=kept.steps[order],
            times=None if kept.times is None else kept.times[order],
            user_ids=user_ids,
        )

    def weights(self, decay: float = 1.0) -> Matrix:
        """Users × items: the sum of ``decay`` to the power of steps ago.

        Parameters
        ----------
        decay
            1 counts every step alike.

        Returns
        -------
        scipy.sparse.csr_array
            float32, shape (n_users, n_items).
        """
        data = np.power(float(decay), self.steps_ago().astype(np.float64))
        # An entry that underflows to 0 would still be "seen": sparsity carries meaning here.
        data = np.maximum(data, np.finfo(np.float32).tiny).astype(np.float32)
        shape = (self.n_users, self.n_items)
        # Rows come sorted by user: no sorting of all of them. The copy is sorted in place below.
        matrix = sp.csr_array((data, self.items.copy(), self.starts()), shape=shape)
        matrix.sum_duplicates()
        return matrix


def _encode(values: pa.ChunkedArray) -> tuple[Ints, pa.StringArray]:
    text = values.cast(pa.string())
    unique = pc.unique(text)
    ids = unique.take(pc.sort_indices(unique))
    codes = pc.index_in(text, value_set=ids).combine_chunks().to_numpy().astype(np.int64)
    return codes, ids


def _steps(users: Ints, new_step: Ints) -> Ints:
    running = np.cumsum(new_step)
    first = np.searchsorted(users, np.unique(users))
    offset = np.zeros(int(users.max()) + 1, dtype=np.int64)
    offset[users[first]] = running[first]
    return running - offset[users]
