"""The factors of ``loss.class_weights``, computed once from the training data when a run begins."""

from collections.abc import Sequence

import numpy as np

from multibox.annotations.counting import some
from multibox.config import Config
from multibox.data.object_kinds import learned
from multibox.data.presence import presence_in
from multibox.data.store import Store
from multibox.errors import BadInput
from multibox.training import hosts


def with_class_weights(config: Config, stores: Sequence[Store]) -> Config:
    """Replace ``loss.class_weights`` by a factor for each class of the run, and log the factors.

    A resumed run and the explanation of its model read them from the configuration, and count nothing again.

    Args:
        config: Configuration of the run, including its class names.
        stores: Stores to train on.

    Returns:
        The same configuration if all classes count alike, else one with the factors in the order of the classes.

    Raises:
        BadInput: If a factor is given for a class that the run does not have.
    """
    given, classes = config.loss.class_weights, config.data.classes
    if given == "none":
        return config
    if isinstance(given, str):
        objects = presence_in(stores, classes, learned(config.data.difficult)).objects
        factors = dict(zip(classes, inverse_sqrt(objects), strict=True))
        listed = some([f"{name} {factor:.1f}" for name, factor in factors.items()], 8)
        hosts.log(f"loss.class_weights={given}: {listed}")
    else:
        unknown = [name for name in given if name not in classes]
        if unknown:
            raise BadInput(
                "loss.class_weights",
                f"the run has no class {', '.join(unknown)}; its classes are {', '.join(classes)}",
            )
        factors = {name: given.get(name, 1.0) for name in classes}
    return config.model_copy(update={"loss": config.loss.model_copy(update={"class_weights": factors})})


def inverse_sqrt(objects: np.ndarray) -> list[float]:
    """The square root of (objects of the most frequent class / objects of each class).

    Args:
        objects: ``(C,)`` number of objects of each class.

    Returns:
        ``(C,)`` factors, at least 1 and with four decimals. It is 1 for a class without objects.
    """
    ratio = objects.max() / np.where(objects, objects, max(1, objects.max()))
    return [round(max(1.0, float(factor)), 4) for factor in np.sqrt(ratio)]
