"""The value model: Pareto/NBD and Gamma-Gamma, averaged with boosted trees where they can learn."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from shopkeeper.core.errors import NotEnoughDataError, SourceError
from shopkeeper.predict.churn.features import FeatureRows, feature_rows
from shopkeeper.predict.churn.processes import Processes
from shopkeeper.predict.contract import register, require_fitted
from shopkeeper.predict.history import Floats, Ints, Question, sample_customers
from shopkeeper.predict.leakage.inspect import guard_training
from shopkeeper.predict.memory import matrix_bytes, require_memory
from shopkeeper.predict.split import plan_cutoffs
from shopkeeper.predict.value.bgnbd import BgNbd, fit_bg_nbd
from shopkeeper.predict.value.boosted import Boosted, fit_boosted
from shopkeeper.predict.value.forecast import LEVEL, Forecast, forecast, levels_that_held
from shopkeeper.predict.value.gamma_gamma import GammaGamma, fit_gamma_gamma
from shopkeeper.predict.value.pareto_nbd import ParetoNbd, fit_pareto_nbd
from shopkeeper.predict.value.past import grouped, past, stack
from shopkeeper.predict.value.summary import summarise
from shopkeeper.predict.value.ziln import Ziln, fit_ziln

METHODS = ("zero", "pace", "bg_nbd", "pareto_nbd", "boosted", "ziln", "blend")
"""Two baselines, the two processes, two kinds of trees, and the average: of Pareto/NBD and boosted
purchases, and of the spend of Pareto/NBD, boosted trees and ZILN. On thirteen rehearsals the third
spend lowered the error of the other two by .2 %; a third for purchases did not."""

TREE_COLUMNS = (
    "p_buy",
    "expected_orders",
    "idle_share",
    "recent_share",
    "overdue",
    "orders_per_day",
    "amount_mean",
    "amount_last",
)
"""Columns free of the length of the history, so that cut-offs of any horizon can be stacked."""

LEAST_CUSTOMERS = 50
MEMORY_MB = 2_048
"""What the trees may take while they learn; they learn from a sample of customers."""
MOST_FITTED = 200_000
"""Customers on which both processes are fitted, at most; Gamma-Gamma takes all, grouped."""
MOST_BOOSTED = 50_000
ZILN_TEXTS = ("buys", "mean")
STRETCH = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class LearnedValue:
    """Everything `fit` learns; time in days, money in minor units.

    Parameters
    ----------
    bg_nbd : BgNbd
        The first process.
    pareto_nbd : ParetoNbd
        The second process.
    amounts : GammaGamma
        Amounts per purchase.
    boosted : Boosted | None
        Trees; None where the history is too short to learn them.
    ziln : Ziln | None
        Zero-inflated lognormal spend; None with the trees.
    levels : tuple[float, float]
        Levels claimed for the ranges of purchases and spend so that they held 90 % in the past.
    as_of_us : int
        Training moment.
    horizon_days : float
        Horizon in days.
    seed : int
        Seed of the fit.
    customers : int
        Customers learned from.
    """

    bg_nbd: BgNbd
    pareto_nbd: ParetoNbd
    amounts: GammaGamma
    boosted: Boosted | None
    ziln: Ziln | None
    levels: tuple[float, float]
    as_of_us: int
    horizon_days: float
    seed: int
    customers: int


@dataclass(frozen=True, slots=True)
class Value:
    """What the model says; arrays have one entry a customer.

    Parameters
    ----------
    code : Ints
        Customer codes; ascending; customers without a purchase are absent.
    forecast : Forecast
        Expected purchases and spend (blended), ranges, p_alive and p_buy.
    by_method : dict[str, tuple[Floats, Floats]]
        Purchases and spend in minor units by each method of `METHODS`.
    rows : FeatureRows
        Features of the same customers.
    """

    code: Ints
    forecast: Forecast
    by_method: dict[str, tuple[Floats, Floats]]
    rows: FeatureRows


@register
class ValueModel:
    """Purchases and spend of each customer in a horizon."""

    name: ClassVar[str] = "value"
    task: ClassVar[str] = "value"

    def __init__(self) -> None:
        self._learned: LearnedValue | None = None

    @property
    def learned(self) -> LearnedValue:
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
    def method(self) -> str:
        """Return `blend`, or `pareto_nbd` where the history was too short for trees."""
        return "blend" if self.learned.boosted else "pareto_nbd"

    def fit(self, data: Question, /, *, seed: int = 0) -> Self:
        """Learn from orders before the moment.

        Parameters
        ----------
        data : Question
            Orders, moment and horizon; external columns are not used.
        seed : int
            Decides sampling.

        Returns
        -------
        Self
            The same object.

        Raises
        ------
        NotEnoughDataError
            When there are fewer than 50 customers, or fewer than ten with a repeat purchase.
        """
        known = data.history.before(data.as_of_us)
        summary = summarise(known, data.as_of_us, "day")
        if len(summary.code) < LEAST_CUSTOMERS:
            raise NotEnoughDataError(
                f"the value model needs at least {LEAST_CUSTOMERS} customers with a purchase "
                f"before the moment of the forecast, found {len(summary.code)}",
                next_step="load more customers, or choose a later moment",
                needed=LEAST_CUSTOMERS,
                found=len(summary.code),
            )
        sampled = sample_customers(known, MOST_FITTED, seed)
        part = summary if sampled is known else summarise(sampled, data.as_of_us, "day")
        some = grouped(part)
        process = fit_pareto_nbd(some)
        amounts = fit_gamma_gamma(summary.frequency, summary.monetary_minor)
        some_past = replace(data, history=sample_customers(known, MOST_BOOSTED, seed))
        trees, ziln, levels = _fit_trees(some_past, seed, process)
        self._learned = LearnedValue(
            bg_nbd=fit_bg_nbd(some),
            pareto_nbd=process,
            amounts=amounts,
            boosted=trees,
            ziln=ziln,
            levels=levels,
            as_of_us=data.as_of_us,
            horizon_days=data.horizon_days,
            seed=seed,
            customers=len(summary.code),
        )
        return self

    def predict(self, data: Question, *, ranges: bool = True) -> Value:
        """Forecast every customer who bought before the moment.

        Ranges come from Pareto/NBD over a horizon stretched by the ratio of the blended to its own
        total, so that their level agrees with the point forecast.

        Parameters
        ----------
        data : Question
            Orders and moment; the horizon is the model's own.
        ranges : bool
            Whether to work out ranges, which costs most of the time where boosting joins in.

        Returns
        -------
        Value
            Forecasts in order of customer code.
        """
        learned = self.learned
        days = learned.horizon_days
        rows = feature_rows(data.history, data.as_of_us, days, Processes(learned.pareto_nbd))
        summary = rows.summary
        fitted = learned.pareto_nbd, learned.amounts, summary
        own = forecast(*fitted, days, learned.levels, ranges=learned.boosted is None)
        other = forecast(learned.bg_nbd, learned.amounts, summary, days, ranges=False)
        pace = summary.frequency / np.maximum(summary.age, 1.0) * days
        nothing = np.zeros(len(summary.code))
        mean = own.spend_minor / np.maximum(own.orders, 1e-12)
        methods = {
            "zero": (nothing, nothing),
            "pace": (pace, pace * rows.column("amount_mean")),
            "bg_nbd": (other.orders, other.spend_minor),
            "pareto_nbd": (own.orders, own.spend_minor),
        }
        if learned.boosted is None or learned.ziln is None:
            return Value(rows.code, own, methods, rows)
        orders, amount = learned.boosted.predict(rows.names, rows.matrix, own.orders, mean)
        methods["boosted"] = (orders, orders * amount)
        _, spend = learned.ziln.predict(rows.names, rows.matrix, own.orders, mean)
        # this head says spend and no count; its purchases are the trees'
        methods["ziln"] = (orders, spend)
        blend = (orders + own.orders) / 2.0, (orders * amount + own.spend_minor + spend) / 3.0
        methods["blend"] = blend
        point = replace(own, orders=blend[0], spend_minor=blend[1])
        if not ranges:
            return Value(rows.code, point, methods, rows)
        ratio = float(blend[0].sum() / max(own.orders.sum(), 1e-12))
        stretched = forecast(*fitted, days * float(np.clip(ratio, *STRETCH)), learned.levels)
        said = replace(
            stretched,
            orders=blend[0],
            spend_minor=blend[1],
            p_alive=own.p_alive,
            p_buy=own.p_buy,
        )
        return Value(rows.code, _widened(said), methods, rows)

    def save(self, folder: Path) -> None:
        """Write `model.json`, and the trees as text.

        Parameters
        ----------
        folder : Path
            Made if it does not exist.
        """
        folder.mkdir(parents=True, exist_ok=True)
        stored: dict[str, Any] = asdict(self.learned)
        trees, ziln = stored.pop("boosted"), stored.pop("ziln")
        for name in ZILN_TEXTS:
            path = folder / f"ziln_{name}.txt"
            if ziln is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(ziln.pop(name))
        stored["ziln"] = ziln
        for name in ("orders", "amount"):
            path = folder / f"{name}.txt"
            if trees is None:
                path.unlink(missing_ok=True)
            else:
                path.write_text(trees[name])
        stored |= {"model": self.name, "columns": trees and trees["columns"]}
        (folder / "model.json").write_text(json.dumps(stored, ensure_ascii=False, indent=1) + "\n")

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
            When the folder holds no value model.
        """
        try:
            stored = json.loads((folder / "model.json").read_text())
            columns = stored["columns"]
            trees = None
            ziln = stored["ziln"]
            if ziln is not None:
                plain: dict[str, Any] = {k: tuple(v) for k, v in ziln.items()}
                for name in ZILN_TEXTS:
                    plain[name] = (folder / f"ziln_{name}.txt").read_text()
                ziln = Ziln(**plain)
            if columns is not None:
                parts = [(folder / f"{name}.txt").read_text() for name in ("orders", "amount")]
                trees = Boosted(tuple(columns), *parts)
            learned = LearnedValue(
                bg_nbd=BgNbd(**stored["bg_nbd"]),
                pareto_nbd=ParetoNbd(**stored["pareto_nbd"]),
                amounts=GammaGamma(**stored["amounts"]),
                boosted=trees,
                ziln=ziln,
                levels=(stored["levels"][0], stored["levels"][1]),
                as_of_us=stored["as_of_us"],
                horizon_days=stored["horizon_days"],
                seed=stored["seed"],
                customers=stored["customers"],
            )
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise SourceError(
                f"{folder} holds no value model that can be read ({type(error).__name__}: {error})",
                next_step="save the model again with ValueModel.save",
                path=str(folder),
            ) from error
        model = cls()
        model._learned = learned
        return model


def _widened(said: Forecast) -> Forecast:
    """Keep the expectation inside the range, which a skewed distribution does not promise."""
    return replace(
        said,
        orders_low=np.minimum(said.orders_low, np.floor(said.orders)),
        orders_high=np.maximum(said.orders_high, np.floor(said.orders)),
        spend_low=np.minimum(said.spend_low, said.spend_minor),
    )


def _fit_trees(
    data: Question, seed: int, near: ParetoNbd
) -> tuple[Boosted | None, Ziln | None, tuple[float, float]]:
    """Learn the trees and the levels of ranges on past cut-offs; none where there is no usable one."""
    unlearned = None, None, (LEVEL, LEVEL)
    if len(data.history) == 0:
        return unlearned
    first = int(data.history.ts_us.min())
    try:
        plan = plan_cutoffs(first, data.as_of_us, data.horizon_days)
        parts = [past(data.history, cutoff, near) for cutoff in plan]
    except NotEnoughDataError:
        return unlearned
    expected = stack([part.expected for part in parts])
    actual = stack([part.actual for part in parts])
    if int((actual[0] > 0).sum()) < LEAST_CUSTOMERS:
        return unlearned
    last = parts[-1]
    levels = levels_that_held(
        last.process, last.amounts, last.rows.summary, last.cutoff.horizon_days, last.actual
    )
    names = parts[0].rows.names
    code = np.concatenate([part.rows.code for part in parts])
    require_memory(
        "training value", matrix_bytes(len(code), len(names), copies=4.0), MEMORY_MB,
        "train on a sample of customers", size=len(code), unit="rows",
    )  # fmt: skip
    matrix = np.vstack([part.rows.matrix for part in parts])
    moments = np.repeat([part.cutoff.as_of_us for part in parts], [len(x.rows.code) for x in parts])
    guard_training(names, matrix, actual[0] > 0, moments=moments, groups=code, seed=seed)
    trees = fit_boosted(names, matrix, TREE_COLUMNS, expected, actual, seed)
    ziln = fit_ziln(names, matrix, TREE_COLUMNS, expected, actual[1], code, seed)
    return trees, ziln, levels
