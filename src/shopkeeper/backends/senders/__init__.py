"""Senders, one module per way out."""
