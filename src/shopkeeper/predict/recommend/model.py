"""The recommenders of one shop together: something new, buy again, and newcomers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from shopkeeper.core.errors import NotFoundError
from shopkeeper.core.tables import RECOMMENDATIONS
from shopkeeper.predict.recommend.base import Recommender, load_recommender
from shopkeeper.predict.recommend.interactions import Interactions, Ints
from shopkeeper.predict.recommend.rank import Lists, recommend
from shopkeeper.predict.recommend.similar import Neighbours

__all__ = ["ShopRecommender"]


@dataclass(frozen=True, slots=True)
class ShopRecommender:
    """Three models fitted on the same items.

    Parameters
    ----------
    new
        Recommends what the customer never bought.
    again
        Orders what the customer bought before.
    fallback
        Answers newcomers and fills short lists.
    neighbours
        Says which products are similar or bought together.
    """

    new: Recommender
    again: Recommender
    fallback: Recommender
    neighbours: Neighbours
    task: ClassVar[str] = "recommend"

    @property
    def name(self) -> str:
        """Name of the model behind the new products."""
        return self.new.name

    def recommend(
        self,
        histories: Interactions,
        *,
        as_of: datetime,
        k: int,
        model_version: str,
        customers: pa.StringArray | None = None,
    ) -> pa.Table:
        """Rows of RECOMMENDATIONS: k new products and up to k to buy again a customer.

        Parameters
        ----------
        histories
            What is known at ``as_of``.
        as_of
            The moment of the recommendation, with time zone.
        k
            Longest list of each kind.
        model_version
            Written to every row.
        customers
            Whom to answer; the users of ``histories`` when left out. A customer without history
            gets the products popular in the last days.

        Returns
        -------
        pyarrow.Table
            Sorted by customer as given, kind ``new`` before ``again``, and rank.
        """
        if customers is not None:
            histories = histories.for_users(customers)
        fresh = recommend(self.new, histories, k, exclude_seen=True, fallback=self.fallback)
        known = recommend(self.again, histories, k, exclude_seen=False, only_seen=True)
        parts = [
            self._rows(self.new, "new", fresh, histories, as_of, model_version),
            self._rows(self.again, "again", known, histories, as_of, model_version),
        ]
        order = np.argsort(np.concatenate([fresh.users, known.users]), kind="stable")
        return pa.concat_tables(parts).take(order)

    def _rows(
        self,
        model: Recommender,
        kind: str,
        lists: Lists,
        histories: Interactions,
        as_of: datetime,
        model_version: str,
    ) -> pa.Table:
        n = len(lists.users)
        filler = pa.scalar(self.fallback.name)
        names = pc.if_else(pa.array(lists.filled), filler, pa.scalar(model.name))
        columns = {
            "customer_id": histories.user_ids.take(lists.users),
            "as_of": pa.array([as_of], pa.timestamp("us", tz="UTC")).take(np.zeros(n, np.int64)),
            "kind": pa.array(np.full(n, kind, dtype=object), pa.string()),
            "rank": pa.array(lists.ranks),
            "product_id": model.item_ids.take(lists.items),
            "score": pa.array(lists.scores),
            "model": names,
            "model_version": pa.array(np.full(n, model_version, dtype=object), pa.string()),
            "reasons": self._reasons(model, kind, lists, histories),
        }
        return RECOMMENDATIONS.cast(pa.table(columns))

    def _reasons(
        self, model: Recommender, kind: str, lists: Lists, histories: Interactions
    ) -> pa.Array:
        if kind == "again":
            times = _times_bought(histories.for_items(model.item_ids), lists)
            texts = [
                json.dumps([{"code": "buy_again", "times": n}])
                for n in range(times.max(initial=0) + 1)
            ]
            return pa.array(texts, pa.string()).take(times)
        said = model.explain(histories, lists.users, lists.items)
        # RecentPopularity gives less than 1 to what nobody bought within its window.
        asked = np.where(lists.scores >= 1, self.fallback.reason, "popular")
        codes = np.where(lists.filled, asked, said.codes)
        sources = np.where(lists.filled, -1, said.sources)
        return _reason_column(codes.astype(str), sources, model.item_ids)

    def similar(self, product_ids: list[str], k: int) -> pa.Table:
        """Products that go with a product.

        Parameters
        ----------
        product_ids
            Known products.
        k
            Longest list; a product nobody combined with anything has none.

        Returns
        -------
        pyarrow.Table
            ``product_id``, ``rank``, ``similar_id``, ``score``, sorted by product as given.

        Raises
        ------
        NotFoundError
            If a product was not in the data the model was fitted on.
        """
        ids = self.neighbours.item_ids
        codes = pc.index_in(pa.array(product_ids, pa.string()), value_set=ids)
        if codes.null_count:
            missing = product_ids[codes.is_null().to_pylist().index(True)]
            raise NotFoundError(
                f"product {missing!r} is not known to the recommender",
                next_step="train again with orders that contain it, or check the id",
                product_id=missing,
            )
        rows = sp.csr_array(self.neighbours.weights[codes.to_numpy().astype(np.int64)])
        row = np.repeat(np.arange(len(product_ids)), np.diff(rows.indptr))
        own = codes.to_numpy().astype(np.int64)[row] != rows.indices
        row, items, scores = row[own], rows.indices[own], rows.data[own]
        order = np.lexsort((items, -scores, row))
        row, items, scores = row[order], items[order], scores[order]
        ranks = np.arange(len(row)) - np.searchsorted(row, row) + 1
        keep = ranks <= k
        return pa.table(
            {
                "product_id": pa.array(product_ids, pa.string()).take(row[keep]),
                "rank": pa.array(ranks[keep], pa.int32()),
                "similar_id": ids.take(items[keep]),
                "score": pa.array(scores[keep].astype(np.float64)),
            }
        )

    def save(self, folder: Path) -> None:
        """Write the models, each in its own folder, as JSON and npz.

        Parameters
        ----------
        folder
            Made if it does not exist.
        """
        for part in ("new", "again", "fallback", "neighbours"):
            getattr(self, part).save(folder / part)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder
            Folder given to `save`.

        Returns
        -------
        ShopRecommender
            Gives the same answers.

        Raises
        ------
        SourceError
            If one of the models is missing or cannot be read.
        """
        return cls(
            new=load_recommender(folder / "new"),
            again=load_recommender(folder / "again"),
            fallback=load_recommender(folder / "fallback"),
            neighbours=Neighbours.load(folder / "neighbours"),
        )

    def parameters(self) -> dict[str, object]:
        """Parameters of each part, ready for JSON."""
        return {
            part: {"name": getattr(self, part).name, "parameters": getattr(self, part).parameters()}
            for part in ("new", "again", "fallback", "neighbours")
        }


def _times_bought(histories: Interactions, lists: Lists) -> Ints:
    pairs = histories.users * histories.n_items + histories.items
    bought, times = np.unique(pairs, return_counts=True)
    if len(bought) == 0:
        return np.zeros(len(lists.users), dtype=np.int64)
    place = np.searchsorted(bought, lists.users * histories.n_items + lists.items)
    found: Ints = times[place].astype(np.int64)
    return found


def _reason_column(codes: np.ndarray, sources: Ints, item_ids: pa.StringArray) -> pa.Array:
    names, which = np.unique(codes, return_inverse=True)
    pairs, index = np.unique(np.column_stack([which, sources]), axis=0, return_inverse=True)
    texts = []
    # One step a distinct (reason, product), not a row.
    for code, source in pairs.tolist():
        reason: dict[str, str] = {"code": str(names[code])}
        if source >= 0:
            reason["product_id"] = item_ids[source].as_py()
        elif reason["code"] in ("often_after", "bought_together"):
            reason["code"] = "popular"
        texts.append(json.dumps([reason], ensure_ascii=False))
    return pa.array(texts, pa.string()).take(index.ravel())
