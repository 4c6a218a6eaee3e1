"""Implementations of the ports; opened by ``apps`` through ``open_runtime`` only."""
