import os

import pytest

from multibox.errors import BadInput
from multibox.torchrun import Place, place

SECOND = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setattr(os, "environ", {})


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        (SECOND, Place(5, 8, 1, 4)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, Place(1, 2, 0, 1)),  # a launcher that starts one process a host
        ({}, None),
        ({"WORLD_SIZE": "2"}, None),
        ({"LOCAL_RANK": "abc"}, None),
        (SECOND | {"WORLD_SIZE": "1", "RANK": "0"}, None),
    ],
)
def test_the_place_of_a_process(variables, found):
    os.environ.update(variables)
    assert place() == found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"RANK": "8"}, r"\$RANK: '8' is not a whole number from 0 to 7; unset it, or start with torchrun"),
        ({"RANK": "-1"}, r"\$RANK: '-1' is"),
        ({"WORLD_SIZE": "abc"}, r"\$WORLD_SIZE: 'abc' is not a whole number of at least 1;"),
        ({"LOCAL_RANK": "4"}, r"\$LOCAL_RANK: '4' is not a whole number from 0 to 3;"),
        ({"LOCAL_RANK": ""}, r"\$LOCAL_RANK: '' is"),
        ({"LOCAL_WORLD_SIZE": "0"}, r"\$LOCAL_WORLD_SIZE: '0' is"),
    ],
)
def test_a_place_that_cannot_be_is_refused(changed, message):
    os.environ.update(SECOND | changed)
    with pytest.raises(BadInput, match=f"^{message}"):
        place()
