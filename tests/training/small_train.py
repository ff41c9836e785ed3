"""Train the small network as the command ``multibox train`` trains a detector: test_resume.py kills it."""

import sys

from multibox.models.backend import import_keras

import_keras()

import small_network  # noqa: E402

from multibox.cli import main  # noqa: E402
from multibox.training import setup  # noqa: E402

if __name__ == "__main__":
    setup.build = small_network.build
    sys.exit(main(["train", *sys.argv[1:]]))
