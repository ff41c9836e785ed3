import os
import pickle
import shutil
import subprocess
import sys

import lmdb
import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multibox.data.record import COLUMNS, Record, make_objects
from multibox.data.store import HEAD_BYTES, Store, list_stores, open_store, store_path
from multibox.data.store_writer import encode_record, new_dataset, write_store
from multibox.errors import BadInput, RunFailed


def record(number, boxes=((1, 2, 11, 22),), labels=(1,), image=b"picture", **columns):
    return Record(f"r{number}", image, 64, 48, make_objects(boxes, labels, **columns), "a.jpg", {"note": number})


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    return tmp_path / "stores"


def assert_equal(a, b):
    assert (a.id, a.image, a.width, a.height, a.source, a.extra) == (
        b.id,
        b.image,
        b.width,
        b.height,
        b.source,
        b.extra,
    )
    assert a.objects.ids == b.objects.ids
    for name, kind in COLUMNS.items():
        column = getattr(a.objects, name)
        assert column.dtype == kind
        np.testing.assert_array_equal(column, getattr(b.objects, name))


def test_a_record_comes_back_as_it_went_in():
    written = record(3, [(1, 2, 11, 22), (0, 0, 5, 5)], [1, 0], difficult=[0, 1], crowd=[1, 0], area=[7, 8], ids="xy")
    store = write_store("toys", "train", [written], ("ball", "crate"))
    assert_equal(store[0], written)
    assert_equal(store[-1], written)


def test_a_record_without_objects_and_an_empty_store():
    store = write_store("none", "train", [record(0, [], [])], ("ball",))
    assert store[0].objects.boxes.shape == (0, 4)
    assert len(store[0].objects) == 0
    empty = write_store("empty", "train", [], ("ball",))
    assert len(empty) == 0
    assert list(empty) == []
    assert empty.meta.counts.per_class == {"ball": 0}


@given(
    st.lists(st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 4, st.integers(0, 4)), max_size=6), st.binary(max_size=64)
)
def test_encoding_keeps_everything(rows, image):
    written = record(0, [row[:4] for row in rows], [row[4] for row in rows], image)
    value, _ = encode_record(written)
    head, stored = msgpack.unpackb(value)
    assert stored == image
    boxes = np.frombuffer(head["objects"]["boxes"], "<f4").reshape(-1, 4)
    np.testing.assert_array_equal(boxes, written.objects.boxes)


def test_without_image_gives_all_but_the_picture_of_short_and_long_heads():
    many = np.tile([0, 0, 5, 5], (HEAD_BYTES // 16, 1))
    records = [record(0), record(1, many, np.zeros(len(many), int), b"x" * 100)]
    store = write_store("toys", "train", records, ("ball", "crate"))
    for i, written in enumerate(records):
        light = store.without_image(i)
        assert light.image == b""
        assert light.id == written.id
        np.testing.assert_array_equal(light.objects.boxes, written.objects.boxes)


def test_meta_counts_and_ids():
    records = [record(0, [(0, 0, 1, 1)] * 3, [0, 1, 1]), record(1, [], [])]
    store = write_store("toys", "val", records, ("ball", "crate"), source="here")
    assert store.meta.counts.images == 2
    assert store.meta.counts.objects == 3
    assert store.meta.counts.per_class == {"ball": 1, "crate": 2}
    assert (store.meta.name, store.meta.split, store.meta.source) == ("toys", "val", "here")
    assert store.meta.classes == ("ball", "crate")
    assert store.meta.category_ids == (1, 2)
    assert store.ids == ("r0", "r1")
    assert store.find("r1") == 1
    with pytest.raises(BadInput, match="toys/val: no record 'r9'"):
        store.find("r9")


def test_digest_says_whether_two_stores_hold_the_same():
    digests = [
        write_store(name, "train", [record(number)], classes).meta.digest
        for name, number, classes in [("a", 0, "xy"), ("b", 0, "xy"), ("c", 1, "xy"), ("d", 0, "xz")]
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_more_than_one_transaction_of_records():
    image = os.urandom(3_000_000)
    store = write_store("big", "train", [record(i, image=image) for i in range(15)], ("ball", "crate"))
    assert [found.id for found in store] == [f"r{i}" for i in range(15)]
    assert store[14].image == image


def test_keys_are_big_endian_positions(root):
    write_store("toys", "train", [record(0), record(1)], ("ball", "crate"))
    copy = shutil.copy(root / "toys/train.lmdb", root / "copy")  # LMDB opens a file once in a process.
    with lmdb.open(str(copy), subdir=False, lock=False).begin() as transaction:
        keys = [bytes(key) for key, _ in transaction.cursor()]
    assert keys == [bytes(8), bytes(7) + b"\x01", b"ids", b"meta"]


def test_positions_outside_the_store():
    store = write_store("toys", "train", [record(0)], ("ball", "crate"))
    for index in (1, -2):
        with pytest.raises(IndexError):
            store[index]


def test_a_store_reopens_in_another_process():
    store = write_store("toys", "train", [record(0), record(1)], ("ball", "crate"))
    assert store[0].id == "r0"
    assert pickle.loads(pickle.dumps(store))[1].id == "r1"
    code = "import pickle, sys; print(*[record.id for record in pickle.load(sys.stdin.buffer)])"
    process = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(store), capture_output=True, check=True)
    assert process.stdout.split() == [b"r0", b"r1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_store_reopens_after_a_fork():
    store = write_store("toys", "train", [record(0), record(1)], ("ball", "crate"))
    assert store[0].id == "r0"
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if [found.id for found in store] == ["r0", "r1"] else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


def test_a_replaced_store_is_opened_anew():
    old = write_store("toys", "train", [record(0)], ("ball", "crate"))
    assert old[0].id == "r0"
    new = write_store("toys", "train", [record(5), record(6)], ("ball", "crate"), replace=True)
    assert [found.id for found in new] == ["r5", "r6"]
    assert list_stores() == ["toys/train"]


def test_an_existing_dataset_is_not_replaced_unasked():
    write_store("toys", "train", [record(0)], ("ball", "crate"))
    with pytest.raises(BadInput, match="exists already; give another name, or set replace=True"):
        write_store("toys", "train", [record(1)], ("ball", "crate"))
    assert open_store("toys/train").ids == ("r0",)


def test_nothing_is_left_of_a_failed_write(root):
    def fail():
        with new_dataset("toys") as folder:
            (folder / "half.lmdb").write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not root.exists()


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".hidden", "a b"])
def test_names_that_are_no_names(name):
    with pytest.raises(BadInput, match=r"^name: "), new_dataset(name):
        pass


def test_a_missing_store_names_those_that_exist():
    write_store("toys", "train", [record(0)], ("ball", "crate"))
    for name in ("toys/val", "toys", "nope/train", "toys//train", "toys/", "/train", "toys/./train"):
        with pytest.raises(BadInput, match=f"{name}: no such store .*toys/train"):
            open_store(name)


def test_a_newer_format_is_refused(root):
    write_store("toys", "train", [record(0)], ("ball", "crate"))
    path = root / "toys" / "newer.lmdb"
    with (
        lmdb.open(str(path), subdir=False, lock=False) as environment,
        environment.begin(write=True) as transaction,
    ):
        transaction.put(b"meta", msgpack.packb({"format": 2}))
    with pytest.raises(BadInput, match="store format 2 is newer than this version of multibox"):
        open_store("toys/newer")


@pytest.mark.parametrize("content", [b"", b"not a store" * 1000])
def test_a_file_that_is_no_store(root, content):
    (root / "bad").mkdir(parents=True)
    store_path("bad", "train").write_bytes(content)
    with pytest.raises(BadInput, match="not a store"):
        open_store("bad/train")


@pytest.mark.parametrize("pages", [1.5, 2, 20, -0.5])
def test_a_store_that_is_cut_off(root, pages):
    path = write_store("toys", "train", [record(0, image=os.urandom(200_000))], ("ball", "crate")).path
    copy = path.with_name("copy.lmdb")  # The file itself is open in this process.
    shutil.copy(path, copy)
    os.truncate(copy, int(pages * 4096) + (path.stat().st_size if pages < 0 else 0))
    with pytest.raises(BadInput, match=r"copy.lmdb: is cut off after \d+ of \d+ bytes; build the dataset again"):
        open_store("toys/copy")


@settings(max_examples=5)
@given(st.integers(0, 20))
def test_length_is_the_number_of_records(count):
    store = write_store("many", "train", [record(i) for i in range(count)], ("ball", "crate"), replace=True)
    assert len(store) == len(list(store)) == count
    assert isinstance(store, Store)


def test_a_disk_that_is_full(monkeypatch, root):
    class Full:
        def __init__(self, environment):
            self.environment = environment

        def __getattr__(self, name):
            return getattr(self.environment, name)

        def begin(self, **kwargs):
            raise lmdb.DiskError("mdb_put: No space left on device")

    opened = lmdb.open
    monkeypatch.setattr(lmdb, "open", lambda *args, **kwargs: Full(opened(*args, **kwargs)))
    with pytest.raises(RunFailed, match=r"cannot be written: mdb_put: No space left on device; is the disk full\?"):
        write_store("mine", "train", [record(0)], ("cat", "dog"))
    assert not list(root.glob("*"))


def test_two_links_to_a_store_are_one_open_file(root, tmp_path):
    write_store("toys", "train", [record(0)], ("ball", "crate"))
    (tmp_path / "link").symlink_to(root / "toys")
    stores = [Store(root / "toys/train.lmdb"), Store(tmp_path / "link/train.lmdb")]
    assert [store[0].id for store in stores] == ["r0", "r0"]
