import os

import pytest

from multibox.detect import runtimes
from multibox.errors import BadInput


@pytest.fixture
def installed(monkeypatch):
    """Says what is installed; ``$KERAS_BACKEND`` is not set, and is as before afterwards."""
    monkeypatch.setenv("KERAS_BACKEND", "")
    return lambda *names: monkeypatch.setattr(runtimes, "_is_installed", names.__contains__)


@pytest.mark.parametrize(
    ("names", "chosen", "becomes"),
    [
        (("keras", "tensorflow"), None, ""),
        (("keras", "tensorflow", "jax"), None, ""),
        (("keras", "jax"), None, "jax"),
        (("keras", "jax"), "jax", ""),  # import_keras(backend) sets it
    ],
)
def test_keras_has_something_to_run_on(installed, names, chosen, becomes):
    installed(*names)
    runtimes.require_keras("train", chosen)
    assert os.environ["KERAS_BACKEND"] == becomes


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        ((), None, r"train: needs Keras.*: pip install 'multibox\[train\]' or 'multibox\[jax\]'$"),
        ((), "jax", r"train: needs Keras.*: pip install 'multibox\[jax\]'$"),
        (("keras",), None, r"train: Keras needs TensorFlow or JAX.*\[train\]' or 'multibox\[jax\]'$"),
        (
            ("keras", "tensorflow"),
            "jax",
            r"train: Keras is to run on jax, which is not.*: pip install 'multibox\[jax\]'$",
        ),
        (
            ("keras", "jax"),
            "tensorflow",
            r"on tensorflow, which is not installed.*pip install 'multibox\[train\]'$",
        ),
    ],
)
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_missing_backend_is_named(installed, monkeypatch, names, chosen, message, by_variable):
    installed(*names)
    if by_variable:
        monkeypatch.setenv("KERAS_BACKEND", chosen or "")
    with pytest.raises(BadInput, match=message):
        runtimes.require_keras("train", None if by_variable else chosen)
