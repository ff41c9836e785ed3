"""The classes of several COCO files.

Categories of one name are one class. A category that is only the supercategory of others is not a class.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Category:
    """An entry of the list ``categories``.

    Attributes:
        id: Number of the category in its file.
        name: Name of the class.
        parent: ``supercategory`` of the category. Empty if it has none.
        count: Number of annotations of the category in its file.
    """

    id: int
    name: str
    parent: str
    count: int


@dataclass(frozen=True)
class Classes:
    """The classes of all files together.

    Attributes:
        names: Class names: the first file's in the order of their ids, then the further names in each other file.
        ids: Category id of each class, in the order of ``names``. Empty if two classes have the same id in different
            files.
        notes: Sentences about categories that were left out or joined.
    """

    names: tuple[str, ...]
    ids: tuple[int, ...]
    notes: tuple[str, ...]


def unite(files: Sequence[Sequence[Category]]) -> Classes:
    """Merge the categories of several files by their names.

    A category without annotations is left out if another has its name, or if it is the supercategory of others, as
    Roboflow's category 0 is.

    Args:
        files: Categories of each file. The classes of an earlier file come first.

    Returns:
        The classes of all files together.
    """
    used = {category.name for categories in files for category in categories if category.count}
    numbers: dict[str, int] = {}
    notes: list[str] = []
    for categories in files:
        for category in sorted(categories, key=lambda category: category.id):
            reason = _is_no_class(category, categories, used)
            if reason:
                notes.append(f"the category {category.id} ({category.name}) is left out: {reason}")
            else:
                numbers.setdefault(category.name, category.id)
        counts = Counter(category.name for category in categories if category.count)
        notes += [
            f"{count:,} categories are called {name} and were merged into one class"
            for name, count in counts.items()
            if count > 1
        ]
    if any(each.count and numbers[each.name] != each.id for categories in files[1:] for each in categories):
        notes.append("the files number their categories differently, so classes were matched by name")
    is_unique = len(set(numbers.values())) == len(numbers)
    return Classes(tuple(numbers), tuple(numbers.values()) if is_unique else (), tuple(dict.fromkeys(notes)))


def _is_no_class(category: Category, categories: Sequence[Category], used: set[str]) -> str:
    """Why a category is no class. Empty if it is one."""
    if category.count:
        return ""
    others = [other for other in categories if other is not category]
    if any(other.name == category.name for other in others):
        return "it has no annotations, and its name is that of another category"
    if category.name not in used and any(other.parent == category.name for other in others):
        return "it has no annotations and is the supercategory of others"
    return ""
