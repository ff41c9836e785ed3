"""Sessions of tracking: clients send the frames of a video one after another, and the server keeps its objects.

All of it runs in the event loop, except :meth:`Session.follow`, which runs in another thread while the session's lock
is held.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from multibox.detect.detections import Detections
from multibox.serve.refused import Refused
from multibox.tracking.counting import Anchor, Counting, Counts, Event
from multibox.tracking.places import Line, Zone
from multibox.tracking.tracker import Tracker, Tracks

SESSIONS: Final = 64
"""Largest number of sessions. A request that would begin another one is refused."""

IDLE: Final = 60.0
"""Time without a request after which a session ends, seconds."""

OBJECTS: Final = 1000
"""Largest number of objects that a session remembers. A session with more of them ends."""

STEP: Final = 0.001
"""Least time between two frames, seconds. Without it, a session would never forget an object."""


@dataclass(frozen=True, eq=False)
class Followed:
    """The tracked objects of a frame, and what they did.

    Attributes:
        tracks: Objects that have an id.
        seconds: Time of the frame from the beginning of the session, seconds.
        events: What crossed a line, and entered or left a zone, since the frame before.
        counts: Numbers of all events of the session so far.
    """

    tracks: Tracks
    seconds: float
    events: tuple[Event, ...]
    counts: Counts


class Session:
    """One video of a client.

    Args:
        shown: ``(C,)`` scores that a detection must exceed to begin a track, by class.
        places: Lines and zones to count at.
        anchor: Point of a box that counts as its place.

    Attributes:
        shown: ``(C,)`` scores that a detection must exceed to begin a track, by class.
        lock: Lock that a request holds while its frame is processed. Requests get it in the order of their arrival.
        users: Number of requests that hold or await the lock.
        used: Time of the latest request by the server's clock, seconds.
    """

    def __init__(self, shown: np.ndarray, places: Sequence[Line | Zone], anchor: Anchor):
        self.shown = shown
        self.lock = asyncio.Lock()
        self.users = 0
        self.used = 0.0
        self._tracker, self._counting = Tracker(shown), Counting(places, anchor)
        self._last: Followed | None = None
        self._arrived = 0.0

    @property
    def begun(self) -> bool:
        """Whether the session has had a frame."""
        return self._last is not None

    def time_of(self, seconds: float | None, arrived: float) -> float:
        """Time of the next frame.

        Args:
            seconds: Time that the client gives, seconds. None takes the time that has passed since the frame before.
            arrived: Time at which the frame arrived, by the server's clock.

        Returns:
            Time from the beginning of the session, seconds.

        Raises:
            Refused: The time is not after that of the frame before.
        """
        if self._last is None:
            return seconds or 0.0
        last = self._last.seconds
        if seconds is None:
            return last + max(arrived - self._arrived, STEP)
        if seconds < last + STEP:
            text = f"seconds: {seconds:g} is not at least {STEP:g} s after the frame before, which was at {last:g}"
            raise Refused(409, "not-in-order", f"{text}; send frames in the order of their times")
        return seconds

    def follow(self, found: Detections, seconds: float, arrived: float) -> Followed:
        """Follow the objects to the next frame.

        Args:
            found: Detections in the frame, weak ones included.
            seconds: Time of the frame, as :meth:`time_of` gives it.
            arrived: Time at which the frame arrived, by the server's clock.
        """
        assert found.image is not None
        tracks = self._tracker.update(found, seconds)
        events = self._counting.update(tracks, seconds)
        self._arrived = arrived
        self._last = Followed(_without_image(tracks), seconds, events, self._counting.counts)
        return self._last

    def end(self) -> tuple[Event, ...]:
        """Forget all objects. Those inside a zone leave it."""
        if self._last is None:
            return ()
        nothing = self._last.tracks.detections.above(1)
        empty = Tracks(nothing, np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, np.int64))
        return self._counting.update(empty, self._last.seconds)


class Sessions:
    """All sessions of a server. They are dropped when they are idle.

    Args:
        places: Lines and zones to count at, in every session.
        anchor: Point of a box that counts as its place.
        observe: Function called with each event.
        clock: Function that returns the time in seconds, which never goes back.
    """

    def __init__(
        self,
        places: Sequence[Line | Zone] = (),
        anchor: Anchor = "center",
        observe: Callable[[Event], Any] = lambda event: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.clock = clock
        self._places, self._anchor, self._observe = places, anchor, observe
        self._sessions: dict[str, Session] = {}

    def count(self) -> int:
        """Drop idle sessions and return the number of those that are left."""
        now = self.clock()
        for name, session in list(self._sessions.items()):
            if not session.users and now - session.used >= IDLE:
                self._drop(name)
        return len(self._sessions)

    @asynccontextmanager
    async def hold(self, name: str, shown: np.ndarray) -> AsyncIterator[Session]:
        """Enter a session, which begins if there is none of this name, and lock it until the block ends.

        A session whose first frame fails is dropped.

        Args:
            name: Name of the session.
            shown: ``(C,)`` scores that a detection must exceed to begin a track, by class.

        Raises:
            Refused: There are too many sessions, or the session has begun with other scores.
        """
        while True:
            session = self._enter(name, shown)
            session.users += 1
            try:
                async with session.lock:
                    if self._sessions.get(name) is session:  # else it has ended while this request waited
                        yield session
                        return
            finally:
                session.users -= 1
                session.used = self.clock()
                if not session.users and not session.begun and self._sessions.get(name) is session:
                    self._drop(name)

    def note(self, name: str, followed: Followed) -> None:
        """Observe what happened in a frame. The session must be held.

        Raises:
            Refused: The session remembers too many objects. It has ended.
        """
        for event in followed.events:
            self._observe(event)
        if len(followed.tracks.remembered) > OBJECTS:
            self._drop(name)
            text = f"the session remembers more than {OBJECTS:,} objects and has ended; give a higher score"
            raise Refused(422, "too-many-objects", text)

    async def end(self, name: str) -> bool:
        """End a session after the requests that came before, and return whether there was one."""
        session = self._sessions.get(name)
        if session is None:
            return False
        async with session.lock:
            there = self._sessions.get(name) is session
            if there:
                self._drop(name)
            return there

    def _enter(self, name: str, shown: np.ndarray) -> Session:
        count = self.count()
        session = self._sessions.get(name)
        if session is None:
            if count >= SESSIONS:
                raise self._too_many()
            session = self._sessions[name] = Session(shown, self._places, self._anchor)
        elif not np.array_equal(session.shown, shown):
            text = "score: the session has begun with another one; keep it, or begin a session of another name"
            raise Refused(409, "other-score", text)
        return session

    def _too_many(self) -> Refused:
        idle = (self.clock() - session.used for session in self._sessions.values() if not session.users)
        wait = max(1, math.ceil(IDLE - max(idle, default=IDLE)))
        text = f"{SESSIONS} videos are being tracked; try again in {wait} s"
        return Refused(503, "too-many-sessions", text, headers={"Retry-After": str(wait)})

    def _drop(self, name: str) -> None:
        for event in self._sessions.pop(name).end():
            self._observe(event)


def _without_image(tracks: Tracks) -> Tracks:
    """Tracks that do not keep the frame's pixels in memory."""
    return replace(tracks, detections=replace(tracks.detections, image=None))
