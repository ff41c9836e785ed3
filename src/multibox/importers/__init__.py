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
"""Whose files can be made into models: what ``multibox import --from`` takes."""
