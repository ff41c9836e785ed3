import pytest
import yaml

from multibox.config import Config
from multibox.config_file import load_config, presets, to_yaml
from multibox.errors import BadInput
from multibox.models.maps import network_priors


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_configuration_whose_priors_fit_its_maps(name):
    config = load_config(name)
    assert len(network_priors(config.network, config.priors)) > 1000


def test_the_default_preset_says_what_the_fields_default_to():
    assert load_config() == Config()


def test_the_schedule_of_the_five_scripts():
    train = load_config("ssd300-vgg16-voc0712").train
    assert (train.epochs, train.steps_per_epoch, train.batch, train.milestones) == (12, 10_000, 32, (8, 10))


VOC_PRESETS = [name for name in presets() if "voc" in name]


@pytest.mark.parametrize("name", VOC_PRESETS)
def test_the_papers_numbers(name):
    config, large = load_config(name), name.startswith("ssd512")
    train, augment = config.train, config.augment
    assert (train.optimizer, train.lr, train.momentum, train.weight_decay) == ("sgd", 1e-3, 0.9, 5e-4)
    assert (train.bias_lr, train.trunk_lr, train.schedule, train.batch) == (2, 1, "step", 32)
    assert (augment.expand.ratio, augment.expand.probability, augment.mirror, augment.crop.trials) == (4, 0.5, 0.5, 50)
    assert augment.crop.min_iou == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert (augment.distort.brightness, augment.distort.hue, augment.distort.contrast) == (32, 18, (0.5, 1.5))
    assert config.priors.variances == (0.1, 0.1, 0.2, 0.2)
    assert config.priors.sizes == (
        (35, 76, 153, 230, 307, 384, 460, 537) if large else (30, 60, 111, 162, 213, 264, 315)
    )
    ratios = [(2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)] if large else [(2,), *[(2, 3)] * 3, (2,), (2,)]
    assert config.priors.ratios == tuple(ratios)
    assert (config.loss.negatives, config.match.iou, config.detect.nms_iou, config.detect.score) == (3, 0.5, 0.45, 0.01)
    assert config.data.val == ("voc07/test",)
    assert config.data.train == (("voc07/trainval", "voc12/trainval") if "0712" in name else ("voc07/trainval",))


@pytest.mark.parametrize("name", VOC_PRESETS)
def test_what_the_paper_does_not_do_is_off(name):
    augment = load_config(name).augment
    beyond = (augment.mosaic, augment.mixup, augment.affine, augment.cutout, augment.clahe, augment.blur, augment.noise)
    assert not any(section.probability for section in beyond)


MODERN = "ssdlite-efficientnet-modern"


@pytest.mark.parametrize("name", [name for name in presets() if name != MODERN])
def test_presets_keep_the_papers_losses_matching_and_network(name):
    config = load_config(name)
    assert (config.loss.classes, config.loss.boxes, config.loss.activation) == ("softmax", "smooth_l1", "softmax")
    assert not config.loss.sees_boxes
    assert (config.match.method, config.network.neck) == ("threshold", "none")


def test_the_modern_recipe_is_the_default_and_its_switches():
    """Each of which differs from the default, but the schedule."""
    config = load_config(MODERN)
    assert (config.network.neck, config.match.method) == ("fpn", "atss")
    assert (config.loss.classes, config.loss.boxes, config.loss.box_weight) == ("varifocal", "giou", 2)
    assert (config.augment.mosaic.probability, config.augment.mosaic.until) == (0.5, 0.9)
    assert (config.train.schedule, config.train.ema) == ("cosine", 0.999)
    switches = {"network": "neck", "match": "method", "loss": "classes boxes box_weight", "train": "ema"}
    without = {
        f"{section}.{field}": getattr(getattr(Config(), section), field)
        for section, fields in switches.items()
        for field in fields.split()
    }
    assert load_config(MODERN, without | {"augment.mosaic.probability": 0, "augment.mosaic.until": 1}) == Config()


@pytest.mark.parametrize(
    ("classes", "boxes", "activation", "sees_boxes"),
    [
        ("softmax", "giou", "softmax", True),
        ("focal", "smooth_l1", "sigmoid", False),
        ("varifocal", "smooth_l1", "sigmoid", True),
        ("focal", "ciou", "sigmoid", True),
    ],
)
def test_what_a_loss_asks_for(classes, boxes, activation, sees_boxes):
    loss = load_config(overrides=[f"loss.classes={classes}", f"loss.boxes={boxes}"]).loss
    assert (loss.activation, loss.sees_boxes) == (activation, sees_boxes)


def test_an_augmentation_is_asked_for_by_name():
    augment = load_config(overrides=["augment.blur.probability=0.1", "augment.affine.scale=[0.5, 3]"]).augment
    assert (augment.blur.probability, augment.affine.scale, augment.affine.probability) == (0.1, (0.5, 3), 0)


@pytest.mark.parametrize(
    ("text", "tiles"),
    [("none", "none"), ("0", "none"), ("auto", "auto"), ("640", 640), ("640.0", 640), ("0.25", 0.25), ("64", 64)],
)
def test_the_size_of_tiles_comes_back_from_yaml(tmp_path, text, tiles):
    config = load_config(overrides=[f"data.tiles={text}"])
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    again = load_config(path).data.tiles
    assert (config.data.tiles, again, type(again)) == (tiles, tiles, type(tiles))


def test_a_configuration_comes_back_from_its_yaml(tmp_path):
    config = load_config("ssd512-vgg16-voc0712", ["train.seed=7"])
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    assert load_config(path) == config


def test_a_file_extends_a_preset_and_the_command_line_overrides_both(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: ssd300-vgg16-voc07\ntrain: {epochs: 3, lr: 1e-2}\n")
    config = load_config(path, ["train.epochs=4", "network.size=[200, 400]"])
    assert (config.train.epochs, config.train.lr, config.train.batch) == (4, 0.01, 32)
    assert config.network.size == (200, 400)
    assert load_config(path, {"train.epochs": 5}).train.epochs == 5


def test_it_extends_one_level_only(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: ssdlite-mobilenetv2\n")
    with pytest.raises(BadInput, match=r"mine.yaml: extends ssdlite-mobilenetv2, which itself extends another"):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", r"train.epoch: no such field; did you mean train.epochs\?"),
        ("train.epochs=many", r"train.epochs: .*valid integer.*'many'"),
        ("train.epochs=0", r"train.epochs: .*greater than or equal to 1, not 0"),
        ("network.size=[100,300]", r"network.size: needs height and width from 128 to 4096 pixels, not \[100, 300\]"),
        (
            "network.weights=none",
            r"network: batch_norm: frozen would keep untrained statistics; .* set batch_norm to trained",
        ),
        ("network.peer.ssdlite=lufficc", r"network: peer.ssdlite: lufficc needs trunk=mobilenet_v2"),
        ("network.peer.tail=reduced", r"network: peer.tail: reduced needs trunk=mobilenet_v3_large"),
        ("data.tiles=63", r"data.tiles: must be none, auto, whole pixels from 64 on, or a share .* 0 and 1, not 63"),
        ("data.tiles=640.5", r"data.tiles: must be none, auto, whole pixels"),
        ("data.tiles=true", r"data.tiles: cannot be true or false"),
        ("data.tiles=2x3", r"data.tiles: must be none, auto, whole pixels"),
        ("data.empty_tiles=1", r"data.empty_tiles: .*less than 1"),
        ("data.tile_visible=0", r"data.tile_visible: .*greater than 0"),
        ("priors.at=0", r"priors.at: .*greater than 0, not 0"),
        ("priors.variances=[0.1,0.1,0,0.2]", r"priors.variances.2: .*greater than 0"),
        ("augment.crop.scale=[0.9,0.3]", r"augment.crop.scale: must be two numbers, the smaller one first"),
        ("augment.crop.scale=[0.9,3]", r"augment.crop.scale.1: .*less than or equal to 1"),
        ("augment.mosaic.center=[0,0.5]", r"augment.mosaic.center.0: .*greater than 0"),
        ("augment.mixup.alpha=0.2", r"augment.mixup.alpha: .*greater than or equal to 1"),
        ("augment.affine.shear=45", r"augment.affine.shear: .*less than 45"),
        ("augment.affine.scale=[0,1]", r"augment.affine.scale.0: .*greater than 0"),
        ("augment.cutout.holes=0", r"augment.cutout.holes: .*greater than or equal to 1"),
        ("augment.blur.sigma=[2,1]", r"augment.blur.sigma: must be two numbers, the smaller one first"),
        ("augment.clahe.clip=[0,2]", r"augment.clahe.clip.0: .*greater than 0"),
        ("augment.noise.sigma=[-1,2]", r"augment.noise.sigma.0: .*greater than or equal to 0"),
        ("loss.classes=focal_loss", r"loss.classes: .*'softmax', 'focal' or 'varifocal', not 'focal_loss'"),
        ("match.candidates=0", r"match.candidates: .*greater than or equal to 1"),
        ("network.neck=pan", r"network.neck: .*'none' or 'fpn'"),
        ("train.lr=.inf", r"train.lr: .*finite number"),
        ("network.size=[128,5000]", r"network.size: needs height and width from 128 to 4096 pixels, not \[128, 5000\]"),
        ("priors.offset=1e308", r"priors.offset: .*less than or equal to 1000000000"),
        (f"priors.ratios=[{[2.0] * 13}]", r"priors.ratios.0: .*at most 12 items"),
        ("priors.sizes=[1e300]", r"priors.sizes.0: .*less than or equal to 1000000000"),
        ("augment.distort.hue=.nan", r"augment.distort.hue: .*finite number"),
        ("augment.expand.ratio=0.5", r"augment.expand.ratio: .*greater than or equal to 1"),
        ("augment.expand.ratio=1e10", r"augment.expand.ratio: .*less than or equal to 1000000000"),
        ("augment.flip=true", r"augment.flip: cannot be true or false; write a number or a name, not True"),
        ("train.batch=true", r"train.batch: cannot be true or false"),
        ("augment.crop.scale=[true,1]", r"augment.crop.scale: cannot be true or false"),
        ("train.milestones=[-5]", r"train.milestones.0: .*greater than or equal to 1"),
        ("train.seed=99999999999", r"train.seed: .*less than 4294967296"),
        ("train.epochs", r"train.epochs: write a field and its value as dotted.name=value"),
        ("train.epochs=[", r"train.epochs: the value '\[' is not YAML"),
    ],
)
def test_a_wrong_field_or_value_is_one_line_that_names_it(override, message):
    with pytest.raises(BadInput, match=message) as error:
        load_config(overrides=[override])
    assert "\n" not in str(error.value)


def test_what_is_no_configuration_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"none.yaml: no such configuration; give a YAML file or one of ssd300-resnet50"):
        load_config("none.yaml")
    deep = "a: " + "[" * 1000 + "]" * 1000
    for text, message in (
        (b"- a\n", "holds no fields"),
        (b"a: [\n", "not YAML"),
        (b"a: 2001-13-45\n", "not YAML: month must be in 1..12"),
        (b"train:\n  loss: caf\xe9\n", r"is not UTF-8 text \(byte 18\); save it as UTF-8"),
        (deep.encode(), "its values are nested too deeply"),
        (b"extends: " + b"x" * 5000, "xxxx.*no such configuration"),
    ):
        path = tmp_path / "other.yaml"
        path.write_bytes(text)
        with pytest.raises(BadInput, match=message):
            load_config(path)


def test_a_byte_order_mark_is_no_part_of_a_configuration(tmp_path):
    (tmp_path / "mine.yaml").write_text("train: {epochs: 3}\n", "utf-8-sig")
    assert load_config(tmp_path / "mine.yaml").train.epochs == 3


def test_the_command_line_number_1e_3_is_a_number():
    assert yaml.safe_load("1e-3") == "1e-3"
    assert load_config(overrides=["train.lr=1e-3"]).train.lr == 0.001
