"""Weights of others: one file a format."""
