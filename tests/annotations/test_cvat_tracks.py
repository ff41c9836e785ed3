import numpy as np
import pytest

from annotations.test_cvat import touch, write
from multibox.annotations.formats import cvat
from multibox.data.source import open_source
from multibox.errors import BadInput
from reading import read


def box(frame, left=1, outside=0, label="", **fields):
    more = " ".join(f'{name}="{value}"' for name, value in fields.items())
    edges = f'xtl="{left}" ytl="2" xbr="{left + 10}" ybr="22"'
    return f'<box frame="{frame}" outside="{outside}" keyframe="1" occluded="0" {edges} {more}/>'


def track(*shapes, label="cat", **fields):
    more = " ".join(f'{name}="{value}"' for name, value in fields.items())
    return f'<track id="0" label="{label}" source="manual" {more}>{"".join(shapes)}</track>'


def meta(first=0, last=3):
    size = "<original_size><width>64</width><height>48</height></original_size>"
    limits = f"<start_frame>{first}</start_frame><stop_frame>{last}</stop_frame>"
    return f"<meta><task>{limits}<labels><label><name>cat</name></label></labels>{size}</task></meta>"


def frames(folder, numbers, name="frame_{:06d}.png"):
    touch(folder, *(name.format(number) for number in numbers))


def test_each_frame_has_the_shapes_of_all_tracks(tmp_path):
    frames(tmp_path / "images", range(6))
    cat = track(box(0), box(1, 5, occluded2="x"), box(2, 5, outside=1))
    dog = track(box(1, 9), '<polygon frame="2" outside="0" points="1,2;3,4;5,1"/>', label="dog")
    write(tmp_path / "annotations.xml", meta(), cat, dog)
    part = read(cvat, tmp_path)
    items = part.splits[""]
    assert [item.image for item in items] == [tmp_path / f"images/frame_{number:06d}.png" for number in range(4)]
    assert [item.annotation.names for item in items] == [("cat",), ("cat", "dog"), ("dog",), ()]
    np.testing.assert_array_equal(items[1].annotation.boxes, [[5, 2, 15, 22], [9, 2, 19, 22]])
    np.testing.assert_array_equal(items[2].annotation.boxes, [[1, 1, 5, 4]])
    assert items[3].annotation.size == (64, 48)
    assert part.notes == (
        "images were matched with frames of the video by the numbers in their names: "
        "images/frame_000000.png is frame 0",
        "1 polygon: their bounding boxes were used",
    )


def test_any_name_that_ends_with_the_number_will_do(tmp_path):
    frames(tmp_path, (0, 7), "street-{}.jpg")
    write(tmp_path / "annotations.xml", track(box(7)))
    assert [item.image.name for item in read(cvat, tmp_path).splits[""]] == ["street-7.jpg"]


def test_each_video_has_its_own_frames(tmp_path):
    for name, left in (("one", 3), ("two", 4)):
        frames(tmp_path / name / "images", range(1))
        write(tmp_path / name / "annotations.xml", track(box(0, left)))
    items = read(cvat, tmp_path).splits[""]
    assert [(item.image.parents[1].name, item.annotation.boxes[0, 0]) for item in items] == [("one", 3), ("two", 4)]


def test_a_frame_is_not_taken_from_another_video(tmp_path):
    for name, numbers in (("one", range(2)), ("two", range(1, 3))):
        frames(tmp_path / name, numbers)
        write(tmp_path / name / "annotations.xml", track(box(0)))
    with pytest.raises(BadInput, match=r"two/annotations.xml: .*none of the images is one of its frames"):
        read(cvat, tmp_path)
    write(tmp_path / "two/annotations.xml", track(box(1)))
    with pytest.raises(BadInput, match=r"two/annotations.xml: counts frames from 0, and the images .* from 1"):
        read(cvat, tmp_path)


def test_images_of_other_folders_are_no_frames_without_objects(tmp_path):
    frames(tmp_path / "video", (0, 1))
    frames(tmp_path / "others", (2, 3))
    write(tmp_path / "annotations.xml", meta(), track(box(0)))
    assert [item.image.name for item in read(cvat, tmp_path).splits[""]] == ["frame_000000.png", "frame_000001.png"]


def test_a_frame_without_image_is_missing(tmp_path):
    frames(tmp_path, range(2))
    write(tmp_path / "annotations.xml", track(box(1), box(2)))
    assert [item.image.is_file() for item in read(cvat, tmp_path).splits[""]] == [True, False]


@pytest.mark.parametrize(
    ("images", "tracks", "message"),
    [
        ((), [track(box(0))], "none of the images is one of its frames; extract the frames as frame_000000.png"),
        (("street.jpg", "b10.jpg"), [track(box(0))], "none of the images is one of its frames"),
        (
            ("frame_000001.png", "frame_000002.png"),
            [track(box(1))],
            r"counts frames from 0, and the images are numbered from 1 \(frame_000001.png\); number them from 0",
        ),
        (
            ("a-0.jpg", "b-0.jpg"),
            [track(box(0))],
            'frame 0 could be a-0.jpg or b-0.jpg; give images="FOLDER" with the frames of this video alone',
        ),
        (
            ("a0.jpg",),
            [track(box("x"))],
            "a shape of a track has the frame 'x', which is not a number; export the file again",
        ),
        (("a0.jpg",), [track(box("9" * 5000))], "which is not a number"),
        (
            ("a0.jpg",),
            [track(box(0), task_id=1), track(box(0), task_id=2)],
            "holds tracks of 2 tasks, whose frames have the same numbers; export each task on its own",
        ),
    ],
)
def test_frames_that_are_not_certain_are_refused(tmp_path, images, tracks, message):
    touch(tmp_path, *images)
    write(tmp_path / "annotations.xml", *tracks)
    with pytest.raises(BadInput, match=message):
        read(cvat, tmp_path)


def test_the_number_of_frames_is_enough_to_find_those_without_objects(tmp_path):
    frames(tmp_path, range(4))
    write(tmp_path / "annotations.xml", "<meta><task><size>3</size></task></meta>", track(box(1)))
    assert [len(item.annotation.names) for item in read(cvat, tmp_path).splits[""]] == [0, 1, 0]


@pytest.mark.parametrize(
    ("names", "is_read"),
    [
        (["p00.jpg", "p01.jpg", "p02.jpg", "p03.jpg"], True),
        (["p00.jpg", "p01.jpg", "p02.jpg", "p04.jpg"], False),
        (["p0.jpg", "p1.jpg", "p2.jpg", "p3.jpg", "p10.jpg"], False),
    ],
)
def test_tracks_over_images_that_were_no_video_need_names_in_their_order(tmp_path, names, is_read):
    touch(tmp_path, *names)
    mode = meta().replace("<task>", "<task><mode>annotation</mode>")
    write(tmp_path / "annotations.xml", mode, track(box(1)))
    if is_read:
        assert [len(item.annotation.names) for item in read(cvat, tmp_path).splits[""]] == [0, 1, 0, 0]
    else:
        with pytest.raises(
            BadInput, match="holds tracks, but not the order of the images they run over; export them as"
        ):
            read(cvat, tmp_path)


def test_tracks_that_hold_key_frames_alone_are_said(tmp_path):
    frames(tmp_path, range(0, 45, 5))
    whole = track(box(0), box(5), box(10, outside=1), box(30), box(35, outside=1))
    write(tmp_path / "annotations.xml", whole)
    assert not any("skip" in note for note in read(cvat, tmp_path).notes)
    write(tmp_path / "annotations.xml", whole, track(box(0), box(20)))
    assert (
        "1 track skips frames between shapes; the object is missing in the images of those frames"
        in read(cvat, tmp_path).notes
    )


def test_tracks_without_any_shape_leave_images_without_objects(tmp_path):
    frames(tmp_path, range(2))
    write(tmp_path / "annotations.xml", meta(), track(box(0, outside=1)), track())
    assert [item.annotation.names for item in read(cvat, tmp_path).splits[""]] == [(), ()]
    write(tmp_path / "annotations.xml", track())
    with pytest.raises(BadInput, match="has no annotated image"):
        open_source([tmp_path])
