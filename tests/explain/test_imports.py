import subprocess
import sys

HEAVY = ("keras", "tensorflow", "jax", "torch", "grain")


def test_explaining_needs_no_more_than_detection():
    rooms = "augmentation", "browsing", "cells", "loss", "matching", "origin"
    imports = "".join(f"import multibox.explain.{room}\n" for room in rooms)
    program = f"import sys\n{imports}print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
