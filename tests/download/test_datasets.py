import inspect
import re
import shlex
import tarfile
from dataclasses import replace

import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.data.build import build
from multibox.download import archive as archive_module
from multibox.download.archive import Archive
from multibox.download.datasets import DATASETS, Dataset
from multibox.download.fetch import LOCK, RemoteFile, fetch


def run(command):
    return CliRunner().invoke(main, shlex.split(command))


@pytest.fixture
def served(site, voc_folder, tmp_path, monkeypatch):
    """The dataset ``toys`` in two archives, as VOC2007 comes; all stores go to a fresh folder."""
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "my stores"))
    monkeypatch.setenv("no_proxy", "*")
    archives = {"pictures": ("JPEGImages",), "rest": ("Annotations", "ImageSets")}
    for name, folders in archives.items():
        with tarfile.open(tmp_path / name, "w") as archive:
            for folder in folders:
                archive.add(voc_folder / folder, f"VOCdevkit/VOC2007/{folder}")
        site.files[f"/{name}.tar"] = (tmp_path / name).read_bytes()
    served = tuple(
        Archive(
            RemoteFile((f"{site.url}/{name}.tar",), size=len(site.files[f"/{name}.tar"])),
            f"VOCdevkit/VOC2007/{folders[0]}",
        )
        for name, folders in archives.items()
    )
    monkeypatch.setitem(
        DATASETS,
        "toys",
        Dataset("toys", served, "VOCdevkit/VOC2007", {"name": "toys", "splits": ("train", "test")}, "none"),
    )
    return tmp_path / "my stores" / "downloads" / "toys"


def test_get_then_build_as_it_says(site, served):
    result = run("data get toys")
    assert result.exit_code == 0, result.output
    assert "pictures.tar: its publisher gives no checksum; only the file's size was verified" in result.stdout
    assert sorted(path.name for path in served.iterdir()) == [
        LOCK,
        "VOCdevkit",
        "pictures.tar.unpacked",
        "rest.tar.unpacked",
    ]
    command = result.stdout.splitlines()[-1].partition("multibox ")[2]
    built = run(command)
    assert built.exit_code == 0, built.output
    assert run("data info toys/train").exit_code == 0


def test_what_is_done_is_not_done_again(site, served):
    assert run("data get toys").exit_code == 0
    assert run("data get toys").exit_code == 0
    assert len(site.ranges) == 2
    (served / "VOCdevkit").rename(served / "elsewhere")
    assert run("data get toys").exit_code == 0
    assert len(site.ranges) == 4


def test_an_unpacking_that_did_not_end_is_done_again(site, served):
    assert run("data get toys").exit_code == 0
    (served / "rest.tar.unpacked").unlink()
    lost = next((served / "VOCdevkit/VOC2007/Annotations").iterdir())
    lost.unlink()
    assert run("data get toys").exit_code == 0
    assert lost.exists()


def test_a_break_is_one_line_and_the_next_call_goes_on(site, served, monkeypatch, tmp_path):
    monkeypatch.setattr(archive_module, "fetch", lambda *args, **options: fetch(*args, **options, waits=()))
    site.most = 5000
    broken = run(f"data get toys --out {tmp_path / 'here'}")
    assert broken.exit_code == 1
    assert re.fullmatch(r"multibox: \S+pictures\.tar: the connection broke.*run the command again.*\n", broken.stderr)
    site.most = None
    assert run(f"data get toys --out {tmp_path / 'here'}").exit_code == 0
    assert site.ranges[1] == "bytes=5000-"


def test_a_hostile_archive_is_one_line(site, served, tmp_path):
    with tarfile.open(tmp_path / "bad", "w") as archive:
        archive.add(tmp_path / "rest", "../../evil")
    content = (tmp_path / "bad").read_bytes()
    site.files["/pictures.tar"] = content
    bad = Archive(RemoteFile((f"{site.url}/pictures.tar",), size=len(content)), "VOCdevkit/VOC2007")
    DATASETS["toys"] = replace(DATASETS["toys"], archives=(bad,))
    result = run("data get toys")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "'../../evil' would lie outside" in result.stderr
    assert not (served.parent / "evil").exists()
    assert not (served / "VOCdevkit").exists()


def test_the_help_has_all_names():
    assert "|".join(DATASETS) in run("data get --help").output


def test_an_unknown_name():
    result = run("data get voc2099")
    assert result.exit_code == 2
    assert "voc2099: no dataset of that name can be downloaded; available: voc2007, voc2012, coco2017" in result.stderr


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_the_table(dataset, tmp_path):
    assert DATASETS[dataset.name] is dataset
    assert dataset.licence
    for file in (archive.file for archive in dataset.archives):
        assert all(re.match(r"https?://[^/]+/\S+\.(tar|tar\.gz|zip)$", url) for url in file.urls)
        assert len({url.rpartition("/")[2] for url in file.urls}) == 1
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|", file.checksum)
    assert dataset.options.keys() <= inspect.signature(build).parameters.keys()
