"""Shopkeeper (掌柜): know every customer, decide what is worth doing, do it, measure it."""

__version__ = "0.1.0"
