"""Where the command ``multibox`` starts."""

import sys

from multibox.cli.app import main
from multibox.cli.huge_pages import use_huge_pages


def start() -> None:
    """Run the command line of this process."""
    if sys.argv[1:2] in (["train"], ["bench"]):
        use_huge_pages()
    main(prog_name="multibox")
