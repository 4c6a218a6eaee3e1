"""Routes, one module per stage; each parses, calls one query, returns."""

from __future__ import annotations

from shopkeeper.apps.service.routes import (
    bots,
    collect,
    connectors,
    customers,
    decide,
    deliver,
    forecast,
    freshness,
    govern,
    live,
    live_profile,
    measure,
    overview,
    predict,
    runs,
    segment,
    stores,
    system,
    tracking,
)

PROBES = system.probes
ROUTERS = (
    overview.router,
    collect.router,
    bots.router,
    live.router,
    freshness.router,
    connectors.router,
    tracking.router,
    govern.router,
    customers.router,
    live_profile.router,
    predict.router,
    forecast.router,
    segment.router,
    decide.router,
    deliver.router,
    measure.router,
    stores.router,
    runs.router,
    system.router,
)
TAGS = {
    "overview": "The answer first",
    "collect": "What came in, what was refused",
    "connectors": "Sources that are read again and again, and those that send to us",
    "govern": "Quality, rules, dictionary, lineage",
    "customers": "Who they are: traits, timeline, features, scores",
    "predict": "Models beside their baselines",
    "segment": "Schemes and audiences",
    "decide": "Plans, decisions and their reasons",
    "deliver": "The outbox",
    "measure": "Indicators, cohorts, effects",
    "stores": "Footfall, sales and conversion of each store",
    "runs": "The nightly loop",
    "system": "Health, settings",
}
