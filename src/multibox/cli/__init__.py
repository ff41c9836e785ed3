"""The command line."""

from multibox.cli.app import main as main
