import struct
from collections import Counter
from functools import lru_cache, partial

import cv2
import numpy as np
import pytest
from lxml import etree

from multibox.data.backgrounds import read_background
from multibox.data.build import build
from multibox.data.compose import compose
from multibox.data.composition import Recipe, Stock, compose_image
from multibox.data.cutout_looks import draw_tone, pose, soften
from multibox.data.cutouts import read_cutout
from multibox.data.paste import Thing
from multibox.data.shapes import Cutout
from multibox.data.store import open_store
from multibox.errors import BadInput
from multibox.writing import MARKER

SIDE = 45
COLORS = {"blue": (30, 30, 230), "red": (230, 30, 30)}
SMALL = Recipe(size=96, objects=(1, 3), scale=(0.2, 0.5))


def square(path, color, side=SIDE):
    """Write a square of one colour with a transparent border."""
    pixels = np.zeros((side + 8, side + 8, 4), np.uint8)
    pixels[4:-4, 4:-4] = (*color[::-1], 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    """Red and blue squares."""
    folder = tmp_path_factory.mktemp("squares")
    files = {name: [square(folder / name / "1.png", color)] for name, color in COLORS.items()}
    return Stock(files, [], partial(read_cutout, largest=500))


def scene(stock, recipe, seed):
    view = np.full((150, 200, 3), 128, np.float32)
    image, things, _ = compose_image(view, stock, recipe, np.random.default_rng(seed))
    return image.astype(int), things


@pytest.fixture(scope="module")
def scenes(squares):
    """Images of squares whose whole side is 45 pixels on plain grey, without shadows, each with its things."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("multibox.data.composition.SHADOWS", 0)
        recipe = Recipe(objects=(2, 3), scale=(0.3, 0.3), rotation=0)
        return [scene(squares, recipe, seed) for seed in range(120)]


def of_color(image, name):
    """Pixels that show more than half of the strongest red or blue, from the colours alone."""
    strength = (image[..., 0] - image[..., 2]) * (1 if name == "red" else -1)
    return strength > 0.5 * strength.max()


def single(scenes):
    """Things that are the only ones of their colour in an image, with the pixels of that colour."""
    for image, things in scenes:
        counts = Counter(thing.name for thing in things)
        yield from ((image, thing, of_color(image, thing.name)) for thing in things if counts[thing.name] == 1)


def test_boxes_enclose_the_pixels_that_show_the_object(scenes):
    seen = 0
    for _, thing, shown in single(scenes):
        y, x = np.nonzero(shown)
        np.testing.assert_allclose(thing.box, (x.min(), y.min(), x.max() + 1, y.max() + 1), atol=1)
        assert abs(int(shown.sum()) - int(thing.mask.sum())) <= 100
        seen += 1
    assert seen > 60


def test_flags_say_what_is_missing(scenes):
    flags = Counter()
    for image, thing, shown in single(scenes):
        height, width = image.shape[:2]
        x0, y0, x1, y1 = thing.box
        touches = min(x0, y0) == 0 or x1 == width or y1 == height
        missing = 1 - shown.sum() / SIDE**2
        if thing.truncated:
            assert touches
        if thing.truncated or thing.occluded:
            assert missing > 0.005
        elif not touches:
            assert missing < 0.05
        assert missing <= 0.4 + 0.05
        flags.update(truncated=thing.truncated, occluded=thing.occluded, whole=not (thing.truncated or thing.occluded))
    assert min(flags[name] for name in ("truncated", "occluded", "whole")) > 5


def test_small_parts_that_several_objects_hide_count_together():
    mask = np.ones((100, 100), bool)
    thing = Thing("mug", mask.size, mask)
    for row, occluded in [(10, False), (30, False), (50, True), (70, True)]:
        front = np.zeros_like(mask)
        front[row] = True  # 0.01 of the object
        thing = thing.behind(front)
        assert thing.occluded is occluded
    assert thing.mask.sum() == 0.96 * mask.size


def test_nothing_is_hidden_if_nothing_may_be(squares):
    recipe = Recipe(objects=(3, 3), scale=(0.3, 0.3), rotation=0, hidden=0)
    things = [thing for seed in range(20) for thing in scene(squares, recipe, seed)[1]]
    assert len(things) > 30
    assert not any(thing.truncated or thing.occluded for thing in things)
    assert all(thing.mask.sum() == thing.whole for thing in things)


def test_an_object_of_glass_has_its_whole_box(tmp_path):
    pixels = np.zeros((SIDE + 8, SIDE + 8, 4), np.uint8)
    pixels[4:-4, 4:-4] = (230, 30, 30, 90)
    cv2.imwrite(str(tmp_path / "glass.png"), pixels)
    stock = Stock({"glass": [tmp_path / "glass.png"]}, [], partial(read_cutout, largest=500))
    _, things = scene(stock, Recipe(objects=(1, 1), scale=(0.3, 0.3), rotation=0, hidden=0), 1)
    x0, y0, x1, y1 = things[0].box
    assert abs(x1 - x0 - SIDE) <= 1
    assert abs(y1 - y0 - SIDE) <= 1


def test_distractors_are_pasted_without_a_label(squares, tmp_path):
    stock = Stock({"red": squares.classes["red"]}, squares.classes["blue"], squares.read)
    shown = 0
    for seed in range(20):
        image, things = scene(stock, Recipe(objects=(1, 1), scale=(0.3, 0.3)), seed)
        assert {thing.name for thing in things} <= {"red"}
        shown += bool((image[..., 2] - image[..., 0] > 60).sum() > 500)
    assert 5 < shown < 20


def test_text_is_not_mirrored_unless_it_may_be(tmp_path):
    pixels = np.zeros((48, 68, 4), np.uint8)
    pixels[4:-4, 4:34], pixels[4:-4, 34:-4] = (30, 30, 230, 255), (230, 30, 30, 255)  # red on the left
    cv2.imwrite(str(tmp_path / "flag.png"), pixels)
    stock = Stock({"flag": [tmp_path / "flag.png"]}, [], partial(read_cutout, largest=500))
    sides = {}
    for mirror in (False, True):
        recipe = Recipe(objects=(1, 1), scale=(0.4, 0.4), mirror=mirror)
        images = [scene(stock, recipe, seed)[0] for seed in range(12)]
        columns = [[np.nonzero(of_color(image, name))[1].mean() for name in ("red", "blue")] for image in images]
        sides[mirror] = {red < blue for red, blue in columns}
    assert sides == {False: {True}, True: {True, False}}


def test_a_softened_edge_has_the_colors_of_the_object():
    alpha = np.zeros((40, 40), np.float32)
    alpha[5:-5, 5:-5] = 1
    colour = np.where(alpha[..., None] > 0, np.float32((250, 240, 200)), np.float32(0))
    for whole in (False, True):
        soft = soften(Cutout(colour, alpha), 1.5, whole=whole)
        seen = soft.alpha > 0.02
        assert seen.sum() > 30 * 30
        np.testing.assert_allclose(soft.colour[seen], np.tile((250, 240, 200), (int(seen.sum()), 1)), atol=2)


def test_a_pose_scales_and_turns_the_object_about_its_middle():
    pixels = np.zeros((40, 20, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, 255
    assert pose(pixels, 80, 0, mirrored=False).alpha.shape == (80, 40)
    turned = pose(pixels, 80, 90, mirrored=False)
    np.testing.assert_allclose(turned.alpha.shape, (40, 80), atol=2)
    assert abs(turned.alpha.sum() - 80 * 40) < 0.03 * 80 * 40
    assert turned.colour[turned.alpha > 0.1][:, 0].min() > 198


def test_objects_are_darker_on_a_dark_surface():
    piece = Cutout(np.full((20, 20, 3), 128, np.float32), np.ones((20, 20), np.float32))
    means = [
        np.mean(
            [
                draw_tone(piece, np.full((9, 9, 3), level), np.random.default_rng(seed)).colour.mean()
                for seed in range(40)
            ]
        )
        for level in (20.0, 128.0, 240.0)
    ]
    assert means[0] < 0.95 * means[1] < 0.95 * means[2]


@pytest.fixture
def folders(tmp_path):
    """Eight cut-outs of two classes, two of a third one, and eight grey photos of different brightness."""
    for name, count in {"red": 8, "blue": 8, "green": 2}.items():
        for number in range(count):
            square(tmp_path / "cut" / name / f"{number}.png", {**COLORS, "green": (20, 200, 20)}[name], 30)
    (tmp_path / "photos/more").mkdir(parents=True)
    for number in range(8):
        folder = tmp_path / "photos" / ("more" * (number % 2))
        cv2.imwrite(str(folder / f"{number}.png"), np.full((60, 80, 3), 20 + 25 * number, np.uint8))
    return tmp_path


def make(folders, name="out", recipe=SMALL, **options):
    return compose(folders / "cut", folders / "photos", folders / name, recipe, **{"images": 40, **options})


def members(folder, split):
    return (folder / f"ImageSets/Main/{split}.txt").read_text().split()


def test_a_build_reads_what_was_composed(folders, monkeypatch):
    monkeypatch.setenv("MULTIBOX_DATA", str(folders / "stores"))
    made = make(folders, test=0.2)
    report = build([made.path], "mine")
    assert {name: split.images for name, split in made.splits.items()} == {"train": 26, "val": 6, "test": 8}
    assert {name: (counts.images, counts.per_class) for name, counts in report.splits.items()} == {
        name: (split.images, split.objects) for name, split in made.splits.items()
    }
    assert not report.problems
    assert report.clipped == 0
    record = open_store("mine/train")[0]
    written = etree.parse(made.path / "Annotations" / f"{record.id}.xml").findall("object")
    assert [int(node.findtext("occluded")) for node in written] == record.objects.occluded.tolist()
    assert max(record.width, record.height) == 96


def test_splits_share_neither_cutouts_nor_backgrounds_if_there_are_enough(folders):
    made = make(folders, recipe=Recipe(size=96, objects=(1, 1), scale=(0.1, 0.1)), val=0.3)
    levels = {
        name: {
            round((np.median(cv2.imread(str(made.path / f"JPEGImages/{stem}.jpg"))) - 20) / 25)
            for stem in members(made.path, name)
        }
        for name in ("train", "val")
    }
    assert not levels["train"] & levels["val"]
    assert {name: len(found) for name, found in levels.items()} == {"train": 6, "val": 2}
    assert made.splits["train"].cutouts == 6 + 6 + 2
    assert made.splits["val"].cutouts == 2 + 2 + 2
    assert made.shared == ("green",)


def test_splits_that_share_distractors_say_so(folders):
    square(folders / "cut/distractors/pen.png", (200, 200, 20))
    assert make(folders).shared == ("green", "distractors")


def test_photos_of_a_split_that_cannot_be_read_are_not_called_all_photos(folders):
    for path in sorted((folders / "photos").rglob("*.png"))[:-1]:
        path.write_bytes(b"no image")
    with pytest.raises(BadInput, match=r"backgrounds: a split has \d photos?, and none can be read; .*; remove it$"):
        make(folders, on_bad="skip")


def test_cutouts_of_large_images_do_not_fill_the_memory(folders, monkeypatch):
    sizes = []
    monkeypatch.setattr("multibox.data.compose.lru_cache", lambda size: sizes.append(size) or lru_cache(size))
    make(folders, recipe=Recipe(size=2048, objects=(1, 1), scale=(0.01, 0.5)), images=1)
    assert 1 <= sizes[0] <= 2**29 / (1024 * 1024 * 4)


def test_one_cutout_and_one_photo_are_enough(tmp_path):
    square(tmp_path / "cut/mug.png", COLORS["red"])
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos/a.jpg"), np.full((60, 80, 3), 90, np.uint8))
    made = make(tmp_path, images=1)
    assert [*made.splits] == ["train"]
    assert made.shared == ()
    assert make(tmp_path, images=10).shared == ("mug", "backgrounds")


def test_the_same_seed_makes_the_same_files(folders):
    made = [make(folders, name, seed=seed, images=12).path for name, seed in [("a", 5), ("b", 5), ("c", 6)]]
    files = [[path for path in sorted(folder.rglob("*.*")) if path.name != MARKER] for folder in made]
    contents = [[path.read_bytes() for path in paths] for paths in files]
    assert len(contents[0]) == 12 * 2 + 2
    assert contents[0] == contents[1] != contents[2]


def test_images_may_have_no_object(folders):
    made = make(folders, recipe=Recipe(size=96, objects=(0, 1), scale=(0.3, 0.3)))
    objects = sum(sum(split.objects.values()) for split in made.splits.values())
    assert 8 < objects < 32


def test_objects_without_a_place_are_counted(folders):
    made = make(folders, recipe=Recipe(size=96, objects=(12, 12), scale=(0.9, 1), hidden=0.1), images=4)
    objects = sum(sum(split.objects.values()) for split in made.splits.values())
    assert objects + made.without_place == 4 * 12
    assert made.without_place > 20


def test_a_bad_file_stops_or_is_left_out(folders):
    (folders / "photos/0.png").write_bytes(b"no image")
    cv2.imwrite(str(folders / "cut/red/0.png"), np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(BadInput, match=r"cut.red.0\.png: has no alpha channel"):
        make(folders)
    made = make(folders, on_bad="skip")
    assert [line.partition(": ")[2] for line in made.left_out] == [
        "has no alpha channel; cut the object out and save it as PNG with transparency",
        "does not decode as an image; remove it",
    ]
    assert len(made.found.classes["red"]) == 7
    (folders / "cut/red/0.png").unlink()
    with pytest.raises(BadInput, match=r"photos.0\.png: does not decode as an image; remove it"):
        make(folders, "other")
    assert not (folders / "other").exists()


def test_a_run_that_drew_backgrounds_alone_is_none_that_found_no_place(folders):
    recipe = Recipe(size=96, objects=(0, 1), scale=(0.3, 0.3))
    made = [make(folders, recipe=recipe, images=1, seed=seed) for seed in range(8)]
    alone = [one for one in made if not sum(one.splits["train"].objects.values())]
    assert alone
    with pytest.raises(BadInput, match="scale: no object fits into an image"):
        make(folders, recipe=Recipe(size=32, objects=(1, 1), scale=(0.01, 0.01)), images=3)


def test_a_class_or_a_folder_without_a_usable_file_is_refused(folders):
    for path in (folders / "cut/green").iterdir():
        path.write_bytes(b"")
    with pytest.raises(BadInput, match=r"class green: no cut-out can be used; .*is no PNG"):
        make(folders, on_bad="skip")
    for path in (folders / "photos").rglob("*.png"):
        path.write_bytes(b"")
    square(folders / "cut/green/0.png", (20, 200, 20))
    with pytest.raises(BadInput, match=r"backgrounds: a split has 8 photos, and none can be read; .*does not decode"):
        make(folders, on_bad="skip", val=0)
    with pytest.raises(BadInput, match=r"backgrounds: .*nowhere: no such folder"):
        compose(folders / "cut", folders / "nowhere", folders / "out")


def test_output_and_cutouts_are_never_backgrounds(folders):
    with pytest.raises(BadInput, match="where it would be taken for backgrounds; give a folder elsewhere"):
        make(folders, "photos/out")
    made = compose(folders / "cut", folders, folders.with_name(folders.name + "-out"), SMALL, images=10, val=0)
    assert made.splits["train"].backgrounds == 8


def test_output_and_photos_are_never_cutouts(folders):
    with pytest.raises(BadInput, match="where it would be taken for cut-outs; give a folder elsewhere"):
        make(folders, "cut/out")
    with pytest.raises(BadInput, match=r"backgrounds: .*photos lies in .*, where photos would be taken for cut-outs"):
        compose(folders, folders / "photos", folders.with_name("elsewhere"), SMALL, images=1)


def test_only_an_unchanged_composed_dataset_is_replaced(folders):
    path = make(folders, images=3).path
    assert len([*make(folders, images=2).path.glob("JPEGImages/*")]) == 2
    (path / "Annotations/000000.xml").write_text("corrected by hand")
    with pytest.raises(BadInput, match="was changed since Multibox wrote it"):
        make(folders)
    assert make(folders, replace=True, images=2).path == path


def test_an_interrupted_run_leaves_nothing(folders):
    def stop(done, count):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(folders, progress=stop)
    assert sorted(path.name for path in folders.iterdir()) == ["cut", "photos"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 8),
        ("objects", (3, 1)),
        ("objects", (0, 0)),
        ("scale", (0.5, 0.1)),
        ("scale", (0.2, 1.5)),
        ("rotation", 200),
        ("hidden", 1),
    ],
)
def test_a_recipe_out_of_range_names_its_field(field, value):
    with pytest.raises(BadInput, match=f"^{field}: ") as error:
        Recipe(**{field: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("field", "value"), [("images", 0), ("val", 0.6), ("test", -1), ("seed", -1)])
def test_numbers_out_of_range_are_refused(folders, field, value):
    with pytest.raises(BadInput, match=f"^{field}: "):
        make(folders, **{field: value})


def test_train_needs_an_image(folders):
    with pytest.raises(BadInput, match="leave no image for train"):
        make(folders, images=2, val=0.5, test=0.5)


def test_a_large_photo_is_decoded_smaller_and_upright(tmp_path):
    path = tmp_path / "large.jpg"
    cv2.imwrite(str(path), np.dstack([np.tile(np.arange(1600) // 7, (1200, 1))] * 3).astype(np.uint8))
    assert read_background(path, 240).shape == (300, 400, 3)
    assert read_background(path, 1600).shape == (1200, 1600, 3)
    stored = path.read_bytes()
    exif = b"Exif\0\0" + struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x0112, 3, 1, 6, 0)  # a quarter turn clockwise
    path.write_bytes(stored[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + stored[2:])
    for size, shape in ((240, (400, 300, 3)), (1600, (1600, 1200, 3))):
        photo = read_background(path, size)
        assert photo.shape == shape
        assert photo[0].max() < 10  # dark on the left as stored, so dark at the top
