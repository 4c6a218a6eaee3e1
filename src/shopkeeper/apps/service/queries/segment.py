"""Schemes, audiences and the rule language."""
