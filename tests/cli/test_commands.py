import logging
import os
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import multibox
from multibox.cli import main
from multibox.cli.commands import as_options
from multibox.cli.data_make import data_build
from multibox.cli.options import PRESET
from multibox.config_file import DEFAULT_PRESET, load_config
from multibox.errors import BadInput


def test_help_answers_within_three_tenths_of_a_second_when_warm():
    def seconds():  # of the processor, as other tests run beside this one
        began = os.times()
        subprocess.run([sys.executable, "-m", "multibox", "--help"], check=True, stdout=subprocess.DEVNULL)
        ended = os.times()
        return ended.children_user - began.children_user + ended.children_system - began.children_system

    assert min(seconds() for _ in range(5)) < 0.3


def test_help_of_every_command_loads_nothing_heavy():
    heavy = "keras", "tensorflow", "jax", "grain", "cv2", "onnxruntime", "pydantic"
    commands = [name for name in main.commands if name != "data"]
    code = (
        "import sys; from click.testing import CliRunner; from multibox.cli import main\n"
        f"for name in {commands}: assert CliRunner().invoke(main, [name, '--help']).exit_code == 0\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "train.epoch=3"], "multibox: ssdlite-efficientnet: train.epoch: no such field; did you mean"),
        (["train", "--config", "none.yaml"], "multibox: none.yaml: no such configuration; give a YAML file or one of"),
        (["train"], "multibox: data.train: no data to train on; give --data FOLDER or data.train=[NAME/SPLIT]"),
        (["train", "--data", "nowhere"], "multibox: nowhere: no such folder, nor a dataset in"),
    ],
)
def test_bad_input_of_train_is_one_line_and_code_2(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["predict", "--score"], ["predict", "--nms-iou"], ["serve", "--timeout"]])
@pytest.mark.parametrize("number", ["nan", "-1", "1e9"])
def test_a_number_lies_within_its_bounds(arguments, number):
    result = CliRunner().invoke(main, [*arguments, number])
    assert result.exit_code == 2
    assert f"Invalid value for '{arguments[-1]}'" in result.stderr
    assert "is not in the range" in result.stderr


def test_the_public_names_stay_functions_after_their_rooms_are_imported():
    import multibox
    import multibox.evaluation.evaluate
    import multibox.training.train

    assert callable(multibox.train)
    assert callable(multibox.evaluate)
    errors = {"BadInput", "RunFailed", "Stopped"}
    assert set(multibox.__all__) == {"Detections", "Detector", "evaluate", "load", "resume", "track", "train"} | errors
    assert all(issubclass(getattr(multibox, name), Exception) for name in errors)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        multibox.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["none", "imagenet", "weights.pth"])
def test_init_takes_detectors_alone(name):
    result = CliRunner().invoke(main, ["train", "--data", "tiny", "--init", name])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"multibox: --init: {name} is not a detector; give a .keras file")


def options():
    """The name and help of every option of every command."""
    groups = [("multibox", main)]
    while groups:
        path, command = groups.pop()
        yield path, command.help
        groups += [(f"{path} {name}", child) for name, child in getattr(command, "commands", {}).items()]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield f"{path} {parameter.opts[0]}", parameter.help


@pytest.mark.parametrize(("option", "text"), [pytest.param(*pair, id=pair[0]) for pair in options()])
def test_every_help_text_stands_alone(option, text):
    assert text, "there is none"
    assert re.match(r"[A-Z0-9`]", text)
    assert not re.match(r"(Of|To|That|Whose|For|From|By|Where|Who|In|Else|See)\b", text)
    assert text.rstrip().endswith(".")
    assert ";" not in text
    sentences = re.split(r"(?<=[.:]) ", " ".join(text.split()))
    assert all(len(sentence.split()) <= 25 for sentence in sentences), sentences


def test_the_default_configuration_of_the_commands_is_the_librarys():
    assert PRESET == DEFAULT_PRESET


def test_init_takes_a_name_as_it_is(monkeypatch):
    """And not as YAML, where # begins a comment and [ a list."""
    names, given = ["best #2.keras", "[a].keras", "runs: x.keras", "né.keras"], []

    def load(config, overrides):
        given.append(load_config(config, overrides).network.weights)
        raise BadInput("name", "is taken")

    monkeypatch.setattr("multibox.config_file.load_config", load)
    for name in names:
        CliRunner().invoke(main, ["train", "--init", name])
    assert given == names


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("exists already; set replace=True", "exists already; set --replace"),
        ("damaged; or set on_bad='skip' or on_bad=\"skip\".", "damaged; or set --on-bad skip or --on-bad skip."),
        ("set data=FOLDER or data.train=[NAME/SPLIT]", "set data=FOLDER or data.train=[NAME/SPLIT]"),
        ("continue with multibox.resume('a-2')", "continue with multibox train --resume a-2"),
        ("x.name=1 is a field, and sources=x an argument", "x.name=1 is a field, and sources=x an argument"),
        ("set name=b.c.", "set --name b.c."),
        ('rename="stop sign=Stop Sign" joins them', "--rename 'stop sign=Stop Sign' joins them"),
        ('rename="Red=red,dog\'s=$dog" joins', "--rename 'Red=red,dog'\"'\"'s=$dog' joins"),
        ("continue with multibox.resume('my run')", "continue with multibox train --resume 'my run'"),
    ],
)
def test_settings_in_a_message_become_options_of_the_command(said, shown):
    assert as_options(data_build, said) == shown


def test_a_value_in_an_option_of_one_command_is_no_setting_of_another():
    """The shell reads back the value that the library wrote."""
    shown = as_options(main.commands["predict"], 'rename="my name=My Name"', data_build)
    assert shlex.split(shown) == ["--rename", "my name=My Name"]


def test_parameters_are_named_in_python_and_options_in_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"^data\.train: .*data=FOLDER or data\.train="):
        multibox.train()
    assert (
        "data.train: no data to train on; give --data FOLDER or data.train="
        in CliRunner().invoke(main, ["train"]).stderr
    )


def test_what_the_library_logs_is_shown_on_stderr(monkeypatch, caplog):
    """The logger is as before afterwards: a program that calls a command keeps its own logging."""
    log = logging.getLogger("multibox.training.fit")

    def load(config, overrides):
        log.info("starts from 100%s")
        log.warning("a checkpoint is damaged")
        log.debug("hidden")
        raise BadInput("name", "is taken")

    monkeypatch.setattr("multibox.config_file.load_config", load)
    for _ in range(2):
        result = CliRunner().invoke(main, ["train"])
        assert result.stderr.splitlines() == [
            "starts from 100%s",
            "warning: a checkpoint is damaged",
            "multibox: --name: is taken",
        ]
    log.warning("seen by the program")
    assert [record.message for record in caplog.records] == ["seen by the program"]


def test_a_file_called_like_an_option_stays_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["data", "build", "images", "--name", "x"])
    assert result.exit_code == 2
    assert result.stderr.startswith("multibox: images: ")


@pytest.mark.parametrize("path", ["runs/score=0.5/x.jpg", "http://h/x.jpg?score=1", "C:\\runs\\score=8\\x.jpg"])
def test_paths_in_messages_stay_as_they_are(path):
    command = main.commands["predict"]
    text = f"1 of 2 images could not be read: {path}: not an image"
    assert as_options(command, text) == text
    assert as_options(command, "too many boxes; set score=0.5") == "too many boxes; set --score 0.5"


def test_a_message_about_a_name_with_a_line_break_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two\nlines\x1b[31m.yaml").write_text("- a\n")
    result = CliRunner().invoke(main, ["data", "check", "x", "--config", "two\nlines\x1b[31m.yaml"])
    assert result.exit_code == 2
    assert result.stderr.startswith("multibox: two\\nlines\\x1b[31m.yaml: holds no fields")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("data", "check"), ("data", "build", "--name", "x"), ("data", "info"), ("info",)])
def test_a_name_that_is_too_long_for_a_file_is_bad_input(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [*words, "x" * 300])
    assert result.exit_code == 2
    assert result.stderr.startswith("multibox: ")
    assert result.stderr.count("\n") == 1
