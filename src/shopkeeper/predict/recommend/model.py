"""The recommender of one shop: one object that trains, is judged, serves four surfaces."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from shopkeeper.core.errors import InputError, SourceError
from shopkeeper.predict.recommend.again import Replenish
from shopkeeper.predict.recommend.base import Recommender, load_recommender
from shopkeeper.predict.recommend.choose import fit_all, group_codes
from shopkeeper.predict.recommend.content import Content, Words
from shopkeeper.predict.recommend.diversity import arranged
from shopkeeper.predict.recommend.evaluate import Figures, evaluate
from shopkeeper.predict.recommend.interactions import Floats, Interactions, Ints
from shopkeeper.predict.recommend.popularity import RecentPopularity
from shopkeeper.predict.recommend.rank import Lists, recommend
from shopkeeper.predict.recommend.serve import (
    Served,
    answer_beside,
    answer_history,
    codes_of,
    history_of,
    one_of,
)
from shopkeeper.predict.recommend.similar import ItemGraph
from shopkeeper.predict.recommend.split import Split
from shopkeeper.predict.recommend.told import list_rows

__all__ = ["SURFACES", "ShopRecommender"]

SURFACES = ("for_you", "again", "next_basket", "similar", "bought_together")
"""What it serves: three lists of a customer, two of a product or basket."""

KINDS = {"for_you": "new", "again": "again", "next_basket": "next_basket"}
"""Surface of a customer → kind of its rows in RECOMMENDATIONS."""

_PARTS = ("new", "again", "next_basket", "fallback", "together", "content")
_DEEPER = 5


class ShopRecommender:
    """Methods fitted on the same items, and how their lists are made.

    Parameters
    ----------
    new
        Recommends what the customer never bought; fitted by `fit`.
    again
        Orders what the customer bought before.
    next_basket
        Ranks all products, bought or not.
    words
        What is written about products: new arrivals are found by it. None knows nothing.
    categories
        Category by product id, for lists that are not ten times the same.
    trade
        What a repetition of a category costs in a list of new products; 0 leaves the ranking.
    opinion
        By product id, how customers speak of it, from -1 to 1; an input, made elsewhere.
    tilt
        How much opinion counts: a levelled score is multiplied by ``1 + tilt · opinion``.
    """

    task: ClassVar[str] = "recommend"

    def __init__(
        self,
        new: Recommender,
        again: Recommender | None = None,
        next_basket: Recommender | None = None,
        *,
        words: Words | None = None,
        categories: Mapping[str, str] | None = None,
        trade: float = 0.0,
        opinion: Mapping[str, float] | None = None,
        tilt: float = 0.0,
    ) -> None:
        self.new = new
        self.again = again or Replenish()
        self.next_basket = next_basket or Replenish()
        self.fallback: Recommender = RecentPopularity()
        # One basket where there are baskets, else the nearest steps; both directions alike.
        self.together: Recommender = ItemGraph(window=0, backward=0.0, neighbours=100)
        self.content: Recommender = Content(words=words)
        self.categories = dict(categories or {})
        self.trade = trade
        self.opinion = {key: float(value) for key, value in (opinion or {}).items()}
        self.tilt = tilt
        self._places: tuple[pa.StringArray, dict[str, int]] | None = None

    @property
    def name(self) -> str:
        """Name of the model behind the new products."""
        return self.new.name

    @property
    def item_ids(self) -> pa.StringArray:
        """Products it knows."""
        return self.new.item_ids

    def fit(self, past: Interactions, *, seed: int = 0) -> Self:
        """Learn every part from the same past; what was learned before is forgotten.

        Parameters
        ----------
        past
            Histories; items without rows (new arrivals) are known by their words alone.
        seed
            Decides everything random.

        Returns
        -------
        ShopRecommender
            The same object.
        """
        alone = past.n == 0 or not (np.diff(past.steps) == 0).any()
        window = 3 if alone else 0
        self.together = ItemGraph(window=window, backward=float(window > 0), neighbours=100)
        fit_all([getattr(self, part) for part in _PARTS], past, seed)
        return self

    def evaluate(self, split: Split) -> dict[str, Figures]:
        """Judge the customer surfaces: full ranking, ties against us.

        Parameters
        ----------
        split
            What is known and what came; the parts must be fitted on ``split.past``.

        Returns
        -------
        dict
            Figures by surface; new products are judged among what was not bought yet, the others
            among everything.
        """
        return {
            "for_you": evaluate(self.new, split, exclude_seen=True),
            "again": evaluate(self.again, split, exclude_seen=False),
            "next_basket": evaluate(self.next_basket, split, exclude_seen=False),
        }

    def lists(self, surface: str, histories: Interactions, k: int) -> Lists:
        """One list of every user.

        Parameters
        ----------
        surface
            ``for_you``, ``again`` or ``next_basket``.
        histories
            Whom to answer.
        k
            Longest list.

        Returns
        -------
        Lists
            In the item codes of the model. Newcomers get what is popular, and nothing to buy again.
        """
        if surface == "again":
            return recommend(self.again, histories, k, exclude_seen=False, only_seen=True)
        model, fresh = (self.new, True) if surface == "for_you" else (self.next_basket, False)
        plain = not fresh or (self.trade == 0 and self.tilt == 0)
        depth = k if plain else _DEEPER * k
        found = recommend(model, histories, depth, exclude_seen=fresh, fallback=self.fallback)
        if plain:
            return found
        groups = group_codes(self.item_ids, self.categories)
        opinion = self._opinions() * np.float32(self.tilt)
        return arranged(found, histories.n_users, k, groups, 1 + opinion, self.trade)

    def _opinions(self) -> Floats:
        said = [self.opinion.get(key, 0.0) for key in self.item_ids.to_pylist()]
        return np.clip(np.array(said, dtype=np.float32), -1, 1)

    def groups(self) -> Ints | None:
        """Category codes of the products; None where nothing is known of any.

        Returns
        -------
        numpy.ndarray or None
            One code a product, -1 for a product without category.
        """
        return group_codes(self.item_ids, self.categories) if self.categories else None

    def recommend(
        self,
        histories: Interactions,
        *,
        as_of: datetime,
        k: int,
        model_version: str,
        customers: pa.StringArray | None = None,
        surfaces: Sequence[str] = tuple(KINDS),
    ) -> pa.Table:
        """Rows of RECOMMENDATIONS: up to k products of each surface a customer.

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
        surfaces
            Which lists.

        Returns
        -------
        pyarrow.Table
            Sorted by customer as given, kind in the order of the surfaces, and rank.
        """
        if customers is not None:
            histories = histories.for_users(customers)
        parts, users = [], []
        for surface in surfaces:
            found = self.lists(surface, histories, k)
            model = {"for_you": self.new, "again": self.again}.get(surface, self.next_basket)
            rows = list_rows(
                model,
                self.fallback,
                KINDS[surface],
                found,
                histories,
                as_of=as_of,
                model_version=model_version,
            )
            parts.append(rows)
            users.append(found.users)
        order = np.argsort(np.concatenate(users), kind="stable")
        return pa.concat_tables(parts).take(order)

    def serve(
        self,
        surface: str,
        *,
        customer: str | None = None,
        histories: Interactions | None = None,
        prefix: Sequence[str] | None = None,
        basket: Sequence[str] | None = None,
        item: str | None = None,
        k: int = 10,
        exclude: Collection[str] = (),
    ) -> list[Served]:
        """Answer one question now.

        Exactly one of ``customer``, ``prefix``, ``basket`` and ``item`` is given. Who or what is
        not known gets a declared answer: an unknown customer, an empty history and a history of
        unknown items get what is popular now; an unknown product is refused.

        Parameters
        ----------
        surface
            One of `SURFACES`.
        customer, histories
            A customer and where their history stands.
        prefix
            Products of a visit or a history, oldest first.
        basket
            Products of one basket, in any order.
        item
            One product, for ``similar`` and ``bought_together``.
        k
            Longest answer.
        exclude
            Products never answered, such as those out of stock.

        Returns
        -------
        list of Served
            Best first; shorter than ``k`` where no more is known.

        Raises
        ------
        InputError
            If the surface is unknown, not exactly one thing is given, or a customer without
            ``histories``.
        NotFoundError
            If the product is unknown.
        """
        asked = one_of(
            surface, SURFACES, customer=customer, prefix=prefix, basket=basket, item=item
        )
        if customer is not None and histories is None:
            raise InputError(
                "a customer is given without histories to find them in",
                next_step="give histories=run.histories, or the products as prefix",
                customer=customer,
            )
        places = self._code_by_id()
        if surface in ("similar", "bought_together"):
            named = [item] if item is not None else [*(prefix or basket or ())]
            content = self.content if surface == "similar" else None
            return answer_beside(self.together, content, self.item_ids, places, named, k, exclude)
        if histories is not None and customer is not None:
            known = histories.for_users(pa.array([customer])).for_items(self.item_ids)
        else:
            codes = codes_of(places, [item] if item is not None else [*(prefix or basket or ())])
            known = history_of(codes, self.item_ids, basket=asked == "basket")
        hidden = codes_of(places, exclude)
        if surface == "again":
            return answer_history(self.again, None, known, hidden, k, only_own=True)
        if surface == "for_you":
            hidden = np.concatenate([hidden, known.items])
        model = self.new if surface == "for_you" else self.next_basket
        return answer_history(model, self.fallback, known, hidden, k)

    def _code_by_id(self) -> dict[str, int]:
        """Code by product id, made once a fitted model."""
        ids = self.item_ids
        if self._places is None or self._places[0] is not ids:
            self._places = (ids, {key: code for code, key in enumerate(ids.to_pylist())})
        return self._places[1]

    def save(self, folder: Path) -> None:
        """Write the models, each in its own folder, as JSON, npz and what each declares.

        Parameters
        ----------
        folder
            Made if it does not exist.
        """
        for part in _PARTS:
            getattr(self, part).save(folder / part)
        shop = {
            "categories": self.categories,
            "trade": self.trade,
            "opinion": self.opinion,
            "tilt": self.tilt,
        }
        text = json.dumps(shop, ensure_ascii=False, sort_keys=True)
        (folder / "shop.json").write_text(text + "\n", encoding="utf-8")

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
        parts = {part: load_recommender(folder / part) for part in _PARTS}
        try:
            shop = json.loads((folder / "shop.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SourceError(
                f"{folder} holds no shop recommender ({type(error).__name__}: {error})",
                next_step="train again: shopkeeper predict",
                path=str(folder),
            ) from error
        model = cls(
            parts["new"],
            parts["again"],
            parts["next_basket"],
            categories=shop["categories"],
            trade=shop["trade"],
            opinion=shop["opinion"],
            tilt=shop["tilt"],
        )
        model.fallback = parts["fallback"]
        model.together = parts["together"]
        model.content = parts["content"]
        return model

    def parameters(self) -> dict[str, object]:
        """Parameters of each part, ready for JSON."""
        parts: dict[str, Any] = {
            part: {"name": getattr(self, part).name, "parameters": getattr(self, part).parameters()}
            for part in _PARTS
        }
        return parts | {"trade": self.trade, "tilt": self.tilt}
