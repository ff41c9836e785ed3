"""The page's files over HTTP: what is served, and nothing else."""

from posixpath import dirname

import pytest

pytest.importorskip("fastapi", reason="needs multibox[serve]")

from multibox.page.files import references, server_page
from served import assert_refused


def test_every_file_that_the_page_refers_to_is_served_and_no_other(colors):
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    waiting, seen = ["index.html"], set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = colors.get(f"/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(kinds[path.rpartition(".")[2]]), path
        waiting += references(path, answer.text)
    assert seen == set(server_page())
    assert {dirname(path).partition("/")[0] for path in seen} == {"", "try", "explain", "dataset", "shared", "server"}


def test_the_page_is_its_index(colors):
    assert colors.get("/").content == colors.get("/index.html").content == server_page()["index.html"]


@pytest.mark.parametrize(
    "path",
    [
        "/shared",
        "/shared/none.js",
        "/shared/api.d.ts",
        "/local/main.js",
        "/none/dom.js",
        "/shared/dom",
        "/try/../../app.py",
        "/try/%2e%2e/app.py",
    ],
)
def test_other_paths_are_not_found(colors, path):
    assert_refused(colors.get(path), 404, "not-found")


def test_the_pages_routes_leave_those_of_the_interface_alone(colors):
    assert colors.get("/v1/detect").status_code == 405
    assert colors.post("/shared/dom.js").status_code == 405
