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
    assert str(error.value) == f"{tmp_path}: no annotations found here among its files (1 images): a.jpg is not in it"
    with pytest.raises(BadInput, match=r"\(1 images\); formats that can be read: CSV$"):
        recognise(tmp_path, "csv")
