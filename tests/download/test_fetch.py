import hashlib
import json
import shutil
import socket
from functools import partial
from pathlib import Path

import pytest

from multibox.download import fetch as module
from multibox.download.fetch import LOCK, RemoteFile, _alone_in, fetch
from multibox.errors import BadInput, RunFailed

CONTENT = bytes(range(256)) * 40
OTHER = CONTENT[::-1]
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def file(site):
    site.files["/file.bin"] = CONTENT
    return RemoteFile((f"{site.url}/file.bin",), SHA256, len(CONTENT))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


def left_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != LOCK)  # which stays, as locks must


def test_a_whole_file(site, file, tmp_path):
    told = []
    path = fetch(file, tmp_path / "new" / "file.bin", progress=lambda *facts: told.append(facts))
    assert path.read_bytes() == CONTENT
    assert told[0][0] == "file.bin"
    assert told[-2:] == [(what, len(CONTENT), len(CONTENT)) for what in ("file.bin", "checking file.bin")]
    assert left_in(path.parent) == ["file.bin"]


@pytest.mark.parametrize("validator", ["etag", "weak", "date", "none"])
@pytest.mark.parametrize("reset", [False, True])
def test_broken_connections_send_no_byte_twice(site, file, tmp_path, reset, validator):
    site.most, site.reset, site.validator = 3000, reset, validator
    assert fetch(file, tmp_path / "file.bin", waits=(0,)).read_bytes() == CONTENT
    if not reset:  # at a reset the system may throw away what it has received
        assert site.ranges == [None, "bytes=3000-", "bytes=6000-", "bytes=9000-"]
        assert site.sent == len(CONTENT)
    facts = site.facts(CONTENT)
    asked_with = {"etag": facts.get("ETag"), "none": None}.get(validator, facts.get("Last-Modified"))
    assert set(site.conditions[1:]) == {asked_with}


def test_a_silent_connection_loses_nothing_that_came(site, file, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.1)
    site.most, site.silence = 6000, 0.3
    assert fetch(file, tmp_path / "file.bin", waits=(0,)).read_bytes() == CONTENT
    assert site.ranges == [None, "bytes=6000-"]


def test_a_folder_that_another_process_downloads_into_is_left_alone(site, file, tmp_path):
    with _alone_in(tmp_path), pytest.raises(RunFailed, match="another process is downloading into it"):
        fetch(file, tmp_path / "file.bin")
    assert left_in(tmp_path) == []
    fetch(file, tmp_path / "file.bin")


def test_a_later_call_goes_on(site, file, tmp_path):
    site.most = 4000
    with pytest.raises(RunFailed, match=r"connection broke, also after 0 further tries; .*file\.bin\.part holds"):
        fetch(file, tmp_path / "file.bin", waits=())
    assert left_in(tmp_path) == ["file.bin.part", "file.bin.part.json"]
    site.most = None
    assert fetch(file, tmp_path / "file.bin", waits=()).read_bytes() == CONTENT
    assert site.ranges[-1] == "bytes=4000-"
    assert left_in(tmp_path) == ["file.bin"]


def test_a_part_that_is_whole_is_not_asked_for_again(site, file, tmp_path):
    fetch(file, tmp_path / "file.bin").rename(tmp_path / "file.bin.part")
    facts = {"url": file.urls[0], "total": len(CONTENT), "validators": {}}
    (tmp_path / "file.bin.part.json").write_text(json.dumps(facts))
    assert fetch(file, tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(site.ranges) == 1


def test_a_server_without_ranges_starts_over(site, file, tmp_path):
    site.most, site.knows_ranges = 4000, False
    with pytest.raises(RunFailed):
        fetch(file, tmp_path / "file.bin", waits=(0, 0))
    assert len(site.ranges) == 3
    site.most = None
    assert fetch(file, tmp_path / "file.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("validator", ["etag", "date"])
@pytest.mark.parametrize("honours_if_range", [True, False])
def test_a_file_that_changed_on_the_server_starts_over(site, file, tmp_path, honours_if_range, validator):
    site.validator, site.honours_if_range = validator, honours_if_range
    site.files["/file.bin"], site.most = OTHER, 4000
    with pytest.raises(RunFailed):
        fetch(file, tmp_path / "file.bin", waits=())
    site.files["/file.bin"], site.most = CONTENT, None
    assert fetch(file, tmp_path / "file.bin", waits=(0,)).read_bytes() == CONTENT


def test_a_file_that_became_shorter_or_longer_starts_over(site, tmp_path):
    site.validator = "none"
    for name, first, then in (("short", CONTENT, CONTENT[:3000]), ("long", CONTENT, OTHER * 2)):
        file = RemoteFile((f"{site.url}/{name}",))
        site.files[f"/{name}"], site.most = first, 4000
        with pytest.raises(RunFailed):
            fetch(file, tmp_path / name, waits=())
        site.files[f"/{name}"], site.most = then, None
        assert fetch(file, tmp_path / name, waits=(0,)).read_bytes() == then


def test_a_part_of_unknown_origin_is_not_trusted(site, file, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(OTHER[:5000])
    (tmp_path / "file.bin.part.json").write_text("[")
    assert fetch(file, tmp_path / "file.bin").read_bytes() == CONTENT
    assert site.ranges == [None]


@pytest.mark.parametrize("checksum", [SHA256, SHA256[:15], f"md5:{hashlib.md5(CONTENT).hexdigest()}"])
def test_what_fails_its_checksum_is_removed(site, tmp_path, checksum):
    site.files["/file.bin"] = OTHER
    file = RemoteFile((f"{site.url}/file.bin",), checksum)
    with pytest.raises(RunFailed, match=rf"file\.bin: its {file.check} is [0-9a-f]+, not .*removed"):
        fetch(file, tmp_path / "file.bin")
    assert left_in(tmp_path) == []
    site.files["/file.bin"] = CONTENT
    assert fetch(file, tmp_path / "file.bin").read_bytes() == CONTENT


def test_another_size_is_refused_before_it_is_loaded(site, file, tmp_path):
    site.files["/file.bin"] = CONTENT * 2
    with pytest.raises(RunFailed, match="the file on the server has 20,480 bytes, not 10,240"):
        fetch(file, tmp_path / "file.bin")
    assert left_in(tmp_path) == []


def test_without_a_checksum_the_size_is_held_against(site, tmp_path):
    site.files["/file.bin"], site.sends_length = CONTENT, False
    file = RemoteFile((f"{site.url}/file.bin",), size=len(CONTENT) + 1)
    with pytest.raises(RunFailed, match="it has 10,240 bytes, not 10,241"):
        fetch(file, tmp_path / "file.bin")
    assert fetch(RemoteFile(file.urls, size=9, size_is_exact=False), tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_that_claims_more_than_it_has_does_not_go_on_for_ever(site, tmp_path):
    site.files["/file.bin"], site.claims = CONTENT, 20_000
    with pytest.raises(RunFailed, match="also after 3 further tries"):
        fetch(RemoteFile((f"{site.url}/file.bin",)), tmp_path / "file.bin", waits=(0, 0, 0))
    assert not (tmp_path / "file.bin").exists()


def test_a_passing_fault_of_the_server_is_waited_for(site, file, tmp_path):
    site.codes = [503, 429]
    assert fetch(file, tmp_path / "file.bin", waits=(0, 0)).read_bytes() == CONTENT
    assert len(site.ranges) == 3


def test_what_is_not_there_is_not_tried_again(site, file, tmp_path):
    gone = RemoteFile((f"{site.url}/gone.bin",))
    with pytest.raises(RunFailed, match=r"gone\.bin: HTTP 404 Not Found$"):
        fetch(gone, tmp_path / "gone.bin")
    assert len(site.ranges) == 1
    mirrored = RemoteFile((*gone.urls, *file.urls), SHA256)
    assert fetch(mirrored, tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_mirror_that_was_begun_is_gone_on_with(site, file, tmp_path):
    mirrored = RemoteFile((f"{site.url}/gone.bin", *file.urls), SHA256)
    site.most = 4000
    with pytest.raises(RunFailed):
        fetch(mirrored, tmp_path / "file.bin", waits=())
    site.most = None
    assert fetch(mirrored, tmp_path / "file.bin").read_bytes() == CONTENT
    assert site.ranges[2:] == ["bytes=4000-"]


def test_a_file_that_moved_goes_on_where_it_is_now(site, file, tmp_path):
    site.moved["/old/file.bin"] = "/file.bin"
    moved, site.most = RemoteFile((f"{site.url}/old/file.bin",), SHA256), 6000
    assert fetch(moved, tmp_path / "file.bin", waits=(0,)).read_bytes() == CONTENT
    assert site.ranges == [None, None, "bytes=6000-", "bytes=6000-"]
    assert site.sent == len(CONTENT)


def test_no_network(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.bin"
    with pytest.raises(RunFailed, match=r"file\.bin: no connection \(.*refused\); check the network$"):
        fetch(RemoteFile((url,)), tmp_path / "file.bin")


def test_a_silent_server_counts_as_broken(file, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file.bin"
        with pytest.raises(RunFailed, match="timed out"):
            fetch(RemoteFile((url,)), tmp_path / "file.bin", waits=())


def test_what_is_there_is_checked_and_kept(site, file, tmp_path):
    target = tmp_path / "file.bin"
    target.write_bytes(CONTENT)
    assert fetch(file, target) == target
    assert site.ranges == []
    target.write_bytes(OTHER)
    with pytest.raises(BadInput, match=r"file\.bin: exists, but its sha256 is"):
        fetch(file, target)
    assert target.read_bytes() == OTHER


def test_too_little_room(site, file, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(1, 1, 10_239))
    with pytest.raises(RunFailed, match="are free; make room"):
        fetch(file, tmp_path / "file.bin")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_disk_that_fills_up_is_not_taken_for_the_network(site, file, tmp_path, monkeypatch):
    full = partial(open, "/dev/full")
    monkeypatch.setattr(module, "open", lambda path, *how, **more: full(*how, **more), raising=False)
    with pytest.raises(RunFailed, match=r"file\.bin\.part: No space left on device; make room"):
        fetch(file, tmp_path / "file.bin", waits=(0,))
    assert len(site.ranges) == 1


def test_a_folder_that_cannot_be_written_is_not_taken_for_the_network(site, file, tmp_path, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(PermissionError, match=r"file\.bin\.part\.json"):
        fetch(file, tmp_path / "file.bin", waits=(0,))
    assert len(site.ranges) == 1
