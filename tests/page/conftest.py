"""The page's modules in Node.js."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import multibox.page

NODE = shutil.which("node")
PAGE = Path(multibox.page.__file__).parent
ARRAYS = {"float32": "Float32Array", "float64": "Float64Array", "uint8": "Uint8Array"}


def as_value(value):
    """A NumPy array in the words of call.mjs."""
    return {"array": ARRAYS[value.dtype.name], "base64": base64.b64encode(value.tobytes()).decode()}


@pytest.fixture(scope="session")
def node():
    """Function that calls functions of the page's modules: ``node([(module, function, *values), ...])``."""
    if NODE is None:
        pytest.skip("needs Node.js")

    def node(calls):
        listed = [((PAGE / module).as_uri(), name, values) for module, name, *values in calls]
        text = json.dumps({"calls": listed}, default=lambda value: as_value(np.ascontiguousarray(value)))
        command = [NODE, str(Path(__file__).with_name("call.mjs"))]
        done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return node
