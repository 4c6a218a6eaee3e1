"""Connectors: sources that are read again and again, how far, and what became of them."""
