"""Datasets: records, readers of common formats, the store, and a rendered sample."""
