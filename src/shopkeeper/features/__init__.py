"""Features: one definition each, computed point-in-time for training and for serving."""
