"""Refusal of class names that a model does not have."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from multibox.annotations.counting import some
from multibox.errors import BadInput


def check_classes(field: str, names: Iterable[str], classes: Sequence[str]) -> None:
    """Verify that a model has classes of these names.

    Args:
        field: Name of the parameter, for the error message.
        names: Names that the user gave.
        classes: Names of the model's classes.

    Raises:
        BadInput: A name is not a class of the model. The message lists the names that are near, or else some classes.
    """
    for name in names:
        if name not in classes:
            by_folded = {known.casefold(): known for known in classes}
            near = [by_folded[known] for known in get_close_matches(name.casefold(), by_folded, cutoff=0.5)]
            advice = f"did you mean {' or '.join(near)}?" if near else f"it has {some(classes, 20)}"
            raise BadInput(field, f"{name!r} is not a class of the model; {advice}")
