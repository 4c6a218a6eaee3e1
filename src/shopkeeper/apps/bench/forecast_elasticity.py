"""Elasticities of simulated shops whose truth is known (placeholder until it is measured)."""

from __future__ import annotations

from shopkeeper.apps.bench.rows import BenchOptions, BenchRow

__all__ = ["elasticity_rows"]


def elasticity_rows(options: BenchOptions) -> list[BenchRow]:
    """None yet."""
    del options
    return []
