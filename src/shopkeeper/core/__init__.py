"""Nouns, tables, ports, errors and settings: what every stage may import."""
