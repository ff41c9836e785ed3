"""Exports only the weights of a model, for Keras' ``load_weights``."""

import os
from functools import partial
from pathlib import Path

from multibox.errors import BadInput
from multibox.models.file import load_model
from multibox.models.shipped import folder_for, model_path
from multibox.writing import Kind, check_file, first_free, new_file

SUFFIX = ".weights.h5"
WEIGHTS = Kind("weights")


def export_weights(
    model: str | os.PathLike[str], out: str | os.PathLike[str] | None = None, *, replace: bool = False
) -> Path:
    """Write only the weights of a model file, as Keras' ``load_weights`` reads them into a network of the same layers.

    Example:
        >>> schema = multibox.models.file.read_schema("model.keras")
        >>> network = build(schema.network, len(schema.classes), schema.priors)
        >>> network.load_weights(export_weights("model.keras"))

    Args:
        model: Path of a ``.keras`` file.
        out: File to write, ending in ``.weights.h5``. None writes a file beside the model, with the next free name.
        replace: Whether to replace a file that Multibox did not write, or that was changed since Multibox wrote it.

    Returns:
        Path of the written file.

    Raises:
        BadInput: If there is no such model, or ``out`` has another suffix.
    """
    model = model_path(model, ".keras")
    check = partial(check_file, kind=WEIGHTS, replace=replace)
    out = first_free(folder_for(model), model.stem, SUFFIX, check) if out is None else Path(out)
    check(out)
    if not out.name.endswith(SUFFIX):
        raise BadInput("out", f"{out}: give a file that ends in {SUFFIX}")
    network, _ = load_model(model)
    with new_file(out, WEIGHTS, replace=replace) as new:
        network.save_weights(new)
    return out
