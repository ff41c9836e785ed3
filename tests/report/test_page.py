import re
from html.parser import HTMLParser

import pytest

from multibox.errors import BadInput, RunFailed
from multibox.report.page import Code, Details, Gallery, Image, Section, Shaded, Table, page, save_page

PNG = b"\x89PNG\r\n\x1a\n"
NASTY = "<script>alert(\"x\")</script> & 'y'"


class Tags(HTMLParser):
    """Opened elements in order; fails where one is closed that is not open."""

    VOID = ("meta", "img", "wbr")

    def __init__(self, text):
        super().__init__()
        self.seen, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


def full_page():
    scores = Table([NASTY, "AP"], [[NASTY, 0.91234], ["dog", None], ["cow", 1234]], caption=NASTY)
    image = Image(PNG, alt=NASTY, caption=NASTY)
    parts = [NASTY, scores, Gallery([image, image]), Code(NASTY), Details(NASTY, [NASTY, scores])]
    return page(NASTY, [Section(NASTY, parts), Section("Empty", [])], footer=NASTY)


def test_everything_given_is_escaped_and_every_element_closed():
    tags = Tags(full_page())
    assert tags.of("script") == []
    assert NASTY not in full_page()
    assert tags.of("img")[0]["alt"] == NASTY
    assert [attributes["href"] for attributes in tags.of("a")] == ["#s0", "#s1"]


def test_the_page_asks_no_host():
    sources = re.findall(r'(?:src|href)="([^"]*)"', full_page())
    assert all(source.startswith(("#", "data:image/png;base64,")) for source in sources)
    assert "http" not in full_page().replace("http-equiv", "")
    assert "default-src 'none'" in full_page()


def test_cells():
    text = full_page()
    assert '<td class="number">0.912</td>' in text
    assert '<td class="number">–</td>' in text
    assert '<td class="number">1,234</td>' in text
    assert Table(["a"], []).html().count("<tr>") == 1
    assert "a/<wbr>b &lt;" in Table(["file"], [["a/b <"]]).html()
    shaded = Table(["class", "cat"], [["cat", Shaded(1234, 0.5)], ["dog", Shaded(0, 0.0)]]).html()
    assert 'background:rgb(47 126 216 / 0.50)">1,234</span>' in shaded
    assert '<span class="shaded">0</span>' in shaded


def test_refresh_only_where_asked():
    assert "refresh" not in page("a", [])
    assert '<meta http-equiv="refresh" content="20">' in page("a", [], refresh=20)


def test_saving(tmp_path):
    one, two = page("one", []), page("two", [])
    save_page(tmp_path / "new/report.html", one)
    save_page(tmp_path / "new/report.html", two)
    assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [("report.html", two)]
    with pytest.raises(BadInput, match="is a folder"):
        save_page(tmp_path, "three")


def test_nothing_else_is_written_over(tmp_path):
    other, ours = tmp_path / "notes.html", tmp_path / "check.html"
    other.write_text("<html>mine</html>")
    with pytest.raises(BadInput, match=r"notes\.html: exists, and Multibox did not write it"):
        save_page(other, full_page())
    assert other.read_text() == "<html>mine</html>"
    for _ in range(2):
        save_page(ours, full_page())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["check.html", "notes.html"]


def test_nothing_is_left_where_writing_fails(tmp_path, monkeypatch):
    one, two = page("one", []), page("two", [])
    save_page(tmp_path / "report.html", one)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(RunFailed, match=r"report\.html: cannot be written: No space left"):
        save_page(tmp_path / "report.html", two)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("report.html", one)]
