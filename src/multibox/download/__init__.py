"""Published datasets and weights: download, verification, unpacking."""
