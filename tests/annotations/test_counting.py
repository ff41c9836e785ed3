import pytest

from multibox.annotations.counting import counted, some


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ["image"], "0 images"),
        (1, ["image"], "1 image"),
        (1200, ["image"], "1,200 images"),
        (2, ["rotated box"], "2 rotated boxes"),
        (3, ["group of points"], "3 groups of points"),
        (1, ["row has", "rows have"], "1 row has"),
        (2, ["row has", "rows have"], "2 rows have"),
    ],
)
def test_a_count_agrees_with_its_noun(number, words, text):
    assert counted(number, *words) == text


def test_a_list_of_examples_says_how_many_more_there_are():
    assert some([]) == ""
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(["a", "b", "c", "d"]) == "a, b, c and 1 more"
    assert some(["a"] * 1300, most=1) == "a and 1,299 more"
