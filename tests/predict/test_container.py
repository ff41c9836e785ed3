"""What containers promise, from bytes put together by hand after their standards."""

import struct

import pytest

from multibox.predict.container import Promise, read_promise
from multibox.predict.sources import Source
from videos import Capture, write_video


def promise(path, count, rate=10.0):
    return read_promise(Source(str(path), "video"), Capture([], count=count, rate=rate), rate)


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def track(handler, duration, version=0):
    header = bytes([version, 0, 0, 0]) + bytes(16 if version == 0 else 24)
    header += duration.to_bytes(8 if version else 4, "big") + bytes(60)
    return box(b"trak", box(b"tkhd", header), box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(13))))


def movie(*tracks, version=0):
    head = bytes([version, 0, 0, 0]) + bytes(16 if version else 8) + struct.pack(">I", 600) + bytes(88)
    return box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", bytes(50)) + box(b"moov", box(b"mvhd", head), *tracks)


@pytest.mark.parametrize("version", [0, 1])
def test_the_length_of_an_mp4_is_that_of_its_video_track_after_edits(tmp_path, version):
    path = tmp_path / "trimmed.mp4"
    path.write_bytes(movie(track(b"soun", 9000, version), track(b"vide", 660, version), version=version))
    assert promise(path, 40) == Promise(40, 660 / 600, is_exact=True)


def test_an_mp4_in_fragments_does_not_count_its_frames(tmp_path):
    """A recording that is written on the way: its tables count the frames before the first fragment."""
    (tmp_path / "live.mp4").write_bytes(movie(track(b"vide", 0), box(b"mvex", box(b"trex", bytes(24)))))
    assert promise(tmp_path / "live.mp4", 40) == Promise(40, 4.0, is_exact=False)


@pytest.mark.parametrize(("version", "unknown"), [(0, 2**32 - 1), (1, 2**64 - 1)])
def test_a_length_of_all_ones_is_not_known(tmp_path, version, unknown):
    (tmp_path / "open.mp4").write_bytes(movie(track(b"vide", unknown, version), version=version))
    assert promise(tmp_path / "open.mp4", 40).seconds == 4.0


def test_an_mp4_with_a_large_box(tmp_path):
    whole = movie(track(b"vide", 660))
    large = struct.pack(">I4sQ", 1, b"free", 16 + 5) + bytes(5)
    (tmp_path / "large.mp4").write_bytes(whole[:16] + large + whole[16:])
    assert promise(tmp_path / "large.mp4", 40).seconds == 1.1


@pytest.mark.parametrize("content", [b"", bytes(40), box(b"ftyp", bytes(8)), movie()[:120], movie(b"\0\0\0\3trak")])
def test_an_mp4_that_says_no_length_has_that_of_its_count(tmp_path, content):
    (tmp_path / "odd.mp4").write_bytes(content)
    assert promise(tmp_path / "odd.mp4", 40).seconds == 4


@pytest.mark.parametrize(("suffix", "is_exact"), [("mp4", True), ("avi", True), ("mov", True), ("mkv", False)])
def test_which_containers_count_their_frames(tmp_path, suffix, is_exact):
    path = write_video(tmp_path / f"film.{suffix}")
    path = path.rename(tmp_path / "film.video")  # the content counts, not the suffix
    assert promise(path, 12) == Promise(12, pytest.approx(1.2), is_exact=is_exact)


def test_a_stream_is_judged_by_its_suffix():
    assert promise("https://host/film.MP4?token=x", 40) == Promise(40, 4.0, is_exact=True)
    assert promise("https://host/film.webm", 40) == Promise(40, 4.0)


def test_a_matroska_file_that_is_shorter_than_its_segment_is_cut_off(tmp_path):
    whole = write_video(tmp_path / "film.mkv").read_bytes()
    assert not promise(tmp_path / "film.mkv", 12).is_cut_off
    (tmp_path / "film.mkv").write_bytes(whole[:-1])
    assert promise(tmp_path / "film.mkv", 12).is_cut_off


@pytest.mark.parametrize(
    "segment", [b"\x18\x53\x80\x67\xff", b"\x18\x53\x80\x67\x01" + b"\xff" * 7, b"", b"\x18\x53\x80\x67\x00", b"junk"]
)
def test_a_matroska_file_of_a_recording_does_not_say_where_it_ends(tmp_path, segment):
    (tmp_path / "film.mkv").write_bytes(b"\x1a\x45\xdf\xa3\x82ab" + segment)
    assert not promise(tmp_path / "film.mkv", 12).is_cut_off
