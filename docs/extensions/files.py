"""Links to files of the repository that are no pages, as ``[...](../tests/...)``: they are offered for download."""

import re
from pathlib import Path

from sphinx.application import Sphinx

LINK = re.compile(r"\]\((\.\./[^)#\s]+)(?:#[^)\s]*)?\)")


def offer_files(app: Sphinx, document: str, source: list[str]) -> None:
    """Mark such links, which Sphinx would take for pages; a link to no file stays, and is a warning."""
    folder = Path(app.env.doc2path(document)).parent

    def marked(link: re.Match[str]) -> str:
        file = (folder / link[1]).resolve()
        outside = not file.is_relative_to(Path(app.srcdir).resolve())
        return f"](<path:{link[1]}>)" if outside and file.is_file() else link[0]

    source[0] = LINK.sub(marked, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page before it is read."""
    app.connect("source-read", offer_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
