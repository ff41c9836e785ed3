"""Importers of other projects' weights: a module for each file format, and a module for each project."""

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
"""Kinds of weights that can be imported, each named after the project that published them."""
