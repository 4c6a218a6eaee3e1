"""The tracking plan: shown, previewed, applied, guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shopkeeper.apps.flows import tracking, tracking_effect
from shopkeeper.apps.service.context import OpenShop
from shopkeeper.apps.service.schemas.common import NextStep, Text
from shopkeeper.apps.service.schemas.tracking import (
    PlanApplied,
    PlanApply,
    PlanDraft,
    PlanEffect,
    PlanFault,
    PlanGuess,
    PlanStep,
    PlanTally,
    PlanVersion,
    TrackedEvent,
    TrackedProperty,
    TrackingPlanView,
    TrackingPreview,
)
from shopkeeper.collect.live.plan import TrackingPlan
from shopkeeper.collect.live.plan.rules import Definition, Property
from shopkeeper.collect.live.plan.tracking import standard_text
from shopkeeper.collect.live.plan.writing import property_dict
from shopkeeper.core.errors import InputError

NO_PLAN = NextStep(
    text=Text(
        zh="还没有埋点方案：所有事件都会放行。下面是标准方案，可以从它开始。",
        en="No tracking plan is in force: every event is admitted. Begin with the standard plan below.",
    ),
    action=Text(zh="采用标准方案", en="Use the standard plan"),
    command="shopkeeper tracking show --standard",
)
_SHOWN = ("required_with", "aliases", "enum", "pattern", "min", "max", "min_length", "max_length")


def view(shop: OpenShop, version: int | None = None) -> TrackingPlanView:
    """The plan in force, or an earlier version.

    Parameters
    ----------
    shop
        The open shop.
    version
        From 1; None is the one in force.

    Returns
    -------
    TrackingPlanView

    Raises
    ------
    NotFoundError
        If there is no such version.
    """
    held = (
        tracking.current(shop.state) if version is None
        else tracking.version_of(shop.state, version)
    )  # fmt: skip
    plan = TrackingPlan.standard() if held is None else held.plan
    return TrackingPlanView(
        version=held.version if held else 0,
        digest=held.plan.digest if held else None,
        yaml=standard_text() if held is None else held.plan.to_yaml(),
        plan=plan.to_dict(),
        events=_events(plan.definition),
        history=[_version(x) for x in tracking.history(shop.state)],
        next_step=None if held else NO_PLAN,
    )


def preview(shop: OpenShop, body: PlanDraft) -> TrackingPreview:
    """What a draft would change and refuse, or why it cannot be read.

    Parameters
    ----------
    shop
        The open shop.
    body
        The draft.

    Returns
    -------
    TrackingPreview
    """
    try:
        plan = TrackingPlan.from_yaml(body.yaml)
    except InputError as error:
        held = tracking.current(shop.state)
        return TrackingPreview(
            valid=False, faults=_faults(error), based_on=held.version if held else 0, digest=None,
            stricter=False, steps=[], effect=None,
        )  # fmt: skip
    found = tracking_effect.preview(
        shop.state, shop.runtime.log, shop.settings, plan, recent=body.recent
    )
    effect = found.effect
    return TrackingPreview(
        valid=True,
        faults=[],
        based_on=found.based_on,
        digest=plan.digest,
        stricter=found.change.stricter,
        steps=[
            PlanStep(
                action=x.action, path=x.path, text=Text(zh=x.zh, en=x.en), stricter=x.stricter
            )
            for x in found.change.steps
        ],
        effect=PlanEffect(
            events=effect.events,
            refused_now=effect.refused_now,
            refused_then=effect.refused_then,
            newly_refused=effect.newly_refused,
            newly_admitted=effect.newly_admitted,
            warned_then=effect.warned_then,
            reasons=[
                PlanTally(
                    event=x.kind, field=x.field, reason=x.reason, text=Text(zh=x.zh, en=x.en),
                    count=x.events,
                )
                for x in effect.tallies
            ],
        ),
    )  # fmt: skip


def apply(shop: OpenShop, body: PlanApply) -> PlanApplied:
    """Put a plan in force.

    Parameters
    ----------
    shop
        The open shop.
    body
        The plan, and the version it was made from.

    Returns
    -------
    PlanApplied

    Raises
    ------
    InputError
        If the file cannot be used.
    ConflictError
        If another version is in force by now.
    """
    held, changed = tracking.apply(
        shop.state, TrackingPlan.from_yaml(body.yaml), by=body.by, now=shop.clock.now(),
        note=body.note, based_on=body.based_on,
    )  # fmt: skip
    return PlanApplied(version=_version(held), changed=changed)


def guess(shop: OpenShop, recent: int) -> PlanGuess:
    """Infer a plan from the latest events.

    Parameters
    ----------
    shop
        The open shop.
    recent
        Events looked at.

    Returns
    -------
    PlanGuess
        Empty but for its version when nothing was sent yet.
    """
    of = tracking_effect.source_settings(shop.state, shop.settings)
    events = tracking_effect.recent_events(shop.runtime.log, of, limit=recent)
    return PlanGuess(events=len(events), yaml=TrackingPlan.guess(events).to_yaml())


def _faults(error: InputError) -> list[PlanFault]:
    told = error.facts.get("faults")
    if not told:  # no YAML at all
        line = int(error.facts.get("line", 0))
        words = Text(zh=f"无法读取：{error.message}", en=error.message)
        return [PlanFault(path="", line=line, message=words)]
    return [
        PlanFault(path=x["path"], line=x["line"], message=Text(zh=x["zh"], en=x["en"]))
        for x in told
    ]


def _version(held: tracking.Applied) -> PlanVersion:
    return PlanVersion(
        version=held.version,
        digest=held.plan.digest,
        note=held.note,
        applied_by=held.applied_by,
        applied_at=held.applied_at,
        events=len(held.plan.definition.events),
    )


def _events(plan: Definition) -> list[TrackedEvent]:
    return [
        TrackedEvent(
            name=name,
            description=Text(zh=event.zh, en=event.en),
            owner=event.owner,
            severity=event.severity or plan.severity,
            unplanned=event.unplanned or plan.unplanned_properties,
            properties=list(_properties(event.properties, "", event.severity or plan.severity)),
        )
        for name, event in plan.events.items()
    ]


def _properties(
    rules: Mapping[str, Property], parent: str, severity: str
) -> Iterator[TrackedProperty]:
    for name, rule in rules.items():
        yield from _property(f"{parent}{name}", rule, severity)


def _property(path: str, rule: Property, severity: str) -> Iterator[TrackedProperty]:
    said = property_dict(rule)
    own = rule.severity or severity
    yield TrackedProperty(
        path=path,
        types=list(rule.types),
        required=rule.required,
        description=Text(zh=rule.zh, en=rule.en),
        privacy=rule.privacy,
        severity=own,
        rules=[f"{key}: {said[key]}" for key in _SHOWN if key in said],
    )
    yield from _properties(rule.properties, f"{path}.", own)
    if rule.items is not None and (rule.items.properties or rule.items.types):
        if rule.items.properties:
            yield from _properties(rule.items.properties, f"{path}[].", rule.items.severity or own)
        else:
            yield from _property(f"{path}[]", rule.items, own)
