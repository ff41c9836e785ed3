"""Optional packages: whether they are installed, and how to install them."""

import importlib.util

from multibox.errors import BadInput, install


def is_installed(module: str) -> bool:
    """Whether a package is installed. The package is not imported for this."""
    return importlib.util.find_spec(module) is not None


def require_package(module: str, what: str, title: str, extra: str) -> None:
    """Verify that an optional package is installed.

    Args:
        module: Name of the package's module.
        what: File, command or parameter that needs the package, for the message.
        title: Name of the package, for the message.
        extra: Extra of Multibox that installs the package.

    Raises:
        BadInput: The package is not installed.
    """
    if not is_installed(module):
        raise BadInput(what, f"needs {title}, which is not installed; {install(extra)}")
