"""Weights of others: a file for each format, and one for each peer that says what its tensors mean."""

KINDS = (
    "caffe",
    "amdegroot",
    "lufficc",
    "qfgaohao",
    "torchvision",
    "ssd-keras",
    "five-scripts",
    "five-scripts-pretrained",
    "keras",
)
"""Whose files can be made into models: what ``multibox import --from`` takes."""
