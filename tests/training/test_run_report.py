import errno
import os
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.errors import BadInput
from multibox.training.curves import draw_curves
from multibox.training.experiment import Experiment
from multibox.training.live_report import EVERY, LiveReport
from multibox.training.run_log import read_log
from multibox.training.run_report import REFRESH, report_run, write_run_report

LOG = """step,epoch,loss,classification,localisation,positives,lr,images_per_second,data_wait
20,1,9.5,7.0,2.5,8.5,0.0002,19.1,0.0002
30,1,8.5,6.5,2.0,8.0,0.0003,19.5,0.0001
50,2,6.5,5.0,1.5,8.2,0.0004,20.1,0.0801
"""
VALIDATIONS = """epoch,map,map_11point,map_50_95,seconds
1,0.25,0.26,0.11,48.3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "experiments" / "cats"
    run.mkdir(parents=True)
    (run / "log.csv").write_text(LOG)
    (run / "validation.csv").write_text(VALIDATIONS)
    (run / "config.yaml").write_text("train: <b>\n")
    return run


def test_the_page(folder):
    page = write_run_report(Experiment(folder), running=False).read_text()
    assert page.count("<svg role") == 6  # losses, mAP, rate, positives, waiting, images a second
    assert "0.250, epoch 1" in page
    assert "8.01%" in page
    assert "Give the pipeline more workers" in page
    assert "train: &lt;b&gt;" in page
    assert 'http-equiv="refresh"' not in page
    assert [path.name for path in folder.iterdir() if "report" in path.name] == ["report.html"]


def test_a_running_page_looks_for_a_newer_one(folder):
    page = write_run_report(Experiment(folder), running=True).read_text()
    assert f'<meta http-equiv="refresh" content="{REFRESH}">' in page
    assert "Running: step 50, epoch 2; last step at " in page


def test_steps_become_epochs(folder):
    assert read_log(folder / "log.csv")["epoch_at"].tolist() == pytest.approx([2 / 3, 1, 5 / 3])


def test_without_validations(folder):
    (folder / "validation.csv").unlink()
    assert write_run_report(Experiment(folder), running=False).read_text().count("<svg role") == 5


def test_a_line_that_is_just_being_written_is_left_out(folder):
    (folder / "log.csv").write_text(LOG + "60,2,6.")
    assert read_log(folder / "log.csv")["step"].tolist() == [20, 30, 50]


def test_a_damaged_log_is_named(folder):
    (folder / "log.csv").write_text(LOG + "60,2,x,1,1,1,1,1,1\n")
    with pytest.raises(BadInput, match=r"log\.csv: is damaged"):
        report_run("cats")


def test_nothing_written_yet(folder):
    (folder / "log.csv").write_text(LOG.splitlines()[0] + "\n")
    with pytest.raises(BadInput, match=r"log\.csv: the run has not logged a step yet"):
        report_run("cats")


def test_a_live_report_is_written_once_a_minute(folder, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("multibox.training.live_report.time.monotonic", lambda: now[0])
    live = LiveReport(Experiment(folder))
    page = folder / "report.html"
    live.refresh()
    assert not page.exists()
    now[0] += EVERY
    live.refresh()
    page.unlink()
    now[0] += EVERY / 2
    live.refresh()
    assert not page.exists()
    now[0] += EVERY / 2
    (folder / "log.csv").write_text(LOG.splitlines()[0] + "\n")  # nothing to say: no error either
    live.refresh()
    assert not page.exists()


def test_the_curves(folder):
    draw_curves(Experiment(folder))
    svg = ElementTree.parse(folder / "curves.svg").getroot()
    texts = [element.text for element in svg.iter() if element.tag.endswith("text")]
    assert {"Loss per positive prior", "localisation", "Validation mAP", "IoU 0.5 to 0.95", "Learning rate"} <= set(
        texts
    )
    (folder / "validation.csv").unlink()
    draw_curves(Experiment(folder))
    assert "Validation mAP" not in (folder / "curves.svg").read_text()


def test_the_command(folder):
    result = CliRunner().invoke(main, ["report", "cats"])
    assert result.exit_code == 0
    assert result.stdout.strip() == "experiments/cats/report.html"
    assert "Not running" in (folder / "report.html").read_text()
    with Experiment(folder).locked():
        report_run("cats")
    assert "Running" in (folder / "report.html").read_text()
    result = CliRunner().invoke(main, ["report", "dogs"])
    assert result.exit_code == 2
    assert "experiments/dogs: no such run; available: cats" in result.stderr


def test_the_page_says_when_the_last_step_was(folder):
    os.utime(folder / "log.csv", (1_700_000_000, 1_700_000_000))
    assert "last step at 2023-11-14 22:13 UTC" in write_run_report(Experiment(folder), running=True).read_text()


def test_in_the_first_epoch_curves_are_over_steps(folder):
    """Whether 30 steps are an epoch or a tenth of one is not known before the next begins."""
    (folder / "log.csv").write_text("".join(LOG.splitlines(keepends=True)[:3]))
    assert ">step</text>" in write_run_report(Experiment(folder), running=True).read_text()
    (folder / "log.csv").write_text(LOG)
    assert ">step</text>" not in write_run_report(Experiment(folder), running=True).read_text()


def test_a_log_that_is_no_text_is_named(folder):
    (folder / "log.csv").write_bytes(LOG.encode() + b"\xff\xfe,2,1,1,1,1,1,1,1\n")
    with pytest.raises(BadInput, match=r"log\.csv: is damaged"):
        report_run("cats")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), BadInput("log.csv", "is damaged")])
def test_a_run_goes_on_where_its_report_cannot_be_written(folder, monkeypatch, caplog, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("multibox.training.live_report.write_run_report", fail)
    live = LiveReport(Experiment(folder))
    live.write(running=True)
    assert str(error) in caplog.text
    assert (folder / "curves.svg").is_file()  # each is tried on its own
    live.written -= EVERY
    live.refresh()
    live.refresh()  # not tried at every step
    assert caplog.text.count("the run continues") == 2


def test_validations_without_objects(folder):
    (folder / "validation.csv").write_text(VALIDATIONS.splitlines()[0] + "\n1,,,,48.3\n")
    page = write_run_report(Experiment(folder), running=False).read_text()
    assert "nan" not in page
    assert "Best mAP" not in page
