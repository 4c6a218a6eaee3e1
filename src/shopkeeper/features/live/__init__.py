"""Live traits: what is true of a customer now, from events, to the second."""
