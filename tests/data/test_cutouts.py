import cv2
import numpy as np
import pytest

from multibox.data.check import BadImageError
from multibox.data.cutouts import class_of_names, find_cutouts, looks_premultiplied, read_cutout
from multibox.errors import BadInput

Image = pytest.importorskip("PIL.Image", reason="needs Pillow, of the extra pictures")


def disc(side=60, color=(200, 120, 40), radius=24):
    """RGB and alpha of a disc with a soft edge, whose transparent pixels are green."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    alpha = np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)
    pixels = np.empty((side, side, 4), np.uint8)
    pixels[..., :3] = np.where(alpha[..., None] > 0, color, (0, 255, 0))
    pixels[..., 3] = np.round(255 * alpha)
    return pixels


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("stems", "classes"),
    [
        (["mug_01", "mug_02", "key_1"], ["mug", "mug", "key"]),
        (["mug-1", "mug (2)", "mug3"], ["mug", "mug", "mug"]),
        (["red_mug_1", "blue_mug_1"], ["red_mug", "blue_mug"]),
        (["mug_front", "mug_back", "key"], ["mug", "mug", "key"]),
        (["mug", "mug_2"], ["mug", "mug"]),
        (["traffic_light", "stop_sign"], ["traffic_light", "stop_sign"]),
        (["007"], ["007"]),
    ],
)
def test_the_names_of_files_say_their_classes(stems, classes):
    assert class_of_names(stems) == classes


def test_folders_are_classes_and_distractors_are_none(tmp_path):
    for name in ("mug/a.png", "mug/old/b.png", "two words/c.webp", "distractors/d.png", "mug/.hidden.png", "mug/n.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    found = find_cutouts(tmp_path)
    assert {name: [path.name for path in paths] for name, paths in found.classes.items()} == {
        "mug": ["a.png", "b.png"],
        "two words": ["c.webp"],
    }
    assert [path.name for path in found.distractors] == ["d.png"]
    assert found.by_folders


def test_a_folder_of_distractors_leaves_the_names_of_files_as_classes(tmp_path):
    save(tmp_path / "mug_1.png", disc())
    save(tmp_path / "distractors/x.png", disc())
    found = find_cutouts(tmp_path)
    assert ([*found.classes], found.by_folders, len(found.distractors)) == (["mug"], False, 1)


def test_folders_without_classes_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"cutouts: .*no such folder"):
        find_cutouts(tmp_path / "nowhere")
    save(tmp_path / "distractors/x.png", disc())
    with pytest.raises(BadInput, match="holds no image of a class; give a folder with"):
        find_cutouts(tmp_path)
    save(tmp_path / "mug/1.png", disc())
    save(tmp_path / "stray.png", disc())
    with pytest.raises(BadInput, match=r"stray\.png: lies beside the folders of the classes; move it"):
        find_cutouts(tmp_path)


def test_a_class_name_that_xml_cannot_hold_is_refused(tmp_path):
    save(tmp_path / "mu\x07g/1.png", disc())
    with pytest.raises(BadInput, match="cannot be the name of a class"):
        find_cutouts(tmp_path)


def test_every_kind_of_transparency_is_read_as_pillow_reads_it(tmp_path):
    whole = Image.fromarray(disc())
    whole.save(tmp_path / "rgba.png")
    whole.save(tmp_path / "rgba.webp", lossless=True, exact=True)
    whole.convert("LA").save(tmp_path / "grey.png")
    whole.quantize(16, method=Image.Quantize.FASTOCTREE).save(tmp_path / "palette.png")
    Image.fromarray(disc()[..., :3]).save(tmp_path / "key.png", transparency=(0, 255, 0))
    for name in ("rgba.png", "rgba.webp", "grey.png", "palette.png", "key.png"):
        expected = np.asarray(Image.open(tmp_path / name).convert("RGBA"))
        there = expected[..., 3] > 12
        rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
        expected = expected[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        read = read_cutout(tmp_path / name, 500).pixels
        np.testing.assert_array_equal(read[..., 3], expected[..., 3], err_msg=name)
        seen = expected[..., 3] > 0
        np.testing.assert_array_equal(read[seen], expected[seen], err_msg=name)


def test_16_bits_become_8(tmp_path):
    deep = np.minimum(disc().astype(int) * 257 + 100, 65535).astype(np.uint16)
    deep[..., 3] = disc()[..., 3].astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), deep[..., [2, 1, 0, 3]])
    save(tmp_path / "flat.png", disc())
    flat, read = read_cutout(tmp_path / "flat.png", 500), read_cutout(tmp_path / "deep.png", 500)
    np.testing.assert_array_equal(read.pixels, flat.pixels)


def test_files_without_an_outline_are_refused(tmp_path):
    opaque, faded, empty = disc(), disc(), disc()
    opaque[..., 3], faded[..., 3], empty[..., 3] = 255, 200, 3
    data = save(tmp_path / "whole.png", disc()).read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "none.png").write_bytes(b"")
    save(tmp_path / "rgb.png", disc()[..., :3])
    save(tmp_path / "photo.jpg", disc()[..., :3])
    save(tmp_path / "opaque.png", opaque)
    save(tmp_path / "faded.png", faded)
    save(tmp_path / "dot.png", disc(radius=4))
    save(tmp_path / "empty.webp", empty, lossless=True)
    for name, message in [
        ("rgb.png", "has no alpha channel; cut the object out"),
        ("photo.jpg", "is no PNG or WebP, so it has no alpha channel"),
        ("none.png", "is no PNG or WebP"),
        ("cut.png", "is cut off or damaged"),
        ("opaque.png", "has no transparent background, so its whole rectangle would be pasted"),
        ("faded.png", "has no transparent background, so its whole rectangle would be pasted"),
        ("dot.png", "shows an object of only 8x8 pixels; give a larger image"),
        ("empty.webp", "is transparent everywhere"),
    ]:
        with pytest.raises(BadImageError, match=message):
            read_cutout(tmp_path / name, 500)


def test_the_crop_ends_at_the_object_and_not_at_dirt(tmp_path):
    pixels = disc()
    pixels[2, 3] = 255
    pixels[:, 58, 3] = 5
    read = read_cutout(save(tmp_path / "a.png", pixels), 500)
    assert abs(read.side - 49) <= 1
    assert max(read.pixels.shape[:2]) == read.side


def test_a_reduced_cutout_takes_no_color_from_transparent_pixels(tmp_path):
    read = read_cutout(save(tmp_path / "a.png", disc()), 16)
    assert max(read.pixels.shape[:2]) == 16
    seen = read.pixels[read.pixels[..., 3] > 0][:, :3].astype(int)
    assert len(seen) > 100
    assert np.abs(seen - (200, 120, 40)).max() <= 2


def test_multiplied_colors_are_recognised_and_divided(tmp_path):
    y, x = np.mgrid[:60, :60] - 29.5
    pixels = disc()
    pixels[..., 3] = np.round(255 * np.clip((28 - np.hypot(x, y)) / 8, 0, 1))
    multiplied = pixels.copy()
    multiplied[..., :3] = np.round(pixels[..., :3] * (pixels[..., 3:] / 255))
    straight = read_cutout(save(tmp_path / "straight.png", pixels), 500)
    undone = read_cutout(save(tmp_path / "multiplied.png", multiplied), 500)
    assert (straight.premultiplied, undone.premultiplied) == (False, True)
    well_seen = straight.pixels[..., 3] > 40
    difference = undone.pixels.astype(int) - straight.pixels
    assert np.abs(difference[well_seen]).max() <= 5
    kept = read_cutout(tmp_path / "multiplied.png", 500, "straight")
    assert not kept.premultiplied
    assert kept.pixels[..., :3].min() < 10
    assert read_cutout(tmp_path / "straight.png", 500, "premultiplied").premultiplied


def test_a_dark_outline_is_not_taken_for_multiplied_colors():
    pixels = disc(radius=22)
    soft = disc(radius=25)
    outline = (soft[..., 3] > 0) & (pixels[..., 3] < 255)
    pixels[outline] = (10, 10, 10, 128)
    assert outline.sum() > 100
    assert not looks_premultiplied(pixels)


@pytest.mark.parametrize("opacity", [130, 200])
def test_a_glass_part_of_straight_colors_is_not_taken_for_multiplied_ones(opacity):
    pixels = np.zeros((80, 80, 4), np.uint8)
    pixels[10:70, 10:70] = (120, 110, 100, 255)
    pixels[30:60, 20:60, 3] = opacity
    assert not looks_premultiplied(pixels)
