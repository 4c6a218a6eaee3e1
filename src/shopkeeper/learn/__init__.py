"""Learn: notice that models no longer fit, and replace them only on evidence."""
