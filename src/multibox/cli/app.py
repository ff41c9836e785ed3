"""The command ``multibox``. Each module of the package adds its own commands to it."""

import click

from multibox._version import __version__
from multibox.cli.commands import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Train, evaluate and run SSD, the Single Shot MultiBox Detector."""
