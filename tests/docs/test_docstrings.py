import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs Sphinx: make docs")
EXTENSIONS = Path(__file__).parents[2] / "docs" / "extensions"


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("multibox.boxes.iou", True),
        ("multibox.config.Detect", True),
        ("multibox.config.Detect.score", True),
        ("multibox.boxes.iuo", False),
        ("multibox.nothing", False),
    ],
)
def test_a_name_is_in_the_code_or_not(name, there):
    assert load("docstrings").is_there(name) is there


def test_the_source_of_a_function_has_one_line_of_its_docstring():
    file, text = load("chapters").source_of("multibox.boxes.clip")
    assert file.name == "boxes.py"
    assert text.startswith("def clip(")
    assert text.count('"""') == 2
    assert "return np.minimum" in text


def test_a_long_docstring_is_cut_to_its_first_line():
    _, text = load("chapters").source_of("multibox.boxes.iou")
    assert '"""Intersection over union of every box of ``a`` with every box of ``b``."""' in text
    assert "Args:" not in text
    compile(text, "iou", "exec")


def test_an_unknown_function_is_refused():
    with pytest.raises(LookupError, match="iuo"):
        load("chapters").source_of("multibox.boxes.iuo")


def test_links_out_of_the_docs_become_files(tmp_path):
    class Env:
        def doc2path(self, name):
            return str(tmp_path / "docs" / f"{name}.md")

    class App:
        env, srcdir = Env(), str(tmp_path / "docs")

    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "README.md").write_text("")
    text = ["[a](../tests/README.md) [b](../tests/nothing.md) [c](page.md)"]
    load("files").offer_files(App(), "page", text)
    assert text == ["[a](<path:../tests/README.md>) [b](../tests/nothing.md) [c](page.md)"]


def write_script(folder: Path, text: str) -> Path:
    (folder / "chapter.py").write_text(text)
    return folder / "chapter.md"


def test_a_name_that_a_script_does_not_make_is_told_with_its_file(tmp_path):
    chapter = write_script(tmp_path, "there = 1\n")
    with pytest.raises(LookupError, match=r"chapter\.py makes no gone; add it"):
        load("chapters").made_for(str(chapter), "gone")


@pytest.mark.parametrize("text", ["1 / 0\n", "def shown():\n    return {}['gone']\n"])
def test_a_script_that_fails_is_one_line_with_its_file_and_line(tmp_path, text):
    from sphinx.errors import ExtensionError

    chapter = write_script(tmp_path, "\n" + text)
    with pytest.raises(ExtensionError, match=r"chapter\.py:[23]: (ZeroDivision|Key)Error: .*; mend it") as error:
        load("chapters").made_for(str(chapter), "shown")
    assert "\n" not in str(error.value)


def test_an_unknown_package_is_refused():
    with pytest.raises(LookupError, match="no package multibxo"):
        load("chapters").source_of("multibxo.boxes.iou")


def test_a_formula_that_cannot_be_read_stays_as_it_is():
    from docutils import nodes

    assert load("mathml").mathml(nodes.math("", "a < b")).startswith("<math")
    assert load("mathml").mathml(nodes.math("", r"\nothing{a} < b")).endswith("nothing{a} &lt; b")
