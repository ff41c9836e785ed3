from click.testing import CliRunner

from multibox.cli import main


def test_stores_that_are_built_first_are_reported_as_by_data_build(voc_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTIBOX_DATA", str(tmp_path / "stores"))
    refused_after_the_build = ["train.patience=1", "data.val=[]"]
    result = CliRunner().invoke(main, ["train", "--data", str(voc_folder), *refused_after_the_build])
    assert result.stderr.splitlines()[-1].startswith("multibox: train.patience: ")
    assert (
        "classes: ball, crate; sorted by name, as the data gives no order; set --classes A,B to choose one"
        in result.stderr
    )
    assert "left out: 0; boxes clipped at the edge of their image: 0\n" in result.stdout
