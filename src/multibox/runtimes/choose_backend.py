"""Choice of the backend that Keras runs on, before Keras is imported."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

from multibox.errors import BadInput, install
from multibox.runtimes.packages import is_installed

EXTRAS = {"tensorflow": "train", "torch": "torch", "jax": "jax"}
"""Backends of Keras that Multibox runs on, the fastest on a CPU first, and the extra that installs each."""

DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/dev/dxg"), Path("C:/Windows/System32/nvml.dll"))
"""Files of NVIDIA's driver: on Linux, in WSL, and on Windows."""


def require_keras(what: str, backend: str | None = None) -> None:
    """Verify that Keras and a backend are installed, for something that needs them, and set ``$KERAS_BACKEND``.

    Args:
        what: File or command that needs Keras, for the message.
        backend: One of :data:`EXTRAS`. None takes the backend that Keras runs on already, else that of
            ``$KERAS_BACKEND``, else that of ``keras.json``, else what :func:`best_backend` chooses.

    Raises:
        BadInput: Keras or the backend is not installed, there is no backend of that name, or Keras already runs on
            another one.
    """
    running = running_backend()
    if backend and backend in EXTRAS and running not in (None, backend):
        raise BadInput("backend", f"Keras already runs on {running}; choose {backend} before Keras is first used")
    chosen = backend or running or os.environ.get("KERAS_BACKEND") or _in_keras_json()
    if chosen and chosen not in EXTRAS:
        raise BadInput("backend", f"{chosen} is no backend of Multibox; choose one of {', '.join(EXTRAS)}")
    remedy = install(EXTRAS[chosen]) if chosen else install(*EXTRAS.values())
    if not is_installed("keras"):
        raise BadInput(what, f"needs Keras, which is not installed; {remedy}")
    if chosen and not is_installed(chosen):
        raise BadInput(what, f"Keras is set to run on {chosen}, which is not installed; {remedy}")
    installed = [name for name in EXTRAS if is_installed(name)]
    if not installed:
        raise BadInput(what, f"Keras needs TensorFlow, PyTorch or JAX, and none is installed; {remedy}")
    os.environ["KERAS_BACKEND"] = chosen or best_backend(installed)


def running_backend() -> str | None:
    """The backend that Keras runs on in this process. None if Keras is not imported yet."""
    keras = sys.modules.get("keras")
    return keras.backend.backend() if keras is not None and hasattr(keras, "backend") else None


def best_backend(installed: list[str]) -> str:
    """Choose a backend for this machine.

    Args:
        installed: Installed backends, the fastest on a CPU first.

    Returns:
        With NVIDIA's driver, the first of PyTorch and JAX that is built for CUDA. Otherwise the first of ``installed``.
    """
    built = {"torch": _torch_is_built_for_cuda, "jax": _jax_is_built_for_cuda}
    if any(driver.exists() for driver in DRIVERS):
        return next((name for name, has_cuda in built.items() if name in installed and has_cuda()), installed[0])
    return installed[0]


def _torch_is_built_for_cuda() -> bool:
    """By the version: CUDA is the rule on Linux (``2.9.0``, ``2.9.0+cu130``) and the exception on Windows."""
    local = version("torch").partition("+")[2]
    return local.startswith("cu") or (not local and sys.platform == "linux")


def _jax_is_built_for_cuda() -> bool:
    return any(is_installed(f"jax_cuda{major}_plugin") for major in (12, 13))


def _in_keras_json() -> str | None:
    """The backend in Keras' own configuration. TensorFlow is no choice, because Keras writes it there by itself."""
    folder = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        named = json.loads(Path(folder, "keras.json").read_text()).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return named if isinstance(named, str) and named not in ("", "tensorflow") else None
