"""Published datasets and weights, from their servers to the disk."""
