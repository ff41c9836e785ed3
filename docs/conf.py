"""How Sphinx builds these pages: ``make docs``."""

import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE / "guide")]
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

logging.getLogger("tensorflow").setLevel(logging.ERROR)

from multibox import __version__  # noqa: E402  after the environment

project = "Multibox"
copyright = "the Multibox developers, Apache-2.0"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "chapters",
    "docstrings",
    "files",
    "mathml",
    "trial",
]
exclude_patterns = ["_build"]
suppress_warnings = ["misc.highlighting_failure"]  # of shell commands with their output

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
math_numfig = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "Multibox"
html_static_path = ["_static"]
html_css_files = ["guide.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
