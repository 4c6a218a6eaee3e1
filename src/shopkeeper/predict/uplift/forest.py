"""An honest uplift forest on histograms.

Features are bytes (`bins`). A tree takes a random part of the rows and halves it: one half decides
the splits, the other states the effects (honesty: Athey and Imbens 2016; forests: Wager and Athey
2018). Splits maximise the squared t-statistic of the difference of effects between the two sides
(Su et al. 2009); it comes from sums by node, column and bin (rows, outcomes, by arm) that add, so a
level of a tree is one pass whatever the number of rows. Effects of nodes are pulled to those of
their parents by the number of rows (hierarchical shrinkage: Agarwal et al. 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shopkeeper.predict.history import Bools, Floats, Ints
from shopkeeper.predict.uplift.bins import Binner, Codes
from shopkeeper.predict.uplift.trial import Matrix

PASS_ROWS = 200_000
"""Rows counted at a time, so that a level's keys stay small."""


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """How trees grow.

    Parameters
    ----------
    trees : int
        Number of trees; an even number, halves of a sample swap roles.
    depth : int
        Levels below the root.
    sample : float
        Part of the rows a pair of trees takes.
    most_rows : int
        Rows a pair takes at most.
    least_rows : int
        Rows of each arm on each side of a split, at least.
    columns : float
        Part of the columns a node may split on.
    least_gain : float
        Squared t-statistic a split must reach.
    shrink : float
        Rows (harmonic mean of arms) at which a node counts as much as its parent.
    """

    trees: int = 200
    depth: int = 6
    sample: float = 0.5
    most_rows: int = 1_000_000
    least_rows: int = 15
    columns: float = 1.0
    least_gain: float = 3.0
    shrink: float = 50.0


@dataclass(frozen=True, slots=True)
class Forest:
    """Grown trees; nodes of all trees lie one after the other.

    Parameters
    ----------
    binner : Binner
        Edges of the bins.
    root : Ints
        First node of each tree.
    column : npt.NDArray[np.int32]
        Column a node asks.
    edge : npt.NDArray[np.uint8]
        Codes above it go right; 255 in leaves.
    left : npt.NDArray[np.int32]
        Left child, the right one follows it; leaves point at themselves.
    effect : Floats
        Effect stated by the honest half, shrunk.
    depth : int
        Levels below the root.
    """

    binner: Binner
    root: Ints
    column: npt.NDArray[np.int32]
    edge: npt.NDArray[np.uint8]
    left: npt.NDArray[np.int32]
    effect: Floats
    depth: int

    def by_tree(self, codes: Codes, tree: int) -> Floats:
        """Effects stated by one tree.

        Parameters
        ----------
        codes : Codes
            Bins of the rows.
        tree : int
            Its number.
        """
        rows = np.arange(len(codes))
        node = np.full(len(codes), self.root[tree], dtype=np.int32)
        for _ in range(self.depth):
            node = self.left[node] + (codes[rows, self.column[node]] > self.edge[node])
        return self.effect[node]

    def of_codes(self, codes: Codes) -> Floats:
        """Mean effect over all trees.

        Parameters
        ----------
        codes : Codes
            Bins of the rows.
        """
        total = np.zeros(len(codes))
        for start in range(0, len(codes), PASS_ROWS):
            part = np.ascontiguousarray(codes[start : start + PASS_ROWS])
            for tree in range(len(self.root)):
                total[start : start + PASS_ROWS] += self.by_tree(part, tree)
        return total / len(self.root)

    def predict(self, matrix: Matrix) -> Floats:
        """Effect of every row.

        Parameters
        ----------
        matrix : Matrix
            Features.
        """
        return self.of_codes(self.binner.codes(matrix))

    def to_dict(self) -> dict[str, Any]:
        """Arrays by name, and the depth."""
        edges = {f"edges_{place}": x for place, x in enumerate(self.binner.edges)}
        return {
            "kind": "forest", "depth": self.depth, "columns": len(self.binner.edges),
            "root": self.root, "column": self.column, "edge": self.edge, "left": self.left,
            "effect": self.effect, **edges,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Forest:
        """Read what `to_dict` wrote.

        Parameters
        ----------
        plain : Mapping[str, Any]
            Arrays by name, and the depth.
        """
        edges = tuple(
            np.asarray(plain[f"edges_{i}"], dtype=np.float32) for i in range(int(plain["columns"]))
        )
        return cls(
            Binner(edges), np.asarray(plain["root"]), np.asarray(plain["column"]),
            np.asarray(plain["edge"]), np.asarray(plain["left"]), np.asarray(plain["effect"]),
            int(plain["depth"]),
        )  # fmt: skip


def grow_forest(
    codes: Codes,
    binner: Binner,
    treated: Bools,
    outcome: Floats,
    weight: Floats,
    settings: ForestSettings,
    seed: int,
) -> tuple[Forest, Floats]:
    """Grow a forest.

    Parameters
    ----------
    codes : Codes
        Bins of all rows, (rows, columns).
    binner : Binner
        What made them.
    treated : Bools
        Arms.
    outcome : Floats
        Outcomes, better with the expected outcome taken off.
    weight : Floats
        Weight by row; the inverse of the probability of the arm makes arms comparable.
    settings : ForestSettings
        How trees grow.
    seed : int
        Decides samples and columns.

    Returns
    -------
    tuple[Forest, Floats]
        The forest, and for every row the mean effect by trees that did not take it; the forest's
        mean where every tree did.
    """
    size = len(codes)
    drawn = int(min(max(size * settings.sample, min(size, 50)), settings.most_rows))
    parts: list[tuple[Ints, ...]] = []
    trees: list[dict[str, npt.NDArray[Any]]] = []
    total, count = np.zeros(size), np.zeros(size)
    small = size * settings.trees <= 60_000_000
    for pair in range(max(settings.trees // 2, 1)):
        random = np.random.default_rng([seed, pair])
        places = (
            random.permutation(size)[:drawn] if drawn * 4 > size else _some(random, size, drawn)
        )
        mine = codes[places], treated[places], outcome[places], weight[places]
        half = np.zeros(drawn, dtype=bool)
        half[: drawn // 2] = True
        trees += [_grow(*mine, x, binner.bins, settings, random) for x in (half, ~half)]
        parts.append((places,))
    forest = _joined(trees, binner, settings.depth)
    if small:
        for pair, (places,) in enumerate(parts):
            out = np.ones(size, dtype=bool)
            out[places] = False
            rows = np.flatnonzero(out)
            mine_codes = codes[rows]
            for tree in (2 * pair, 2 * pair + 1):
                total[rows] += forest.by_tree(mine_codes, tree)
            count[rows] += 2
    mean = total.sum() / max(count.sum(), 1)
    return forest, np.where(count > 0, total / np.maximum(count, 1), mean)


def _some(random: np.random.Generator, size: int, drawn: int) -> Ints:
    """Distinct positions out of many, without a permutation of all."""
    places = np.unique(random.integers(0, size, int(drawn * 1.2)))
    return random.permutation(places)[:drawn]


def _joined(trees: list[dict[str, npt.NDArray[Any]]], binner: Binner, depth: int) -> Forest:
    sizes = np.array([len(tree["column"]) for tree in trees])
    root = np.r_[0, np.cumsum(sizes)[:-1]].astype(np.int64)
    left = np.concatenate([t["left"] + start for t, start in zip(trees, root, strict=True)])
    return Forest(
        binner, root,
        np.concatenate([t["column"] for t in trees]).astype(np.int32),
        np.concatenate([t["edge"] for t in trees]).astype(np.uint8),
        left.astype(np.int32),
        np.concatenate([t["effect"] for t in trees]),
        depth,
    )  # fmt: skip


def _grow(
    codes: Codes, treated: Bools, outcome: Floats, weight: Floats, split: Bools, bins: int,
    settings: ForestSettings, random: np.random.Generator,
) -> dict[str, npt.NDArray[Any]]:  # fmt: skip
    """One tree: `split` rows decide, the others state the effects."""
    arm = treated.astype(np.int64)
    weighted = weight * outcome
    node = np.zeros(len(codes), dtype=np.int64)
    column, edge, left = [0], [255], [0]
    first, nodes = 0, 1  # nodes of this level
    parent = np.full(1, -1, dtype=np.int64)
    parents = [parent]
    rows = np.flatnonzero(split)
    for _ in range(settings.depth):
        here = rows[node[rows] >= first]
        gain, best = _best_splits(
            codes[here], node[here] - first, arm[here], weight[here], weighted[here],
            outcome[here], nodes, bins, settings, random,
        )  # fmt: skip
        good = np.flatnonzero(gain >= settings.least_gain)
        if not len(good):
            break
        child = first + nodes + 2 * np.arange(len(good))
        at = first + good
        for place, one, start in zip(at.tolist(), good.tolist(), child.tolist(), strict=True):
            split_at = int(best[one])
            column[place], edge[place], left[place] = split_at // bins, split_at % bins, start
        column += [0] * (2 * len(good))
        edge += [255] * (2 * len(good))
        left += list(range(first + nodes, first + nodes + 2 * len(good)))
        parents.append(np.repeat(at, 2))
        target = np.zeros(first + nodes, dtype=np.int64)
        target[at] = child
        moved = np.flatnonzero(target[node] > 0)
        mine = node[moved]
        right = codes[moved, np.asarray(column)[mine]] > np.asarray(edge)[mine]
        node[moved] = target[mine] + right
        first, nodes = first + nodes, 2 * len(good)
    above = np.concatenate(parents)
    effect = _effects(node[~split], arm[~split], weight[~split], weighted[~split], above, settings)
    return {
        "column": np.asarray(column), "edge": np.asarray(edge), "left": np.asarray(left),
        "effect": effect,
    }  # fmt: skip


def _best_splits(
    codes: Codes, node: Ints, arm: Ints, weight: Floats, weighted: Floats, outcome: Floats,
    nodes: int, bins: int, settings: ForestSettings, random: np.random.Generator,
) -> tuple[Floats, Ints]:  # fmt: skip
    """Best squared t-statistic of each node, and its column times bins plus edge."""
    columns = codes.shape[1]
    size = nodes * columns * bins * 2
    plain = bool((weight == weight[0]).all()) if len(weight) else True
    rows, total, mass = np.zeros(size), np.zeros(size), np.zeros(size)
    step = max(PASS_ROWS // columns, 1)
    offset = np.arange(columns) * bins
    for start in range(0, len(codes), step):
        part = slice(start, start + step)
        base = (node[part] * columns * bins)[:, None] + offset + codes[part]
        key = (base * 2 + arm[part][:, None]).ravel()
        rows += np.bincount(key, minlength=size)
        total += np.bincount(key, weights=np.repeat(weighted[part], columns), minlength=size)
        if not plain:
            mass += np.bincount(key, weights=np.repeat(weight[part], columns), minlength=size)
    shape = (nodes, columns, bins, 2)
    rows = np.cumsum(rows.reshape(shape), axis=2)
    total = np.cumsum(total.reshape(shape), axis=2)
    unit = float(weight[0]) if len(weight) else 1.0
    mass = rows * unit if plain else np.cumsum(mass.reshape(shape), axis=2)
    spread = _spread(node, arm, weight, weighted, outcome, nodes)[:, None, None, :]
    rest_rows, rest_total, rest_mass = (x[:, :, -1:, :] - x for x in (rows, total, mass))
    with np.errstate(divide="ignore", invalid="ignore"):
        low = total / mass
        high = rest_total / rest_mass
        error = (spread * (1.0 / rows + 1.0 / rest_rows)).sum(axis=3)
        gap = (low[..., 1] - low[..., 0]) - (high[..., 1] - high[..., 0])
        score = gap * gap / error
    enough = (np.minimum(rows, rest_rows) >= settings.least_rows).all(axis=3)
    allowed = random.random((nodes, columns)) < settings.columns
    allowed[~allowed.any(axis=1)] = True
    score = np.where(enough & allowed[:, :, None] & np.isfinite(score), score, -1.0)
    flat = score.reshape(nodes, -1)
    best = np.argmax(flat, axis=1)
    return flat[np.arange(nodes), best], best


def _spread(
    node: Ints, arm: Ints, weight: Floats, weighted: Floats, outcome: Floats, nodes: int
) -> Floats:
    """Variance of the outcome by node and arm."""
    key = node * 2 + arm
    mass = np.bincount(key, weights=weight, minlength=nodes * 2)
    first = np.bincount(key, weights=weighted, minlength=nodes * 2)
    second = np.bincount(key, weights=weighted * outcome, minlength=nodes * 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = second / mass - (first / mass) ** 2
    return np.maximum(np.nan_to_num(spread), 1e-12).reshape(nodes, 2)


def _effects(
    node: Ints, arm: Ints, weight: Floats, weighted: Floats, above: Ints, settings: ForestSettings
) -> Floats:
    """Effects of all nodes by honest rows, each pulled to its parent's."""
    size = len(above)
    key = node * 2 + arm
    sums = np.column_stack([
        np.bincount(key, minlength=size * 2).reshape(size, 2),
        np.bincount(key, weights=weight, minlength=size * 2).reshape(size, 2),
        np.bincount(key, weights=weighted, minlength=size * 2).reshape(size, 2),
    ])  # fmt: skip
    for place in range(size - 1, 0, -1):  # children come after parents
        sums[above[place]] += sums[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums[:, 4:] / sums[:, 2:4]
        own = np.nan_to_num(mean[:, 1] - mean[:, 0])
        both = 2.0 * sums[:, 0] * sums[:, 1] / np.maximum(sums[:, 0] + sums[:, 1], 1.0)
    trust = np.where(np.isfinite(mean).all(axis=1), both / (both + settings.shrink), 0.0)
    effect = own.copy()
    for place in range(1, size):
        effect[place] = effect[above[place]] + trust[place] * (own[place] - effect[above[place]])
    return effect
