import pytest

from multibox.beside import beside


def test_a_file_and_what_belongs_to_it(tmp_path):
    (tmp_path / "model.xml").write_text("old")
    with beside(tmp_path / "model.xml") as partial:
        assert partial.name == "model.xml"
        partial.write_text("new")
        partial.with_suffix(".bin").write_text("weights")
        assert (tmp_path / "model.xml").read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"model.xml": "new", "model.bin": "weights"}


def test_a_folder(tmp_path):
    out = tmp_path / "new" / "model"
    for text in ("one", "two"):
        with beside(out) as partial:
            partial.mkdir()
            (partial / text).write_text(text)
    assert [path.name for path in out.iterdir()] == ["two"]
    assert [path.name for path in out.parent.iterdir()] == ["model"]


def test_nothing_stays_of_what_failed(tmp_path):
    (tmp_path / "model").write_text("old")
    with pytest.raises(OSError, match="full"), beside(tmp_path / "model") as partial:  # noqa: PT012
        partial.write_text("new")
        raise OSError("full")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
