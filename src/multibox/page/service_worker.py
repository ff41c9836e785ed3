"""The service worker of a site, which keeps the site's files in the browser."""

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files


def service_worker(content: Mapping[str, bytes]) -> bytes:
    """Write the service worker of a site.

    Its content changes when any file changes, so that browsers then download the site again.

    Args:
        content: Contents of the site's files, by path relative to the site's folder.

    Returns:
        Content of ``sw.js``, which belongs at the top of the site's folder.
    """
    digests = {name: hashlib.sha256(content[name]).hexdigest() for name in sorted(content)}
    listed = json.dumps(digests, indent=1)
    version = hashlib.sha256(listed.encode()).hexdigest()[:16]
    text = files("multibox").joinpath("page", "local", "sw.js").read_text("utf-8")
    return f'const VERSION = "{version}";\nconst FILES = {listed};\n\n{text}'.encode()
