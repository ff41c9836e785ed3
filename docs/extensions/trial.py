"""The site in which the bundled detector is tried, at ``try/index.html`` of the built pages.

It is made with ``multibox export``, whose runtime npm fetches once. Where it cannot be made, a line says why, and the
pages are built without it. In pages, ``{only} trial`` holds what belongs to pages with the site.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx

from multibox.errors import BadInput, RunFailed
from multibox.export import export

FOLDER = "try"


def make_site(app: Sphinx) -> None:
    """Export the site into the folder of the built pages."""
    if app.builder.format != "html":
        return
    try:
        export("voc20", "web", Path(app.outdir) / FOLDER)
    except (BadInput, RunFailed) as error:
        print(f"docs: built without the site to try the detector: {error}", file=sys.stderr)
    else:
        app.tags.add("trial")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the site before the pages are read."""
    app.connect("builder-inited", make_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
