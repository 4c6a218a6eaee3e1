"""Forecasts of many series: one boosted model, levels, intervals, reconciliation."""
