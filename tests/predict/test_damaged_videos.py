"""A video is read to its end, whatever is damaged, and frames that nobody sees are reported."""

import logging

import cv2
import numpy as np
import pytest

from multibox.predict.frames import read_video
from multibox.predict.sources import Source, find_sources
from videos import FRAMES, RATE, Capture, cut_off, damage, number_of, write_video

COUNTING = ("avi", "mov")
ALL = (*COUNTING, "mkv")


def read(path):
    """Numbers of the good frames, and number, count and message of the others."""
    frames = list(read_video(Source(str(path), "video")))
    good = [frame for frame in frames if frame.image is not None]
    assert [number_of(frame.image) for frame in good] == [frame.number for frame in good]
    assert [frame.seconds for frame in good] == pytest.approx([frame.number / RATE for frame in good], abs=0.001)
    lost = [(frame.number, frame.frames, frame.error) for frame in frames if frame.image is None]
    return [frame.number for frame in good], lost


def read_times(reads, kind="video", name="x.mp4", **says):
    """Number and time of each good frame, and number, time and count of the others."""
    frames = list(read_video(Source(name, kind), lambda _: Capture(reads, **says)))
    return (
        [(frame.number, round(frame.seconds, 3)) for frame in frames if frame.image is not None],
        [(frame.number, round(frame.seconds, 3), frame.frames) for frame in frames if frame.image is None],
    )


def without(*numbers):
    return [number for number in range(FRAMES) if number not in numbers]


@pytest.mark.parametrize("suffix", ALL)
def test_nothing_is_reported_of_a_whole_video(tmp_path, suffix, caplog):
    caplog.set_level(logging.INFO, "multibox")
    assert read(write_video(tmp_path / f"film.{suffix}")) == (without(), [])
    assert caplog.messages == []


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("numbers", [(5,), (5, 6), (3, 8), (0,), (0, 1)])
def test_frames_after_a_damaged_one_are_read(tmp_path, suffix, numbers):
    path = damage(write_video(tmp_path / f"film.{suffix}"), *numbers)
    lost = [(number, 1, f"{path}: frame {number} cannot be decoded") for number in numbers]
    assert read(path) == (without(*numbers), lost)


@pytest.mark.parametrize("suffix", COUNTING)
def test_a_damaged_last_frame_is_missing(tmp_path, suffix):
    path = damage(write_video(tmp_path / f"film.{suffix}"), 11)
    assert read(path) == (without(11), [(11, 1, f"{path}: frame 11 is missing; the file is damaged or cut off")])


def test_a_length_is_no_count_of_frames(tmp_path, caplog):
    """Matroska has a length only. Sound may extend it, so it does not prove that a frame is missing."""
    caplog.set_level(logging.INFO, "multibox")
    path = damage(write_video(tmp_path / "film.mkv"), 11)
    assert read(path) == (without(11), [])
    (message,) = caplog.messages
    assert message.startswith(f"{path}: its declared length fits 1 more frames than the 11 that were read")


@pytest.mark.parametrize(("suffix", "why"), [("avi", "damaged or cut off"), ("mkv", "cut off")])
def test_a_file_that_is_cut_off(tmp_path, suffix, why):
    path = cut_off(write_video(tmp_path / f"film.{suffix}"), 7)
    good, ((first, missing, message),) = read(path)
    assert good == list(range(first))
    assert first + missing == FRAMES
    assert first in (7, 8)  # FFmpeg decodes what is left of an image
    assert message == f"{path}: {missing} frames from frame {first} on are missing; the file is {why}"


@pytest.mark.parametrize("count", [0, -1, -1.9e17, 2.3e17, float("nan"), 3])
def test_a_count_that_is_unknown_or_wrong_promises_nothing(count):
    times = [0, 0.1, 0.2, None, 0.4, 0.5]
    good = [(0, 0), (1, 0.1), (2, 0.2), (4, 0.4), (5, 0.5)]
    assert read_times(times, count=count, name="x.webm") == (good, [(3, 0.3, 1)])
    assert read_times([0, 0.1, 0.2, 0.3], count=count) == ([(0, 0), (1, 0.1), (2, 0.2), (3, 0.3)], [])


def test_a_count_that_is_too_high_is_no_loss_where_the_length_is_filled():
    """An AVI file counts empty frames, which repeat the one before."""
    assert read_times([0, 0.2, 0.3, 0.4], count=5)[1] == []
    assert read_times([0, 0.1, 0.2, 0.3], count=5)[1] == [(4, 0.4, 1)]


def test_damage_may_reach_to_the_next_key_frame():
    good, lost = read_times([0, *[None] * 400, 40.1, 40.2], count=403)
    assert good == [(0, 0), (401, 40.1), (402, 40.2)]
    assert [number for number, *_ in lost] == list(range(1, 401))


def test_a_decoder_that_reorders_fails_before_the_place_of_the_damage():
    good, lost = read_times([0, 0.1, None, 0.2, 0.3, 0.5, 0.6], count=7)
    assert [number for number, _ in good] == [0, 1, 2, 3, 5, 6]
    assert lost == [(4, 0.4, 1)]


def test_times_of_a_variable_rate_are_those_of_the_container():
    times = [0, 0.1, 0.2, 0.9, None, 1.1, 8.0]
    good, lost = read_times(times, count=7, rate=0.875)
    assert good == [(0, 0), (1, 0.1), (2, 0.2), (3, 0.9), (5, 1.1), (6, 8.0)]
    assert lost == [(4, 1.0, 1)]


def test_frames_without_times_are_counted():
    assert read_times([0, 0, None, 0, 0]) == ([(0, 0), (1, 0.1), (3, 0.3), (4, 0.4)], [(2, 0.2, 1)])


def test_a_time_that_jumps_back_or_far_ahead_is_not_believed():
    assert read_times([0, 0.1, 95_443.7, 0.3, 0]) == ([(0, 0), (1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)], [])


def test_a_failed_read_without_a_lost_frame_is_no_loss():
    assert read_times([0, 0.1, None, 0.2, 0.3], count=4)[1] == []


def test_a_stream_goes_on_after_a_damaged_frame_and_its_end_is_no_error():
    good, lost = read_times([0, *[None] * 3, 0], kind="live", name="rtsp://host/street")
    assert good[-1] == (4, 0.4)
    assert lost == []


def test_an_animated_image_is_a_video_and_a_still_one_is_not(tmp_path):
    animation = cv2.Animation()
    animation.frames = [np.full((48, 64, 3), value, np.uint8) for value in (10, 30, 50)]
    animation.durations = [100, 100, 100]
    assert cv2.imwriteanimation(str(tmp_path / "moving.gif"), animation)
    assert cv2.imwrite(str(tmp_path / "still.gif"), animation.frames[0])
    moving, still = find_sources([tmp_path / "moving.gif", tmp_path / "still.gif"])
    assert (moving.kind, still.kind) == ("video", "image")
    assert [number_of(frame.image) for frame in read_video(moving)] == [0, 1, 2]
