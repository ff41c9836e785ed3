from multibox.detect.in_batches import in_batches


def test_the_last_batch_is_shorter():
    assert list(in_batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]


def test_no_items_give_no_batch():
    assert list(in_batches([], 3)) == []
