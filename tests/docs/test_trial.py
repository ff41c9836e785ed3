"""The site to try the bundled detector, which `make docs` puts beside the pages."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from multibox.errors import RunFailed

pytest.importorskip("sphinx")
EXTENSION = Path(__file__).parents[2] / "docs" / "extensions" / "trial.py"


@pytest.fixture
def trial():
    spec = importlib.util.spec_from_file_location("trial", EXTENSION)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def app_of(folder, kind="html"):
    return SimpleNamespace(builder=SimpleNamespace(format=kind), outdir=folder, tags=set())


def test_pages_with_the_site_say_so(trial, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(trial, "export", lambda model, kind, out: made.append((model, kind, out)))
    app = app_of(tmp_path)
    trial.make_site(app)
    assert made == [("voc20", "web", tmp_path / "try")]
    assert app.tags == {"trial"}


def test_without_npm_a_line_says_so_and_the_pages_are_built(trial, tmp_path, monkeypatch, capsys):
    def refuse(*_):
        raise RunFailed("npm pack: no network")

    monkeypatch.setattr(trial, "export", refuse)
    app = app_of(tmp_path)
    trial.make_site(app)
    assert app.tags == set()
    assert capsys.readouterr().err == "docs: built without the site to try the detector: npm pack: no network\n"


def test_other_builders_make_no_site(trial, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "export", lambda *_: pytest.fail("a site for a builder without pages"))
    trial.make_site(app_of(tmp_path, "latex"))
