from pathlib import Path

import pytest

from multibox.annotations.class_numbers import first_number
from multibox.errors import BadInput


@pytest.mark.parametrize(
    ("numbers", "names", "is_given", "first"),
    [
        ({0, 2}, 3, False, 0),
        ({0}, 9, False, 0),
        ({1, 3}, 3, False, 1),
        ({1, 3}, 2, False, 1),
        ({1, 3}, 4, True, 0),
        ({1, 3}, 3, True, 1),
        ((), 3, False, 0),
    ],
)
def test_the_number_of_the_first_class(numbers, names, is_given, first):
    assert first_number(Path("x"), numbers, names, "classes.txt", is_given=is_given) == first


@pytest.mark.parametrize(("names", "is_given"), [(4, False), (5, False), (5, True)])
def test_numbers_that_fit_from_0_and_from_1_are_refused(names, is_given):
    with pytest.raises(BadInput, match='give classes="A,B": 3 names if they count from 1, 4 if from 0'):
        first_number(Path("x"), {1, 3}, names, "classes.txt", is_given=is_given)
