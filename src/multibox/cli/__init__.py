"""The command line: one module a group of commands, each of which parses, calls and prints."""

from multibox.cli import bench, data, data_check, data_make, download, evaluate, models, predict, serve, train  # noqa: F401
from multibox.cli.app import main as main
