import numpy as np
import pytest

from multibox.errors import BadInput
from multibox.prepare.joined import JoinedStores


@pytest.fixture
def two_stores(make_record, make_store):
    first = make_store([make_record(0, labels=[1]), make_record(1, labels=[0])], ("cat", "dog"), "pets")
    second = make_store([make_record(2, boxes=[], labels=[]), make_record(3, labels=[1])], ("ant", "cat"), "zoo", "val")
    return [first, second]


def test_records_follow_one_another_with_their_labels_translated(two_stores):
    joined = JoinedStores(two_stores, ("dog", "ant", "cat"))
    assert [joined[i].id for i in range(len(joined))] == ["image0", "image1", "image2", "image3"]
    assert [list(joined[i].objects.labels) for i in range(4)] == [[0], [2], [], [2]]
    assert joined.name(0) == ("pets/train", "image0")
    assert joined.name(3) == ("zoo/val", "image3")


def test_the_stores_keep_their_own_labels(two_stores):
    assert JoinedStores(two_stores, ("dog", "ant", "cat"))[0].objects.labels[0] == 0
    np.testing.assert_array_equal(two_stores[0][0].objects.labels, [1])


def test_an_empty_store_among_others(two_stores, make_store):
    joined = JoinedStores([make_store([]), two_stores[0], make_store([]), two_stores[1]], ("dog", "ant", "cat"))
    assert [joined[i].id for i in range(4)] == ["image0", "image1", "image2", "image3"]


def test_every_class_that_is_not_in_the_list_is_named(two_stores):
    with pytest.raises(BadInput, match=r"zoo/val: .* ant, cat;"):
        JoinedStores(two_stores[1:], ("dog",))


def test_no_images(make_store):
    with pytest.raises(BadInput, match=r"data\.train: no images"):
        JoinedStores([], ("cat", "dog"))
    with pytest.raises(BadInput, match="void/train: no images"):
        JoinedStores([make_store([], name="void")], ("cat", "dog"))
