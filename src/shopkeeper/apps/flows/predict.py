"""The tasks of a night: each trains, settles and applies its model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shopkeeper.apps.flows.churn import predict_churn
from shopkeeper.apps.flows.forecast import predict_forecast
from shopkeeper.apps.flows.intent import predict_intent
from shopkeeper.apps.flows.promotion import predict_promotion
from shopkeeper.apps.flows.propensity import predict_propensities
from shopkeeper.apps.flows.recommend import predict_recommend
from shopkeeper.apps.flows.task import TaskReport
from shopkeeper.apps.flows.text import predict_text
from shopkeeper.apps.flows.uplift import predict_uplift
from shopkeeper.apps.flows.value import predict_value
from shopkeeper.backends.runtime import Runtime
from shopkeeper.core.errors import LeakageError, NotEnoughDataError, TooLargeError


@dataclass(frozen=True, slots=True)
class PredictReport:
    """How every task went."""

    tasks: Mapping[str, TaskReport]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            name: {
                "model": t.model, "version": t.version, "rows": t.rows, "refused": t.refused,
                "figures": {m: dict(v) for m, v in t.table.items()},
            }
            for name, t in self.tasks.items()
        }  # fmt: skip


def run_predict(runtime: Runtime, *, as_of: datetime) -> PredictReport:
    """Train each task on what was known before ``as_of`` and score every customer.

    A task without enough data is reported as refused with the reason; the
    others go on.

    Parameters
    ----------
    runtime
        The open shop; unify must have run.
    as_of
        The moment we pretend it is.
    """
    done = {}
    for name, task in TASKS.items():
        try:
            done[name] = task(runtime, as_of)
        except (NotEnoughDataError, LeakageError, TooLargeError) as error:
            done[name] = TaskReport(refused=str(error))
    return PredictReport(done)


__all__ = ["TASKS", "PredictReport", "predict_churn", "predict_value", "run_predict"]

TASKS: dict[str, Callable[[Runtime, datetime], TaskReport]] = {
    "churn": predict_churn,
    "value": predict_value,
    "recommend": predict_recommend,
    "text": predict_text,
    "forecast": predict_forecast,
    "promotion": predict_promotion,
    "intent": predict_intent,
    "propensity": predict_propensities,
    "uplift": predict_uplift,
}
"""What a night trains and applies, in this order."""
