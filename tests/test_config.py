import pytest
import yaml

from multibox.config import Config, load_config, presets
from multibox.errors import BadInput
from multibox.models.maps import feature_maps
from multibox.priors import make_priors


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_configuration_whose_priors_fit_its_maps(name):
    config = load_config(name)
    assert len(make_priors(feature_maps(config.network), config.priors, config.network.size)) > 1000


def test_the_default_preset_says_what_the_fields_default_to():
    assert load_config() == Config()


def test_the_seeds_schedule():
    train = load_config("ssd300-vgg16-voc0712").train
    assert (train.epochs, train.steps_per_epoch, train.batch, train.milestones) == (12, 10_000, 32, (8, 10))


def test_a_configuration_comes_back_from_its_yaml(tmp_path):
    config = load_config("ssd512-vgg16-voc0712", ["train.seed=7"])
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
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
    with pytest.raises(BadInput, match=r"mine.yaml: extends ssdlite-mobilenetv2, which extends another"):
        load_config(path)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", r"train.epoch: no such field; did you mean train.epochs\?"),
        ("train.epochs=many", r"train.epochs: .*valid integer.*'many'"),
        ("train.epochs=0", r"train.epochs: .*greater than or equal to 1, not 0"),
        ("network.size=[100,300]", r"network.size: needs height and width of at least 128 pixels, not \[100, 300\]"),
        ("network.weights=none", r"network: batch_norm: frozen would freeze fresh statistics; .* set it to trained"),
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
    for text, message in (("- a\n", "holds no fields"), ("a: [\n", "not YAML")):
        path = tmp_path / "other.yaml"
        path.write_text(text)
        with pytest.raises(BadInput, match=f"other.yaml: {message}"):
            load_config(path)


def test_the_command_line_number_1e_3_is_a_number():
    assert yaml.safe_load("1e-3") == "1e-3"
    assert load_config(overrides=["train.lr=1e-3"]).train.lr == 0.001
