"""Tracking plans: what events a shop expects, checked one by one as they arrive."""

from __future__ import annotations

from shopkeeper.collect.live.plan.tracking import TrackingPlan

__all__ = ["TrackingPlan"]
