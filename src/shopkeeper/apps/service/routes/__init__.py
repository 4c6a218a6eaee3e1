"""Routes, one module per stage; each parses, calls one query, returns."""

from __future__ import annotations

from shopkeeper.apps.service.routes import (
    collect,
    customers,
    decide,
    deliver,
    govern,
    measure,
    overview,
    predict,
    runs,
    segment,
    system,
    tracking,
)

PROBES = system.probes
ROUTERS = (
    overview.router,
    collect.router,
    tracking.router,
    govern.router,
    customers.router,
    predict.router,
    segment.router,
    decide.router,
    deliver.router,
    measure.router,
    runs.router,
    system.router,
)
TAGS = {
    "overview": "The answer first",
    "collect": "What came in, what was refused",
    "govern": "Quality, rules, dictionary, lineage",
    "customers": "Who they are: traits, timeline, features, scores",
    "predict": "Models beside their baselines",
    "segment": "Schemes and audiences",
    "decide": "Plans, decisions and their reasons",
    "deliver": "The outbox",
    "measure": "Indicators, cohorts, effects",
    "runs": "The nightly loop",
    "system": "Health, settings",
}
