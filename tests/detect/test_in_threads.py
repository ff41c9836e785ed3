import threading
import time

import pytest

from multibox.detect.in_threads import in_threads


def test_in_order():
    assert list(in_threads(lambda x: x * x, range(100), ahead=7)) == [x * x for x in range(100)]


def test_nothing():
    assert list(in_threads(str, [])) == []


def test_no_more_than_ahead_is_taken():
    taken = []

    def items():
        for i in range(50):
            taken.append(i)
            yield i

    results = in_threads(str, items(), ahead=5)
    next(results)
    assert len(taken) == 5
    results.close()
    assert len(taken) == 5


def test_an_error_is_raised_in_its_place():
    results = in_threads(lambda x: 1 // (2 - x), range(5), ahead=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_threads_end_with_the_results():
    before = threading.active_count()
    results = in_threads(str, range(50))
    next(results)
    results.close()
    assert threading.active_count() == before


def test_one_thread_works_on_one_item_at_a_time():
    working = []

    def work(x):
        working.append(x)
        time.sleep(0.001)
        assert working.pop() == x
        assert not working
        return x

    assert list(in_threads(work, range(20), ahead=8, threads=1)) == list(range(20))
