"""The route ``/v1/tracks/{name}``, which follows objects through the frames of a video."""

import time
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from multibox.serve.batcher import Batcher
from multibox.serve.bodies import Upload, only_image, read_form
from multibox.serve.requests import TrackFields, form_with_image, from_fields
from multibox.serve.routes.datasets import as_json
from multibox.serve.routes.detection import make_wanted, read_upload, result_json, timings_json
from multibox.serve.sessions import Followed, Sessions
from multibox.tracking.track import weak_score
from multibox.tracking.tracker import TrackSettings

SessionName = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="Name of the session, which the client chooses, such as a UUID: up to 64 letters, digits, `.`, "
        "`_` and `-`.",
    ),
]


def track_routes(batcher: Batcher, sessions: Sessions) -> APIRouter:
    """Create the routes of tracking.

    Args:
        batcher: Batcher that runs the detector.
        sessions: Sessions of the server.

    Returns:
        FastAPI router with the routes.
    """
    router = APIRouter(prefix="/v1/tracks", tags=["tracking"])
    detector, settings = batcher.detector, batcher.settings

    @router.post("/{name}", openapi_extra=form_with_image(TrackFields))
    async def track(name: SessionName, request: Request) -> Response:
        """Detect the objects in the next frame of a video, and give each its id.

        A session begins with its first frame and ends after 60 seconds without one. Send a frame when the one before
        is answered: frames of a session are processed one after another.
        """
        start = time.perf_counter()
        form = await read_form(request, settings)
        upload, fields = only_image(form), from_fields(TrackFields, form.fields)
        shown = detector.thresholds(fields.score)
        wanted = replace(make_wanted(detector, weak_score(detector, shown, TrackSettings()), fields.nms_iou), keep=True)
        arrived = sessions.clock()
        async with batcher.admit(1), sessions.hold(name, shown) as session:
            seconds = session.time_of(fields.seconds, arrived)
            jobs = await batcher.detect([partial(read_upload, upload, settings)], wanted)
            followed = await run_in_threadpool(session.follow, jobs[0].answer.result(), seconds, arrived)
            sessions.note(name, followed)
        timings = timings_json(jobs, start)
        return as_json({"model": settings.name, "results": [followed_json(upload, followed)], "timings_ms": timings})

    @router.delete("/{name}")
    async def end(name: SessionName) -> Response:
        """End a session, and say whether there was one. Objects inside a zone leave it."""
        return as_json({"ended": await sessions.end(name)})

    return router


def followed_json(upload: Upload, followed: Followed) -> dict[str, Any]:
    """The tracked objects of a frame as a dictionary for JSON: as those of an image, with ids, events and counts."""
    tracks = followed.tracks
    row = result_json(upload, tracks.detections)
    for detection, track, carried in zip(row["detections"], tracks.ids.tolist(), tracks.carried.tolist(), strict=True):
        detection.update({"id": track, "carried": carried})
    return row | {
        "seconds": round(followed.seconds, 3),
        "events": [event.to_json() for event in followed.events],
        "counts": followed.counts,
    }
