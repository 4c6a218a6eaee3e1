"""The features of the batch for the few customers whom something just happened to."""
