"""Datasets: what a record is, readers of the usual formats, the store, and a dataset made on the spot."""
