import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.config import Config
from multibox.data.record import Record, make_objects
from multibox.draw import PALETTE, color_of, draw_boxes, draw_example, grid, save_png, show_examples, with_title
from multibox.errors import BadInput

GREY = np.full((100, 120, 3), 128, np.uint8)
PRIORS_REL = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0.1, 0.1, 0.9, 0.9]], np.float32)


def records(count, boxes=((10, 10, 50, 40),)):
    encoded = cv2.imencode(".png", GREY)[1].tobytes()
    objects = make_objects(boxes, [0] * len(boxes))
    return [Record(f"image{i}", encoded, 120, 100, objects) for i in range(count)]


def test_a_box_lies_on_its_outermost_pixels():
    drawn = draw_boxes(GREY, np.array([[20, 30, 60, 80]]), thickness=1)
    changed = (drawn != GREY).any(axis=2)
    expected = np.zeros((100, 120), bool)
    expected[[30, 79], 20:60] = True
    expected[30:80, [20, 59]] = True
    np.testing.assert_array_equal(changed, expected)
    np.testing.assert_array_equal(drawn[30, 40], PALETTE[0])


def test_the_image_stays_as_it_was():
    before = GREY.copy()
    draw_boxes(GREY, np.array([[20, 30, 60, 80]]), ["cat"], [0])
    np.testing.assert_array_equal(GREY, before)


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), []])
def test_no_boxes_draw_nothing(boxes):
    np.testing.assert_array_equal(draw_boxes(GREY, boxes, [], []), GREY)


def test_equal_ids_have_equal_colours():
    drawn = draw_boxes(GREY, np.array([[5, 5, 20, 20], [30, 5, 50, 20], [60, 5, 80, 20]]), (), [3, 7, 3], thickness=1)
    np.testing.assert_array_equal(drawn[5, 10], PALETTE[3])
    np.testing.assert_array_equal(drawn[5, 40], PALETTE[7])
    np.testing.assert_array_equal(drawn[5, 70], PALETTE[3])
    assert color_of(3) == color_of(3 + len(PALETTE))


def test_colours_are_told_apart():
    colors = np.array(PALETTE, float)
    distance = np.linalg.norm(colors[:, None] - colors[None], axis=2)
    assert distance[~np.eye(len(PALETTE), dtype=bool)].min() > 30


def test_later_boxes_lie_over_earlier_ones():
    drawn = draw_boxes(GREY, np.array([[20, 30, 60, 80], [20, 30, 60, 80]]), (), [0, 1], thickness=1)
    np.testing.assert_array_equal(drawn[30, 40], PALETTE[1])


@pytest.mark.parametrize("box", [[20, 40, 60, 80], [-30, -30, 200, 200], [110, 90, 119, 99], [60, 0, 118, 30]])
def test_a_caption_is_inside_the_image_and_can_be_seen(box):
    plain = draw_boxes(GREY, np.array([box]), (), [2])
    captioned = draw_boxes(GREY, np.array([box]), ["cat 0.9"], [2])
    filled = (captioned == PALETTE[2]).all(axis=2) & ~(plain == PALETTE[2]).all(axis=2)
    assert filled.sum() > 100


@pytest.mark.parametrize("box", [[-1e9, -1e9, 1e9, 1e9], [np.nan] * 4, [np.inf, 0, np.inf, 5], [50, 50, 50, 50]])
def test_boxes_out_of_this_world_do_no_harm(box):
    assert draw_boxes(GREY, np.array([box]), ["Füchse 狐"], [0]).shape == GREY.shape


def test_as_many_captions_and_colours_as_boxes():
    with pytest.raises(ValueError, match="zip"):
        draw_boxes(GREY, np.zeros((2, 4)), ["one"])
    with pytest.raises(ValueError, match="zip"):
        draw_boxes(GREY, np.zeros((2, 4)), (), [1])


def test_grid_worked_by_hand():
    small, large = np.full((10, 20, 3), 1, np.uint8), np.full((30, 40, 3), 2, np.uint8)
    laid_out = grid([small, large, small], columns=2, gap=4)
    assert laid_out.shape == (4 + 2 * (30 + 4), 4 + 2 * (40 + 4), 3)
    assert (laid_out[4:14, 4:24] == 1).all()
    assert (laid_out[4:34, 48:88] == 2).all()
    assert (laid_out[38:48, 4:24] == 1).all()
    rest = laid_out.astype(int).sum() - 2 * small.sum() - large.sum()
    assert rest == 255 * (laid_out.size - 2 * small.size - large.size)


def test_grid_of_nothing():
    assert grid([], columns=4, gap=4).ndim == 3


def test_save_png_is_read_back_and_leaves_nothing_else(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    save_png(tmp_path / "new" / "picture.png", image)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["picture.png"]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "new" / "picture.png"))[..., ::-1], image)


def test_save_png_replaces_its_own_drawings_alone(tmp_path):
    path, image = tmp_path / "picture.png", np.zeros((9, 7, 3), np.uint8)
    for _ in range(2):
        save_png(path, image)
    cv2.imwrite(str(path), image)
    photo = path.read_bytes()
    with pytest.raises(BadInput, match=r"picture\.png: exists, and Multibox did not write it"):
        save_png(path, image)
    assert path.read_bytes() == photo
    save_png(path, image, replace=True)
    assert path.read_bytes() != photo


def test_show_examples_is_the_same_for_the_same_seed():
    config = Config.model_validate({"network": {"size": [128, 128]}})
    first, again, other = (
        show_examples(records(3), ("cat",), PRIORS_REL, config, seed=seed, count=5, columns=3) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape == other.shape
    assert (first != other).any()


def test_show_examples_of_no_records_and_of_no_objects():
    config = Config.model_validate({"network": {"size": [128, 128]}})
    assert show_examples([], ("cat",), PRIORS_REL, config).ndim == 3
    assert show_examples(records(1, boxes=()), ("cat",), PRIORS_REL, config, count=1).shape[0] > 480


def test_an_example_shows_its_objects_priors_and_crowds():
    objects_rel = make_objects([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], [1, 2], crowd=[0, 1])
    drawn = draw_example(GREY, objects_rel, ("a", "b", "c"), PRIORS_REL, Config())
    assert (drawn == PALETTE[1]).all(axis=2).any()  # the object
    assert not (drawn == PALETTE[2]).all(axis=2).any()  # the crowd is grey, whatever its class
    assert (drawn == PALETTE[15]).all(axis=2).any()


def test_data_show_writes_a_picture(store_root, tmp_path):
    out = tmp_path / "examples.png"
    result = CliRunner().invoke(main, ["data", "show", "tiny", "--count", "2", "--out", str(out), "augment.mirror=1"])
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(out)).shape[1] > 900


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "show", "nothing"], "nothing"),
        (["data", "show", "tiny", "--config", "no-such-preset"], "no-such-preset"),
        (["data", "show", "tiny", "augment.miror=1"], "augment.miror: no such field; did you mean augment.mirror"),
    ],
)
def test_data_show_refuses_bad_input_in_one_line(store_root, tmp_path, arguments, message):
    out = tmp_path / "examples.png"
    result = CliRunner().invoke(main, [*arguments, "--out", str(out)])
    assert result.exit_code == 2
    assert message in result.output
    assert not out.exists()


def captioned(caption):
    return draw_boxes(GREY, np.array([[20, 40, 60, 80]]), [caption], [2])


@pytest.mark.parametrize("letters", ["weißeñÅŁódź", "Краснаяклтй", "κύταρο", "血小板赤い", "한국어", "שלום"])
def test_captions_are_drawn_in_the_letters_of_their_language(letters):
    drawings = {captioned(letter).tobytes() for letter in (*letters, "?")}
    assert len(drawings) == len(set(letters)) + 1  # each looks other than the rest, and than a question mark


def test_a_title_is_drawn_in_the_letters_of_its_language():
    assert (with_title(GREY, "血小板") != with_title(GREY, "???")).any()


@pytest.mark.parametrize(
    ("caption", "same"),
    [
        ("cafe\u0301", "café"),
        ("x\u0302", "x"),
        ("a\ud800b", "a?b"),  # OpenCV crashes on it
        ("a\0b", "a?b"),  # OpenCV draws nothing behind it
        ("a\nb", "a?b"),
        ("\u202eab", "ab"),
        *((f"a{mark}b", "ab") for mark in "\u200e\u200f\u00ad\u200b\u200d\ufeff\ufe0f"),  # invisible everywhere
    ],
)
def test_captions_that_opencv_cannot_draw(caption, same):
    np.testing.assert_array_equal(captioned(caption), captioned(same))


def test_a_caption_in_chinese_lies_within_its_background():
    changed = (captioned("血小板") != captioned("")).any(axis=2)
    ink = (captioned("血小板") == 255).all(axis=2)
    assert ink.any()
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    edge = np.ones_like(changed)
    edge[rows[0] + 1 : rows[-1], columns[0] + 1 : columns[-1]] = False
    assert not (ink & edge).any()
