"""The elements of a page. Each is data with a Jinja2 template, in which all text is escaped."""

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment


class Part:
    """An element of a page, such as a table or a chart. A template that contains a part inserts it as HTML.

    Attributes:
        template: Name of the template, to which the part is given as ``part``.
    """

    template: ClassVar[str]

    def html(self) -> str:
        """Render the part as HTML."""
        return render(self.template, part=self)

    def __html__(self) -> str:
        return self.html()


def render(template: str, **values: Any) -> str:
    """Render a template of this folder.

    Args:
        template: Name of the template file.
        values: Values that the template uses, by name.

    Returns:
        The rendered text.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("multibox.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    environment.filters["px"] = _px
    return environment


def _cell(value: Any) -> str:
    """The text of a table's cell."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return Markup("/<wbr>").join(value.split("/"))  # a long path may be wrapped at its slashes
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" if isinstance(value, float) else value


def _px(value: float) -> str:
    """Format a length in pixels as text."""
    return f"{value:.1f}"
