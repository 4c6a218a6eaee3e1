"""Readers: anything that holds records becomes batches of columns with row numbers."""
