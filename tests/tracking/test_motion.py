"""The filter that predicts where a tracked box is."""

import numpy as np
import pytest

from multibox.tracking.motion import Motion

BOX = np.array([[10.0, 20, 50, 60]])


def moved(box, x, y=0.0):
    return box + np.array([x, y, x, y])


def followed(steps, per_step, seconds=0.04):
    motion = Motion()
    motion.add(BOX)
    for step in range(1, steps + 1):
        motion.advance(seconds)
        motion.correct(np.array([0]), moved(BOX, per_step * step))
    return motion


def test_a_constant_velocity_is_learned():
    motion = followed(20, per_step=4)
    assert motion.velocities[0, :2] == pytest.approx([100, 0], abs=2)
    motion.advance(0.4)
    assert motion.boxes[0] == pytest.approx(moved(BOX, 120)[0], abs=1.5)


def test_a_step_of_two_frames_gives_what_two_steps_of_one_frame_give():
    once, twice = followed(5, per_step=4), followed(5, per_step=4)
    once.advance(0.08)
    twice.advance(0.04)
    twice.advance(0.04)
    for motion in (once, twice):
        motion.correct(np.array([0]), moved(BOX, 30, 3))
    assert once.boxes == pytest.approx(twice.boxes)
    assert once.velocities == pytest.approx(twice.velocities)


def test_a_scene_of_twice_the_size_is_followed_alike():
    motion, larger = Motion(), Motion()
    motion.add(BOX)
    larger.add(2 * BOX)
    for step in range(5):
        for each, scale in ((motion, 1), (larger, 2)):
            each.advance(0.04)
            each.correct(np.array([0]), scale * moved(BOX, 3 * step))
    assert 2 * motion.boxes == pytest.approx(larger.boxes)


def test_tracks_do_not_disturb_each_other():
    alone, among = followed(10, per_step=4), Motion()
    among.add(np.concatenate([BOX + 100, BOX, BOX + 300]))
    for step in range(1, 11):
        among.advance(0.04)
        among.correct(np.array([1, 2]), np.concatenate([moved(BOX, 4 * step), BOX + 300 - step]))
    among.keep(np.array([1]))
    assert among.boxes == pytest.approx(alone.boxes)
    assert among.velocities == pytest.approx(alone.velocities)


def test_the_filter_is_that_of_the_matrices():
    """The closed forms equal the usual filter with matrices, for one coordinate."""
    from multibox.tracking.motion import ACCELERATION, FASTEST, MEASURED

    motion = Motion()
    motion.add(BOX)
    size, dt = 40.0, 0.04
    state = np.array([30.0, 0.0])
    covariance = np.diag([(size * MEASURED[0]) ** 2, (size * FASTEST[0]) ** 2])
    transition, observed = np.array([[1, dt], [0, 1]]), np.array([[1.0, 0.0]])
    noise = (size * ACCELERATION[0]) ** 2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
    for step in range(1, 6):
        state, covariance = transition @ state, transition @ covariance @ transition.T + noise
        gain = covariance @ observed.T / (observed @ covariance @ observed.T + (size * MEASURED[0]) ** 2)
        state = state + gain[:, 0] * (30 + 2 * step - state[0])
        covariance = covariance - gain @ observed @ covariance
        motion.advance(dt)
        motion.correct(np.array([0]), moved(BOX, 2 * step))
        assert motion.centers[0, 0] == pytest.approx(state[0])
        assert motion.velocities[0, 0] == pytest.approx(state[1])
