"""Networks and neighbours that read a sequence of items and say what comes next."""
