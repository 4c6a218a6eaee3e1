"""Audience rules: one tree that prints and parses as text and as YAML."""
