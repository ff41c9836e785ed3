"""How many threads Keras computes with, each time in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from multibox.models.backend import no_chatter

pytest.importorskip("keras")

OPEN = """
import os, sys
os.environ["KERAS_BACKEND"] = sys.argv[1]
from multibox.errors import BadInput
from multibox.models.backend import import_keras

import_keras(threads=1)
import_keras(threads=1)
try:
    import_keras(threads=2)
except BadInput as error:
    print(error)
if sys.argv[1] == "tensorflow":
    import tensorflow
    print(tensorflow.config.threading.get_intra_op_parallelism_threads())
else:
    names = [open(f"/proc/self/task/{task}/comm").read() for task in os.listdir("/proc/self/task")]
    print(sum(name.startswith("tf_XLAEigen") for name in names))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="there is nothing to count")
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_threads(backend):
    pytest.importorskip(backend)
    words = [sys.executable, "-c", OPEN, backend]
    error, threads = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert threads == "1"
    assert error.startswith("threads: Keras is already running with a different number of threads.")


@pytest.mark.parametrize("streams", [(1,), (2,), (1, 2)])
def test_no_chatter(capfd, streams):
    def chatter(text):
        for stream in (1, 2):
            os.write(stream, text)

    chatter(b"before ")
    with no_chatter(*streams):
        chatter(b"inside ")
    chatter(b"after")
    expected = ["before after" if stream in streams else "before inside after" for stream in (1, 2)]
    assert list(capfd.readouterr()) == expected
