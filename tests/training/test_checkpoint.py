import errno
import json
import os
import zipfile

import numpy as np
import pytest

from multibox.errors import BadInput, RunFailed
from multibox.training.checkpoint import Checkpoints, State

ARRAYS = {
    "0000/conv/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "0001/iteration": np.array(7, np.int32),
    "0002/empty": np.zeros((0, 4), np.float32),
}


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints", keep=2)


def assert_same(arrays, others):
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert (array.shape, array.dtype) == (others[name].shape, others[name].dtype)
        np.testing.assert_array_equal(array, others[name])


def test_none_yet(checkpoints):
    assert checkpoints.latest() is None


def test_what_was_saved_comes_back(checkpoints):
    state = State(step=12, validated=2, best=0.123456789012345678)
    checkpoints.save(state, ARRAYS)
    latest = checkpoints.latest()
    assert latest.state == state
    assert_same(latest.arrays, ARRAYS)


def test_the_last_few_are_kept(checkpoints):
    for step in (2, 10, 100):
        checkpoints.save(State(step), ARRAYS)
    assert [path.name for path in checkpoints.paths()] == ["step-000000010.npz", "step-000000100.npz"]


def test_damaged_ones_are_removed_once_the_run_has_gone_on(checkpoints):
    for step in (10, 20):
        checkpoints.save(State(step), ARRAYS)
    checkpoints.paths()[-1].write_bytes(b"")
    checkpoints.save(State(15), ARRAYS)
    assert [path.name for path in checkpoints.paths()] == ["step-000000010.npz", "step-000000015.npz"]


@pytest.mark.parametrize("damage", ["cut off", "empty", "a bit", "the state", "not a zip"])
def test_a_damaged_one_falls_back_to_the_one_before_with_a_warning(checkpoints, damage, caplog):
    checkpoints.save(State(1), ARRAYS)
    newest = checkpoints.save(State(2), {**ARRAYS, "0000/conv/kernel": np.full((64, 64), 5, np.float32)})
    content = bytearray(newest.read_bytes())
    if damage == "a bit":
        content[content.index(np.float32(5).tobytes() * 8) + 64] ^= 1
    elif damage == "the state":
        content[content.index(b'"step"') + 2] ^= 1
    content = {"cut off": content[:-200], "empty": b"", "not a zip": b"hello" * 99}.get(damage, content)
    newest.write_bytes(content)
    latest = checkpoints.latest()
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert "step-000000002.npz: damaged" in warning.message
    assert latest.state == State(1)
    assert_same(latest.arrays, ARRAYS)


def test_no_single_bit_can_turn_unseen(checkpoints):
    """Every bit of a small checkpoint, one after the other: the same content, or the one before it."""
    checkpoints.save(State(1), {})
    newest = checkpoints.save(State(2, data=("abc",)), {"0000/w": np.arange(3, dtype=np.float32)})
    content = newest.read_bytes()
    whole = checkpoints.latest()
    for position in range(len(content)):
        newest.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        latest = checkpoints.latest()
        if latest.state.step == 1:
            continue
        assert latest.state == whole.state
        assert_same(latest.arrays, whole.arrays)


def test_when_all_are_damaged_it_is_said(checkpoints, caplog):
    checkpoints.save(State(1), ARRAYS).write_bytes(b"")
    with pytest.raises(BadInput, match="every checkpoint is damaged"):
        checkpoints.latest()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_newer_format_is_refused(checkpoints):
    path = checkpoints.save(State(1), {})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("state.json", json.dumps({"format": 2, "step": 1}))
    with pytest.raises(BadInput, match="newer"):
        checkpoints.latest()


def test_a_full_disk_leaves_the_last_one_and_nothing_else(checkpoints, monkeypatch):
    checkpoints.save(State(1), ARRAYS)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFailed, match=r"No space left on device.*step-000000001.npz"):
        checkpoints.save(State(2), ARRAYS)
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-000000001.npz"]
    assert_same(checkpoints.latest().arrays, ARRAYS)


def test_what_a_killed_run_was_writing_is_removed_and_never_read(checkpoints):
    checkpoints.save(State(1), ARRAYS)
    (checkpoints.folder / ".step-000000002.npz.123").write_bytes(b"half")
    assert checkpoints.latest().state.step == 1
    checkpoints.save(State(3), ARRAYS)
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["step-000000001.npz", "step-000000003.npz"]
