"""``python -m multibox``: the command line."""

from multibox.cli.start import start

start()
