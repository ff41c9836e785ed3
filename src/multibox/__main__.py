"""``python -m multibox``: the command line."""

from multibox.cli import main

main(prog_name="multibox")
