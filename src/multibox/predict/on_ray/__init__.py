"""Detect on a cluster: Ray Data spreads the work, and what it comes to is Parquet."""
