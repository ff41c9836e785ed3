"""Importers of other projects' weights: a file for each format, and one for each peer that declares its tensors."""

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
"""Kinds of files that can be imported, by whose they are."""
