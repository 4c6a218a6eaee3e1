"""Flows: stages put in order; each step reads and writes tables."""
