"""Benches: every published figure is printed by one command, beside its baselines."""
