"""Formats counts and lists of examples in messages."""

from collections.abc import Sequence


def counted(number: int, one: str, many: str = "") -> str:
    """Format a count with its noun, such as ``1 box`` or ``1,200 boxes``.

    Args:
        number: Number to format.
        one: Singular form, such as ``group of points``, or the beginning of a sentence in the singular, such as ``image
            is``.
        many: Plural form, such as ``images are``. Empty if the plural of the noun is regular.
    """
    return f"{number:,} {one if number == 1 else many or _plural(one)}"


def _plural(one: str) -> str:
    noun, of, rest = one.partition(" of ")
    return f"{noun}{'es' if noun.endswith('x') else 's'}{of}{rest}"


def some(names: Sequence[str], most: int = 3) -> str:
    """Format the first names of a list, separated by commas, and the number of further names.

    Args:
        names: Names to list.
        most: Largest number of names that are listed.
    """
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
