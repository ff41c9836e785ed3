"""What every runtime does: the network's plain numbers, whatever computes them."""

import importlib.util
from typing import Protocol

import numpy as np

from multibox.errors import BadInput
from multibox.models.schema import Schema


class Runtime(Protocol):
    """Something that runs a network.

    Attributes:
        schema: what the model file says about itself.
    """

    schema: Schema

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the network.

        Args:
            images: ``(B, H, W, 3)`` uint8 RGB of the network's input size.

        Returns:
            ``(B, P, C + 1)`` float32 logits, background in column 0, and ``(B, P, 4)`` float32 deltas.
        """


def is_installed(module: str) -> bool:
    """Whether a package is there, without importing it."""
    return importlib.util.find_spec(module) is not None


def require_package(module: str, what: str, title: str, extra: str) -> None:
    """Refuse what needs a package that is not installed.

    Args:
        module: of the package.
        what: the file, for the message.
        title: of the package.
        extra: of Multibox that has it.

    Raises:
        BadInput: it is missing.
    """
    if not is_installed(module):
        raise BadInput(what, f"needs {title}, which is not installed; run: pip install 'multibox[{extra}]'")


def first_line(error: Exception) -> str:
    """What a foreign error says, as the end of a message of one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
