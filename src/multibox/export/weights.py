"""The bare weights, for Keras' ``load_weights``."""

import os
from pathlib import Path

from multibox.beside import beside
from multibox.errors import BadInput
from multibox.models.file import load_model
from multibox.models.shipped import folder_for, model_path

WEIGHTS = ".weights.h5"


def export_weights(model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> Path:
    """Write the weights of a model file alone, as Keras' ``load_weights`` reads them into a network of the same layers.

    Example:
        >>> schema = multibox.models.file.read_schema("model.keras")
        >>> network = build(schema.network, len(schema.classes), schema.priors)
        >>> network.load_weights(export_weights("model.keras"))

    Args:
        model: a ``.keras`` file.
        out: the file to write, ``.weights.h5``; without it, beside the model.

    Returns:
        the file written.

    Raises:
        BadInput: no such model, or another ending.
    """
    model = model_path(model, ".keras")
    out = folder_for(model) / f"{model.stem}{WEIGHTS}" if out is None else Path(out)
    if not out.name.endswith(WEIGHTS):
        raise BadInput("out", f"{out}: give a file that ends in {WEIGHTS}, by which Keras knows it")
    network, _ = load_model(model)
    with beside(out) as partial:
        network.save_weights(partial)
    return out
