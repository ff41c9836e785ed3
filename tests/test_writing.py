import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from multibox.errors import BadInput, RunFailed
from multibox.writing import (
    MARKER,
    Kind,
    Unfinished,
    check_file,
    check_folder,
    first_free,
    is_own_file,
    locked,
    new_file,
    new_folder,
    note,
    numbered,
)

REPORT = Kind("report")
DATASET = Kind("dataset", on_request=True)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write_report(path, text="first", **options):
    with new_folder(path, REPORT, **options) as new:
        (new / "page.html").write_text(text)
        (new / "images").mkdir()
        (new / "images" / "1.png").write_text(text)


def write_list(path, text="first", **options):
    with new_file(path, REPORT, **options) as new:
        new.write_text(text)


def test_a_file_and_what_belongs_to_it(tmp_path):
    (tmp_path / "model.xml").write_text("old")
    with new_file(tmp_path / "model.xml") as new:
        assert new.name == "model.xml"
        new.write_text("new")
        new.with_suffix(".bin").write_text("weights")
        assert (tmp_path / "model.xml").read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"model.xml": "new", "model.bin": "weights"}


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    with new_file(tmp_path / ("x" * 255)) as new:
        new.write_text("long")
    assert names(tmp_path) == ["x" * 255]


def test_files_and_folders_have_the_usual_permissions(tmp_path):
    write_report(tmp_path / "report")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/file").write_text("")
    assert (tmp_path / "report").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "report/page.html").stat().st_mode == (tmp_path / "plain/file").stat().st_mode


def test_nothing_remains_of_what_failed(tmp_path):
    (tmp_path / "model").write_text("old")
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "model") as new:
        new.write_text(str(1 / 0))
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "deep" / "er" / "report", REPORT) as new:
        (new / "page.html").write_text(str(1 / 0))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_file_without_a_with_block(tmp_path):
    for end in (Unfinished.discard, Unfinished.finish):
        unfinished = Unfinished(tmp_path / "new" / "log")
        unfinished.path.write_text("line")
        assert not (tmp_path / "new" / "log").exists()
        end(unfinished)
    assert names(tmp_path / "new") == ["log"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
def test_a_full_disk_is_an_error_that_names_the_file(tmp_path):
    with (
        pytest.raises(RunFailed, match=r"list\.json: cannot be written: No space left on device; make room"),
        new_file(tmp_path / "list.json"),
        open("/dev/full", "w") as full,
    ):
        full.write("x")
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match=r"file/list\.json: cannot be written: "), new_file(tmp_path / "file/list.json"):
        pass
    with pytest.raises(BadInput, match=r"folder: cannot be written: "), new_file(tmp_path / "folder") as new:  # noqa: PT012
        new.write_text("new")
        (tmp_path / "folder").mkdir()
    assert names(tmp_path) == ["file", "folder"]


def test_other_errors_of_the_system_are_not_taken_for_errors_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.jpg"), new_file(tmp_path / "list.json") as new:
        new.write_bytes((tmp_path / "missing.jpg").read_bytes())


KILLED = """
import os, signal, sys
from pathlib import Path
from multibox.writing import Scratch, new_file, new_folder, Kind
target = Path(sys.argv[1])
if sys.argv[2] == "between":
    Path.rename = lambda self, to, rename=Path.rename: (
        os.kill(os.getpid(), signal.SIGKILL) if self.parent.parent == target.parent else rename(self, to)
    )
with new_folder(target, Kind("report")) as new:
    (new / "page.html").write_text("second")
    if sys.argv[2] == "while":
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "wait":
        print("ready", flush=True)
        sys.stdin.read()
"""


def start(target, when):
    command = [sys.executable, "-c", KILLED, str(target), when]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("when", ["while", "between"])
def test_what_a_killed_process_left_is_cleared_up_by_the_next(tmp_path, when):
    """Killed while it wrote, or after the old folder was put aside and before the new one took its place."""
    write_report(tmp_path / "at work" / "report")
    assert start(tmp_path / "at work" / "report", when).wait() == -signal.SIGKILL
    after = tmp_path / "later"
    (tmp_path / "at work").rename(after)  # a folder in which this process has not looked yet
    assert ("report" in names(after)) == (when == "while")
    assert len(list(after.glob(".multibox-*"))) == 1
    write_list(after / "list.json")
    assert names(after) == [MARKER, "list.json", "report"]
    assert (after / "report/page.html").read_text() == "first"


def test_what_another_process_is_writing_stays(tmp_path):
    busy = start(tmp_path / "report", "wait")
    assert busy.stdout.readline() == "ready\n"
    with new_file(tmp_path / "other") as new:
        new.write_text("")
    busy.communicate("")
    assert busy.returncode == 0
    assert names(tmp_path) == ["other", "report"]


def test_what_multibox_wrote_is_replaced(tmp_path):
    for text in ("first", "second"):
        write_report(tmp_path / "report", text)
        write_list(tmp_path / "list.json", text)
    assert names(tmp_path) == [MARKER, "list.json", "report"]
    assert names(tmp_path / "report") == [MARKER, "images", "page.html"]
    assert (tmp_path / "report/images/1.png").read_text() == "second"
    assert (tmp_path / "list.json").read_text() == "second"


def test_an_empty_folder_is_free(tmp_path):
    (tmp_path / "report").mkdir()
    write_report(tmp_path / "report")
    assert (tmp_path / "report" / MARKER).is_file()


@pytest.mark.parametrize("changed", ["page.html", "images/1.png", "images/2.png"])
def test_a_folder_that_was_changed_is_replaced_only_on_request(tmp_path, changed):
    write_report(tmp_path / "report")
    (tmp_path / "report" / changed).write_text("corrected by hand")
    with pytest.raises(BadInput, match="report: was changed since Multibox wrote it"):
        write_report(tmp_path / "report", "second")
    assert (tmp_path / "report" / changed).read_text() == "corrected by hand"
    write_report(tmp_path / "report", "second", replace=True)
    assert (tmp_path / "report/images/1.png").read_text() == "second"


@pytest.mark.parametrize("replace", [False, True])
def test_a_folder_that_holds_something_else_is_never_replaced(tmp_path, replace):
    write_report(tmp_path / "report")
    (tmp_path / "report" / "notes.txt").write_text("mine")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("mine")
    with new_folder(tmp_path / "other", DATASET) as new:
        (new / "train").write_text("")
    for name in ("photos", "other"):
        with pytest.raises(BadInput, match=f"{name}: is not empty, and holds no report of Multibox"):
            write_report(tmp_path / name, "second", replace=replace)
    with pytest.raises(BadInput, match=r"report: holds notes\.txt, which Multibox did not write"):
        write_report(tmp_path / "report", "second", replace=replace)
    assert (tmp_path / "report/page.html").read_text() == "first"


def test_a_folder_that_was_changed_while_it_was_written_anew_stays(tmp_path):
    write_report(tmp_path / "report")
    with pytest.raises(BadInput, match="holds notes"), new_folder(tmp_path / "report", REPORT):
        (tmp_path / "report" / "notes").write_text("mine")
    assert names(tmp_path / "report") == [MARKER, "images", "notes", "page.html"]
    assert names(tmp_path) == ["report"]


@pytest.mark.parametrize("there", ["a file of somebody else", "a changed file", "a link"])
def test_a_file_of_somebody_else_is_replaced_only_on_request(tmp_path, there):
    target = tmp_path / "list.json"
    if there == "a changed file":
        write_list(target)
    if there == "a link":
        (tmp_path / "mine").write_text("mine")
        target.symlink_to(tmp_path / "mine")
    else:
        target.write_text("mine")
    reason = "was changed since Multibox wrote it" if there == "a changed file" else "exists, and Multibox did not"
    with pytest.raises(BadInput, match=rf"list\.json: {reason}.*; give another name, or set replace=True"):
        write_list(target)
    assert target.read_text() == "mine"
    write_list(target, "second", replace=True)
    assert target.read_text() == "second"
    assert not (tmp_path / "mine").exists() or (tmp_path / "mine").read_text() == "mine"


def test_a_file_that_says_itself_whose_it_is_needs_no_marker(tmp_path):
    page = Kind("page", is_own=lambda path: "multibox" in path.read_text())
    for text in ("by multibox", "by multibox again"):
        with new_file(tmp_path / "page.html", page) as new:
            new.write_text(text)
    assert names(tmp_path) == ["page.html"]
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(BadInput, match=r"page\.html: exists"):
        check_file(tmp_path / "page.html", page)


def test_what_an_earlier_version_wrote_is_recognized_by_its_content(tmp_path):
    earlier = Kind("report", is_own=lambda folder: names(folder) == ["page.html"])
    (tmp_path / "report").mkdir()
    (tmp_path / "report/page.html").write_text("0.1.0")
    check_folder(tmp_path / "report", earlier)
    with pytest.raises(BadInput, match="is not empty, and holds no report"):
        check_folder(tmp_path / "report", REPORT)


def test_a_dataset_is_replaced_only_on_request(tmp_path):
    def write(**options):
        with new_folder(tmp_path / "pets", DATASET, **options) as new:
            (new / "train").write_text("images")

    write()
    with pytest.raises(BadInput, match="pets: exists already"):
        write()
    write(replace=True)


def test_a_file_and_a_folder_never_replace_each_other(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="folder: is a folder; give the name of a file"):
        write_list(tmp_path / "folder", replace=True)
    with pytest.raises(BadInput, match="file: is not a folder"):
        write_report(tmp_path / "file", replace=True)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_link_to_a_folder_is_followed(tmp_path, is_there):
    if is_there:
        (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_report(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == [MARKER, "images", "page.html"]


def test_a_damaged_marker_says_nothing(tmp_path):
    write_list(tmp_path / "list.json")
    for text in ("", "[]", '{"kind": "report"}', '{"kind": "report", "wrote": []}'):
        (tmp_path / MARKER).write_text(text)
        assert not is_own_file(tmp_path / "list.json", REPORT)


def test_names_to_try():
    tried = numbered("run")
    assert [next(tried) for _ in range(3)] == ["run", "run-2", "run-3"]
    assert next(numbered("run", after=3)) == "run-4"


def test_the_next_free_name_is_taken_where_multibox_chooses_it(tmp_path):
    def check(path):
        check_file(path, REPORT)

    assert first_free(tmp_path, "list", ".json", check) == tmp_path / "list.json"
    (tmp_path / "list.json").write_text("mine")
    write_list(tmp_path / "list-2.json")
    assert first_free(tmp_path, "list", ".json", check) == tmp_path / "list-2.json"
    (tmp_path / "list-2.json").write_text("corrected by hand")
    assert first_free(tmp_path, "list", ".json", check) == tmp_path / "list-3.json"


HOLD = """
import sys
from pathlib import Path
from multibox.writing import locked
with locked(Path(sys.argv[1]), RuntimeError("busy")):
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_lock_keeps_others_out_until_its_process_ends_however_it_ends(tmp_path):
    busy = BadInput("run", "another process is at it")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "ready\n"
    before = time.monotonic()
    with pytest.raises(BadInput, match="another process is at it"), locked(tmp_path / ".lock", busy):
        pass
    assert time.monotonic() - before < 1
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / ".lock", busy), pytest.raises(BadInput), locked(tmp_path / ".lock", busy):
        pass
    with locked(tmp_path / ".lock", busy):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_lock_is_also_held_against_a_fork(tmp_path):
    with locked(tmp_path / ".lock", BadInput("run", "busy")):
        child = os.fork()
        if child == 0:
            try:
                with locked(tmp_path / ".lock", BadInput("run", "busy")):
                    os._exit(0)
            except BadInput:
                os._exit(3)
            finally:
                os._exit(4)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def test_a_folder_that_does_not_exist_cannot_be_locked(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BadInput, match=r"file/\.lock: cannot be written"),
        locked(tmp_path / "file" / ".lock", BadInput("run", "busy")),
    ):
        pass


def test_what_lies_beside_the_content_of_a_folder_does_not_go_with_it(tmp_path):
    """Such as detections that were saved into the folder of a report."""
    folder = tmp_path / "report"
    with new_folder(folder, REPORT) as new:
        (new / "page.html").write_text("page")
    with new_file(folder / "found.json") as new:
        new.write_text("[]")
    note(folder / "found.json")
    with pytest.raises(BadInput, match=r"holds found\.json, which Multibox did not write"):
        check_folder(folder, REPORT)
    assert is_own_file(folder / "found.json", Kind("detections"))


def test_an_empty_folder_is_filled_and_not_exchanged(tmp_path):
    """It may be the working folder of a shell, or the place of a mounted disk."""
    folder = tmp_path / "empty"
    folder.mkdir()
    before = folder.stat().st_ino
    with new_folder(folder, REPORT) as new:
        (new / "page.html").write_text("page")
    assert folder.stat().st_ino == before
    assert (folder / "page.html").read_text() == "page"
