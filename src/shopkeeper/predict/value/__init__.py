"""Customer value: purchases and spend in a horizon, with ranges."""
