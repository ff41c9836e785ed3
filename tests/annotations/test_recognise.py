import pytest

from multibox.annotations.formats import createml, csv
from multibox.annotations.recognise import recognise
from multibox.errors import BadInput


def test_a_refusal_gives_the_reasons_of_the_formats_that_have_one(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    monkeypatch.setattr(createml, "why_not", lambda files: f"{files.images[0].name} is not in it", raising=False)
    monkeypatch.setattr(csv, "why_not", lambda files: "", raising=False)
    with pytest.raises(BadInput) as error:
        recognise(tmp_path)
    assert str(error.value) == f"{tmp_path}: no annotations found here among its files (1 image): a.jpg is not in it"
    with pytest.raises(BadInput, match=r"\(1 image\); formats that can be read: CSV$"):
        recognise(tmp_path, "csv")


@pytest.mark.parametrize("name", ["data.lmdb", ".boxes.json"])
def test_a_folder_whose_files_are_left_out_is_not_called_empty(tmp_path, name):
    with pytest.raises(BadInput, match="here, the folder is empty; formats"):
        recognise(tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(BadInput, match="here, as its files are hidden, or a store or run of Multibox; formats"):
        recognise(tmp_path)
