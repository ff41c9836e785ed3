"""Formulas as MathML: browsers draw it themselves, so that no page needs a script or another host."""

from html import escape

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def mathml(node: nodes.math | nodes.math_block, **options: bool) -> str:
    """A formula as MathML; one that cannot be read is a warning, and stays as it is written."""
    try:
        return tex2mathml(node.astext(), **options)
    except MathError as error:
        LOGGER.warning("formula: %s; write it in other commands of LaTeX", error, location=node)
        return escape(node.astext())


def inline(writer, node: nodes.math) -> None:
    """A formula within a line."""
    writer.body.append(mathml(node))
    raise nodes.SkipNode


def block(writer, node: nodes.math_block) -> None:
    """A formula on a line of its own."""
    writer.body.append(f'<div class="formula">{mathml(node, as_block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer it as ``html_math_renderer = "mathml"``."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
