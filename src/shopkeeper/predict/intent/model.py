"""The model of intent: four answers about a session that is still going on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import lightgbm as lgb
import numpy as np

from shopkeeper.core.errors import SourceError
from shopkeeper.predict.calibrate import Calibrator
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.intent.embedding import PrefixNet, widened
from shopkeeper.predict.intent.events import ACTIONS, EventRows, Floats, Ints
from shopkeeper.predict.intent.learners import CategoryMix, Hazard
from shopkeeper.predict.intent.learning import Learned, Rehearsal, learn_intent
from shopkeeper.predict.intent.prefixes import LEAVE, Prefixes
from shopkeeper.predict.intent.settings import IntentSettings
from shopkeeper.predict.intent.state import Columns, IntentState, features_of

__all__ = ["IntentData", "IntentModel", "IntentSaid", "IntentScore"]

_ROWS_AT_ONCE = 5_000
_NEXT = (*ACTIONS, "leave")


@dataclass(frozen=True, slots=True, eq=False)
class IntentData:
    """What a model learns from.

    Parameters
    ----------
    rows : EventRows
        Events, all before ``end_us``.
    end_us : int
        The moment until which everything is known, microseconds UTC.
    """

    rows: EventRows
    end_us: int


@dataclass(frozen=True, slots=True, eq=False)
class IntentSaid:
    """What is said about n prefixes.

    Parameters
    ----------
    buy : Floats
        Chance that the goal is reached later in the session; 1 where it was reached already.
    action : Floats
        Chance of each next action and, last, of leaving; shape (n, actions + 1).
    category : Ints
        Key of the likeliest next category; 0 where none is known.
    category_share : Floats
        Its chance, given that one is named.
    days : Floats
        Expected days to the next goal, at most the model's horizon.
    """

    buy: Floats
    action: Floats
    category: Ints
    category_share: Floats
    days: Floats


@dataclass(frozen=True, slots=True)
class IntentScore:
    """What is said about one visitor now.

    Parameters
    ----------
    buy_session : float
        Chance that the goal is reached in this session.
    next_action : str
        The likeliest: one of `ACTIONS`, or ``leave``.
    next_action_share : float
        Its chance.
    next_category : str | None
        Name of the likeliest; None where none is known.
    next_category_share : float
        Its chance, given that one is named.
    days_to_purchase : float
        Expected days to the next goal, at most the model's horizon.
    """

    buy_session: float
    next_action: str
    next_action_share: float
    next_category: str | None
    next_category_share: float
    days_to_purchase: float


@register
class IntentModel:
    """Boosted trees over prefix features, with a network's columns where these are better.

    Parameters
    ----------
    settings : IntentSettings | None
        Bounds and choices.

    Attributes
    ----------
    rehearsal : Rehearsal | None
        What every method said of later sessions, and what happened; None after loading.

    Notes
    -----
    An event of an unknown kind counts as ``other``; an unknown item or category is a new one. A
    visitor without a past has NaN where a past would be, which trees take as a value of its own.
    """

    name: ClassVar[str] = "boosted"
    task: ClassVar[str] = "intent"

    def __init__(self, settings: IntentSettings | None = None) -> None:
        self.settings = settings or IntentSettings()
        self.rehearsal: Rehearsal | None = None
        self._learned: Learned | None = None

    @property
    def learned(self) -> Learned:
        """What `fit` learned."""
        require_fitted(self._learned, self.name)
        assert self._learned is not None
        return self._learned

    def fit(self, data: IntentData, /, *, seed: int = 0) -> Self:
        """Learn from closed sessions; what was learned before is forgotten.

        Parameters
        ----------
        data : IntentData
            Events and the moment they end.
        seed : int
            Decides everything random.

        Returns
        -------
        Self
            The same object.
        """
        self._learned, self.rehearsal = learn_intent(
            data.rows.before(data.end_us), data.end_us, self.settings, seed=seed
        )
        return self

    def predict(self, prefixes: Prefixes) -> IntentSaid:
        """Judge prefixes.

        Parameters
        ----------
        prefixes : Prefixes
            Any number.

        Returns
        -------
        IntentSaid
            In their order.
        """
        size = len(prefixes.at)
        starts = range(0, max(size, 1), _ROWS_AT_ONCE)
        parts = [
            self._say(prefixes.take(np.arange(s, min(s + _ROWS_AT_ONCE, size))).columns)
            for s in starts
        ]
        return IntentSaid(*(np.concatenate([getattr(x, n) for x in parts]) for n in _SAID))

    def score(self, state: IntentState) -> IntentScore:
        """Judge one visitor after the latest event.

        Parameters
        ----------
        state : IntentState
            With at least one event.

        Returns
        -------
        IntentScore
            As the batch would say of the same prefix.
        """
        said = self._say(state.columns())
        best = int(said.action[0].argmax())
        name = self.learned.category_names.get(int(said.category[0]))
        return IntentScore(
            float(said.buy[0]), _NEXT[best], float(said.action[0, best]), name,
            float(said.category_share[0]), float(said.days[0]),
        )  # fmt: skip

    def _say(self, columns: Columns) -> IntentSaid:
        learned = self.learned
        plain = features_of(columns)
        size = len(plain)
        if size == 0:
            none = np.zeros(0)
            return IntentSaid(none, np.zeros((0, LEAVE + 1)), none.astype(np.int64), none, none)
        matrix = widened(plain, columns, learned.net)
        raw = np.asarray(learned.buy.predict(matrix, num_threads=1), dtype=np.float64)
        buy = learned.calibrator(raw)
        buy[columns.counts[:, learned.goal] > 0] = 1.0
        category, share = np.zeros(size, dtype=np.int64), np.zeros(size)
        if learned.categories is not None:
            shares = learned.categories.shares(columns)
            best = shares.argmax(axis=1)
            category, share = learned.categories.keys[best], shares[np.arange(size), best]
        action = np.asarray(learned.action.predict(plain, num_threads=1), dtype=np.float64)
        return IntentSaid(buy, action, category, share, learned.hazard.expected_days(plain))

    def save(self, folder: Path) -> None:
        """Write the model as LightGBM text, JSON and npz, and its network as ONNX.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        learned = self.learned
        folder.mkdir(parents=True, exist_ok=True)
        for name, trees in (
            ("buy", learned.buy), ("action", learned.action), ("wait", learned.hazard.trees),
        ):  # fmt: skip
            (folder / f"{name}.txt").write_text(trees.model_to_string())
        if learned.net is not None:
            learned.net.save(folder / "net")
        mix = learned.categories
        if mix is not None:
            np.savez(
                folder / "categories.npz", allow_pickle=False,
                keys=mix.keys, follows=mix.follows, usual=mix.usual,
            )  # fmt: skip
        card = {
            "name": self.name, "task": self.task, "settings": asdict(self.settings),
            "goal": learned.goal, "calibrator": learned.calibrator.to_json(),
            "edges_days": learned.hazard.edges_days, "facts": learned.facts,
            "usual": learned.usual.tolist(), "method": learned.method,
            "weights": None if mix is None else mix.weights,
            "category_names": {str(k): v for k, v in learned.category_names.items()},
        }  # fmt: skip
        (folder / "intent.json").write_text(
            json.dumps(_plain(card), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        )

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
            When the folder holds no model of intent.
        """
        try:
            card = json.loads((folder / "intent.json").read_text())
            settings = card["settings"] | {"positions": tuple(card["settings"]["positions"])}
            model = cls(IntentSettings(**settings))
            model._learned = _read(folder, card)
        except (OSError, KeyError, ValueError, TypeError, lgb.basic.LightGBMError) as error:
            raise SourceError(
                f"{folder} holds no model of intent ({type(error).__name__}: {error})",
                next_step="save the model again with IntentModel.save",
                path=str(folder),
            ) from error
        return model


_SAID: tuple[Literal["buy", "action", "category", "category_share", "days"], ...] = (
    "buy", "action", "category", "category_share", "days",
)  # fmt: skip


def _plain(value: Any) -> Any:
    """NaN becomes null: JSON has none."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _read(folder: Path, card: dict[str, Any]) -> Learned:
    buy, action, wait = (
        lgb.Booster(model_str=(folder / f"{name}.txt").read_text())
        for name in ("buy", "action", "wait")
    )
    mix = None
    if card["weights"] is not None:
        with np.load(folder / "categories.npz", allow_pickle=False) as stored:
            parts: tuple[Ints, Floats, Floats] = (
                stored["keys"], stored["follows"], stored["usual"],
            )  # fmt: skip
        mix = CategoryMix(*parts, tuple(card["weights"]))
    usual = np.array([np.nan if x is None else x for x in card["usual"]])
    return Learned(
        buy=buy,
        calibrator=Calibrator.from_json(card["calibrator"]),
        action=action,
        hazard=Hazard(wait, tuple(card["edges_days"])),
        categories=mix,
        net=PrefixNet.load(folder / "net") if (folder / "net").is_dir() else None,
        goal=int(card["goal"]),
        method=card["method"],
        usual=usual,
        category_names={int(k): v for k, v in card["category_names"].items()},
        facts=card["facts"],
    )
