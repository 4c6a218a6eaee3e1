"""The propensity model: a calibrated mix of a line and trees whose parts add up to its score."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import lightgbm as lgb
import numpy as np
from scipy.special import logit

from shopkeeper.core.errors import SourceError
from shopkeeper.predict.calibrate import EDGE, Calibrator
from shopkeeper.predict.churn.learners import chance
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Floats
from shopkeeper.predict.propensity.encode import Encoding
from shopkeeper.predict.propensity.learn import Learned, booster, learn
from shopkeeper.predict.propensity.learners import Settings, SingleColumn, line_margin, tree_margin
from shopkeeper.predict.propensity.rows import TrainingRows, check_rows, require_room
from shopkeeper.predict.propensity.table import Layout, Sheet

LIMIT_MB = 2_048


@dataclass(frozen=True, slots=True)
class Contributions:
    """What the score of each row is made of, on the logit scale.

    `base + parts.sum(axis=1) + calibration` is the log-odds of the stated probability.

    Parameters
    ----------
    base : float
        Log-odds of the average training row.
    parts : Floats
        What each column adds; shape (rows, columns of the layout).
    calibration : Floats
        What the calibration adds to each row; zero where it is a straight line, which is then
        part of `base` and `parts`.
    """

    base: float
    parts: Floats
    calibration: Floats


@register
class PropensityModel:
    """Chance of an outcome.

    Parameters
    ----------
    settings : Settings | None
        Sizes of the trees; None takes careful ones.
    limit_mb : int
        Bound of the memory of training, MiB.
    """

    name: ClassVar[str] = "propensity"
    task: ClassVar[str] = "propensity"

    def __init__(self, settings: Settings | None = None, limit_mb: int = LIMIT_MB) -> None:
        self.settings = settings or Settings()
        self.limit_mb = limit_mb
        self._layout: Layout | None = None
        self._learned: Learned | None = None
        self._trees: lgb.Booster | None = None

    @property
    def learned(self) -> Learned:
        """Return what was learned.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    @property
    def layout(self) -> Layout:
        """Return how it reads tables.

        Raises
        ------
        PlanError
            When the model was not fitted.
        """
        require_fitted(self._layout, self.name)
        assert self._layout is not None
        return self._layout

    def fit(self, data: TrainingRows, /, *, seed: int = 0) -> Self:
        """Learn from rows whose outcome is known.

        Parameters
        ----------
        data : TrainingRows
            Rows, outcomes, groups and weights.
        seed : int
            Decides folds and the sampling of the trees.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            With the number of rows or outcomes missing.
        TooLargeError
            When it would not fit into memory.
        """
        check_rows(data)
        require_room(len(data.outcome), len(data.sheet.layout.columns), self.limit_mb)
        self._learned = learn(data, self.settings, seed)
        self._layout = data.sheet.layout
        self._trees = booster(self._learned)
        return self

    def margins(self, sheet: Sheet) -> dict[str, Floats]:
        """Return the uncalibrated log-odds by method.

        Parameters
        ----------
        sheet : Sheet
            Rows, read by the model's layout.

        Returns
        -------
        dict[str, Floats]
            For `logistic`, `boosted` and `shopkeeper`.
        """
        learned = self.learned
        assert self._trees is not None
        line = line_margin(learned.encoding.line(sheet)[0], np.array(learned.line))
        trees = tree_margin(self._trees, learned.encoding.trees(sheet))
        mixed = (1.0 - learned.share) * line + learned.share * trees
        return {"logistic": line, "boosted": trees, "shopkeeper": mixed}

    def answers(self, sheet: Sheet) -> dict[str, Floats]:
        """Return the probabilities by method, baselines included.

        Parameters
        ----------
        sheet : Sheet
            Rows.

        Returns
        -------
        dict[str, Floats]
            `shopkeeper`, `base rate`, `best single column`, `logistic`, `boosted`.
        """
        learned = self.learned
        margins = self.margins(sheet)
        said = {k: learned.calibrators[k](chance(v)) for k, v in margins.items()}
        return {
            "shopkeeper": said["shopkeeper"],
            "base rate": np.full(len(sheet), learned.base_rate),
            "best single column": learned.single.score(sheet),
            "logistic": said["logistic"],
            "boosted": said["boosted"],
        }

    def predict(self, sheet: Sheet) -> Floats:
        """Return the calibrated chance of the outcome.

        Parameters
        ----------
        sheet : Sheet
            Rows, read by the model's layout.

        Returns
        -------
        Floats
            Probabilities in (0, 1).
        """
        margin = self.margins(sheet)["shopkeeper"]
        return self.learned.calibrators["shopkeeper"](chance(margin))

    def contributions(self, sheet: Sheet) -> Contributions:
        """Return what each column adds to the log-odds of the stated probability.

        The trees' parts are Shapley values (Lundberg and others 2020, TreeSHAP); the line's are
        weights times the distance from the mean.

        Parameters
        ----------
        sheet : Sheet
            Rows.

        Returns
        -------
        Contributions
            Parts that add up to the score.
        """
        learned = self.learned
        assert self._trees is not None
        columns = len(self.layout.columns)
        design, _ = learned.encoding.line(sheet)
        weights, mean = np.array(learned.line), np.array(learned.line_mean)
        added = (design - mean) * weights[:-1]
        linear = np.zeros((len(sheet), columns))
        for at, source in enumerate(learned.sources):
            linear[:, source] += added[:, at]
        base_line = float(weights[-1] + mean @ weights[:-1])
        shap = self._trees.predict(learned.encoding.trees(sheet), pred_contrib=True, num_threads=1)
        grown = np.asarray(shap, dtype=np.float64).reshape(len(sheet), columns + 1)
        share = learned.share
        parts = (1.0 - share) * linear + share * grown[:, :-1]
        expected = float(grown[0, -1]) if len(sheet) else 0.0
        base = (1.0 - share) * base_line + share * expected
        calibrator = learned.calibrators["shopkeeper"]
        margin = base + parts.sum(axis=1)
        if calibrator.kind == "platt":
            slope, shift = calibrator.x[0], calibrator.y[0]
            base, parts = slope * base + shift, slope * parts
        said = logit(np.clip(calibrator(chance(margin)), EDGE, 1.0 - EDGE))
        return Contributions(base, parts, said - base - parts.sum(axis=1))

    def importances(self) -> dict[str, float]:
        """Return each column's share in the judgement.

        Returns
        -------
        dict[str, float]
            Share by column, largest first, summing to one; columns without any are left out.
        """
        learned = self.learned
        assert self._trees is not None
        line = np.zeros(len(self.layout.columns))
        np.add.at(line, list(learned.sources), np.abs(np.array(learned.line[:-1])))
        gain = np.asarray(self._trees.feature_importance("gain"), dtype=np.float64)
        mixed = (1.0 - learned.share) * _shares(line) + learned.share * _shares(gain)
        mixed = _shares(mixed)
        pairs = zip(self.layout.names, mixed.tolist(), strict=True)
        return dict(sorted(((k, v) for k, v in pairs if v > 0), key=lambda x: (-x[1], x[0])))

    def save(self, folder: Path) -> None:
        """Write `model.json` and `trees.txt`.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        learned = self.learned
        plain = ("share", "base_rate", "usual", "strength", "rounds", "rows", "seed", "sources")
        stored: dict[str, Any] = {name: getattr(learned, name) for name in plain}
        stored |= {"line": learned.line, "line_mean": learned.line_mean}
        stored["encoding"] = learned.encoding.to_json()
        stored["calibrators"] = {k: v.to_json() for k, v in learned.calibrators.items()}
        stored["single"] = asdict(learned.single)
        stored["settings"] = learned.settings.to_json()
        stored["layout"] = self.layout.to_json()
        stored |= {"model": self.name, "task": self.task, "limit_mb": self.limit_mb}
        text = json.dumps(stored, ensure_ascii=False, indent=1) + "\n"
        (folder / "model.json").write_text(text, encoding="utf-8")
        (folder / "trees.txt").write_text(learned.trees, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : Path
            Folder given to `save`.

        Returns
        -------
        Self
            Answers exactly as the saved model.

        Raises
        ------
        SourceError
            When the folder holds no propensity model.
        """
        try:
            stored = json.loads((folder / "model.json").read_text(encoding="utf-8"))
            trees = (folder / "trees.txt").read_text(encoding="utf-8")
            parts: dict[str, Any] = {
                name: stored[name] for name in ("share", "base_rate", "strength", "rounds", "rows",
                                                "seed")
            }  # fmt: skip
            for name in ("sources", "line", "line_mean", "usual"):
                parts[name] = tuple(stored[name])
            learned = Learned(
                **parts,
                encoding=Encoding.from_json(stored["encoding"]),
                trees=trees,
                calibrators={k: Calibrator.from_json(v) for k, v in stored["calibrators"].items()},
                single=SingleColumn.from_json(stored["single"]),
                settings=Settings(**stored["settings"]),
            )
            model = cls(learned.settings, stored["limit_mb"])
            model._layout = Layout.from_json(stored["layout"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{folder} holds no propensity model ({type(error).__name__}: {error})",
                next_step="train it again",
                path=str(folder),
            ) from error
        model._learned = learned
        model._trees = booster(learned)
        return model


def _shares(weight: Floats) -> Floats:
    total = float(weight.sum())
    shares: Floats = weight / total if total > 0 else weight
    return shares
