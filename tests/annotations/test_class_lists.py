import pytest

from multibox.annotations.annotation import Options
from multibox.annotations.class_lists import find_class_list, read_numbered_pbtxt, read_pbtxt
from multibox.annotations.files import Files
from multibox.annotations.formats.tfrecord_classes import Pairs, name_classes
from multibox.annotations.lists import read_list
from multibox.errors import BadInput

LABEL_MAPS = {
    "plain": "item {\n  id: 2\n  name: 'dog'\n}\nitem {\n  name: \"cat\"\n  id: 1\n}\n",
    "with colons": "item: { id: 1 name: 'cat' }\nitem : { id: 2, name: 'dog'; }",
    "with key points": "item { id: 1 name: 'cat' keypoints { id: 7 label: 'nose' } }"
    "item { keypoints { id: 0 label: 'tail' } keypoints: { id: 9 } name: 'dog' id: 2 }",
    "with comments": "# item { id: 1 name: 'fox' }\nitem{id:1 name:'cat' # the {first}\n}item{id:2 name:'dog'}",
    "twice": "item { id: 1 name: 'cat' } item { id: 1 name: 'cat' } item { id: 2 name: 'dog' }",
}


@pytest.mark.parametrize("text", LABEL_MAPS.values(), ids=LABEL_MAPS.keys())
def test_all_spellings_of_a_label_map(tmp_path, text):
    (tmp_path / "map.pbtxt").write_text(text)
    assert read_pbtxt(tmp_path / "map.pbtxt") == ("cat", "dog")


def test_a_brace_in_a_name_is_a_part_of_it(tmp_path):
    (tmp_path / "map.pbtxt").write_text("item { id: 1 name: 'a} {b' }\n")
    assert read_numbered_pbtxt(tmp_path / "map.pbtxt") == {1: "a} {b"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item { id: 1 name: 'cat' } item { id: 1 name: 'dog' }", "the items 'cat' and 'dog' both have the id 1"),
        ("", "has no item"),
        ("id: 1 name: 'cat'", "has no item"),
        ("item { id: 1 name: 'cat' } item { id: 2 name: 'dog'", "has a brace that is not closed"),
        ("item { name: 'cat' keypoints { id: 3 } }", "has an item without an id or name"),
    ],
)
def test_a_label_map_that_would_lose_or_mix_classes_is_refused(tmp_path, text, message):
    (tmp_path / "label_map.pbtxt").write_text(text)
    with pytest.raises(BadInput, match=message):
        find_class_list(Files(tmp_path))
    with pytest.raises(BadInput, match=message):
        name_classes(Pairs({(None, 1): 1}), Files(tmp_path), Options())


def test_a_network_beside_the_label_map_is_passed_over(tmp_path):
    (tmp_path / "graph.pbtxt").write_text("node { name: 'item' op: 'Const' }\n")
    assert find_class_list(Files(tmp_path)) is None
    (tmp_path / "pets.pbtxt").write_text("item: { id: 1 name: 'cat' }\n")
    assert find_class_list(Files(tmp_path)) == (tmp_path / "pets.pbtxt", ("cat",))
    assert name_classes(Pairs({(None, 1): 1}), Files(tmp_path), Options()).names == ("cat",)


@pytest.mark.parametrize(
    ("text", "known", "stems"),
    [
        ("img 1\nimg 2\nimg 0\n", ("img 0", "img 1", "img 2"), ["img 1", "img 2", "img 0"]),
        ("my photo.jpg\n", ("my photo",), ["my photo"]),
        ("a  1\nb -1\nc.jpg 0\n", ("a", "b", "c"), ["a", "b", "c"]),
        ("img 1 -1\nimg 2  1\n", ("img 1", "img 2"), ["img 1", "img 2"]),
        ("a 2\na 3\n", ("a",), ["a"]),
        ("images/a.jpg xml/a.xml\n", ("a",), ["a"]),
        ("lost 1\nvery lost\n", ("a",), ["lost", "very lost"]),
    ],
)
def test_names_with_blanks_in_lists_of_splits(tmp_path, text, known, stems):
    (tmp_path / "train.txt").write_text(text)
    assert read_list(tmp_path / "train.txt", known) == stems
