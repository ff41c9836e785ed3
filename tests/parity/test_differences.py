"""docs/differences.md names fields that exist, with values that they take."""

import re
from pathlib import Path

import pytest

from multibox.config import Config
from multibox.config_file import load_config

TEXT = (Path(__file__).parents[2] / "docs" / "differences.md").read_text("utf-8")
SPANS = [span.split() for span in re.findall(r"`([^`]+)`", TEXT)]
FIELD = re.compile(r"(network|priors|data|augment|match|loss|train|detect)\.[a-z_.0-9]+")
SETTINGS = [span for span in SPANS if all("=" in word and FIELD.match(word) for word in span)]
NAMES = [span[0] for span in SPANS if len(span) == 1 and FIELD.fullmatch(span[0])]


@pytest.mark.parametrize("settings", SETTINGS, ids=" ".join)
def test_settings_are_taken(settings):
    preset = "ssd512-vgg16-voc0712" if "35.84" in settings[0] else "ssd300-vgg16-voc0712"
    config = load_config(preset, settings)
    assert all(_get(config, word.partition("=")[0]) is not None for word in settings)


@pytest.mark.parametrize("name", NAMES)
def test_names_exist(name):
    _get(Config(), name)


def test_the_page_names_some():
    assert len(SETTINGS) > 30
    assert len(NAMES) > 2


def _get(config, name):
    for part in name.split("."):
        config = getattr(config, part)
    return config
