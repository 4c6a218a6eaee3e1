"""When a task is trained again: a plan that is a value, with its reasons, performed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Because = Literal["first", "schedule", "drift", "degraded", "asked"]
Wait = Literal["", "fresh", "cooldown", "budget", "disabled"]

DAY_US = 86_400_000_000
MONTH_DAYS = 30


@dataclass(frozen=True, slots=True)
class Policy:
    """When a task is trained again.

    Parameters
    ----------
    enabled : bool
        Whether anything but the first training happens by itself.
    every_days : float
        Days after which it is trained anyway.
    min_days_between : float
        Least days between two trainings.
    most_per_month : int
        Most trainings within 30 days.
    """

    enabled: bool = True
    every_days: float = 7.0
    min_days_between: float = 2.0
    most_per_month: int = 12


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a task.

    Parameters
    ----------
    trained_us : tuple[int, ...]
        Moments of its trainings, ascending, microseconds UTC; empty before the first.
    drifted : bool
        Whether columns that matter drifted since the last training.
    degraded : bool
        Whether the champion was found degraded since the last training.
    asked : bool
        Whether a person asked for it.
    """

    trained_us: tuple[int, ...] = ()
    drifted: bool = False
    degraded: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True)
class RetrainPlan:
    """Whether a task is trained now.

    Parameters
    ----------
    task : str
        What it predicts.
    train : bool
        Whether it is trained now.
    because : tuple[Because, ...]
        Reasons for it, the most urgent first.
    wait : Wait
        What stands against it; empty where nothing does.
    next_us : int
        Moment at which it would be trained by schedule.
    """

    task: str
    train: bool
    because: tuple[Because, ...]
    wait: Wait
    next_us: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"train": self.train, "because": list(self.because), "wait": self.wait,
                "next_us": self.next_us}  # fmt: skip


def plan_training(task: str, now_us: int, standing: Standing, policy: Policy) -> RetrainPlan:
    """Decide whether a task is trained now.

    Parameters
    ----------
    task : str
        What it predicts.
    now_us : int
        The moment we pretend it is, microseconds UTC.
    standing : Standing
        What is known of it.
    policy : Policy
        When it is trained again.

    Returns
    -------
    RetrainPlan
        With its reasons, also where it is not trained.

    Examples
    --------
    >>> plan_training("churn", 8 * DAY_US, Standing((0,)), Policy()).because
    ('schedule',)
    >>> plan_training("churn", 1 * DAY_US, Standing((0,), drifted=True), Policy()).wait
    'cooldown'
    """
    past = tuple(moment for moment in standing.trained_us if moment <= now_us)
    if not past:
        return RetrainPlan(task, True, ("first",), "", now_us)
    age_days = (now_us - past[-1]) / DAY_US
    following = past[-1] + round(policy.every_days * DAY_US)
    reasons: list[Because] = []
    if standing.asked:
        reasons.append("asked")
    if standing.degraded:
        reasons.append("degraded")
    if standing.drifted:
        reasons.append("drift")
    if age_days >= policy.every_days:
        reasons.append("schedule")
    lately = sum(now_us - moment < MONTH_DAYS * DAY_US for moment in past)
    wait: Wait = ""
    if not reasons:
        wait = "fresh"
    elif standing.asked:
        wait = ""
    elif not policy.enabled:
        wait = "disabled"
    elif age_days < policy.min_days_between:
        wait = "cooldown"
    elif lately >= policy.most_per_month:
        wait = "budget"
    return RetrainPlan(task, not wait, tuple(reasons), wait, max(following, now_us))
