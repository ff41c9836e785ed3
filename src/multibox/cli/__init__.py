"""The command line. Each module defines a group of commands, with their options and their printed output."""

from multibox.cli import bench, data, data_check, data_make, download, evaluate, models, predict, serve, track, train  # noqa: F401
from multibox.cli.app import main as main
