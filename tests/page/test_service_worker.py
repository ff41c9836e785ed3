"""The service worker of a site, in a real browser: offline, replaced, and apart from its neighbours."""

import os
import time

import pytest

pytest.importorskip("playwright.sync_api", reason="needs the package playwright")

from playwright.sync_api import Error

from multibox.page.service_worker import service_worker
from static_site import CHROMIUM, Visit, blocked_browser, serve_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"needs {CHROMIUM} (Debian's package chromium)"),
]

INDEX = """<!doctype html><title>Site</title><body>{}
<script type="module">
const worker = await navigator.serviceWorker.register("sw.js");
worker.update().catch(() => undefined); // offline
document.body.dataset.ready = "true";
</script>"""


@pytest.fixture(scope="module")
def browser():
    with blocked_browser() as browser:
        yield browser


@pytest.fixture
def visit(browser):
    visit = Visit(browser)
    yield visit
    visit.close()


def write(folder, text, age=0, **changed):
    """A site of three files, changed ``age`` seconds ago: the host's answers tell times in whole seconds.

    ``changed`` says what the host sends in place of what the worker knows.
    """
    then = time.time() - age
    content = {"index.html": INDEX.format(text).encode(), "part/a.txt": b"first " + text.encode()}
    for name, held in {**content, "sw.js": service_worker(content), **changed}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)
        os.utime(path, (then, then))


def asked(page, path):
    return page.evaluate("(path) => fetch(path).then((answer) => answer.text())", path)


def caches_of(page):
    return page.evaluate("caches.keys()")


def test_a_site_that_was_loaded_once_works_without_its_host(tmp_path, visit):
    write(tmp_path, "one")
    with serve_folder(tmp_path) as url:
        visit.open(url)
        visit.wait_until_kept()
    with pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
        visit.context.new_page().goto(f"{url}/other.html")
    visit.open(url)
    assert asked(visit.page, "part/a.txt") == "first one"
    visit.open(f"{url}/index.html?again")
    assert "one" in visit.page.locator("body").inner_text()
    assert all(request.startswith(url) for request in visit.requests)


def test_the_page_may_use_several_threads_from_the_second_load_on(tmp_path, visit):
    write(tmp_path, "one")
    with serve_folder(tmp_path) as url:
        visit.open(url)
        visit.wait_until_kept()
        isolated = visit.page.evaluate("crossOriginIsolated")
        visit.open(url)
        assert (isolated, visit.page.evaluate("crossOriginIsolated")) == (False, True)


def test_a_new_export_replaces_the_old_one_with_all_of_its_files(tmp_path, visit):
    with serve_folder(tmp_path) as url:
        write(tmp_path, "one", age=10)
        visit.open(url)
        visit.wait_until_kept()
        (old,) = caches_of(visit.page)
        write(tmp_path, "two")
        visit.open(url)
        assert asked(visit.page, "part/a.txt") == "first one"  # old page, old files
        visit.wait_until_newer()
        visit.page.reload()
        visit.page.wait_for_selector("text=two")
        assert asked(visit.page, "part/a.txt") == "first two"
        visit.wait_for("caches.keys().then((names) => names.length === 1)")
        assert caches_of(visit.page) != [old]


def test_a_new_export_waits_until_the_old_one_has_answered(tmp_path, visit):
    with serve_folder(tmp_path) as url:
        write(tmp_path, "one", age=10)
        visit.open(url)
        visit.wait_until_kept()
        write(tmp_path, "two")
        visit.open(url)
        visit.wait_until_newer()
        forget = "caches.keys().then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => true)"
        visit.wait_for(forget)
        visit.page.evaluate("() => void fetch('part/a.txt?slow')")
        visit.page.wait_for_timeout(500)
        visit.requests.clear()
        visit.page.reload()
        visit.page.wait_for_selector("text=two")
        asked_for = visit.requests.count(f"{url}/")  # by the page twice, and once by the worker, whose cache is gone
        assert asked_for == 3, "Chromium gives up on a page that reloads itself again and again"


def test_a_file_that_is_not_the_exported_one_is_not_kept(tmp_path, visit):
    write(tmp_path, "one", age=10, **{"part/a.txt": b"half an upload"})
    with serve_folder(tmp_path) as url:
        visit.open(url)
        visit.wait_for("navigator.serviceWorker.getRegistration().then((found) => !found?.installing)")
        assert (
            visit.page.evaluate("navigator.serviceWorker.getRegistration().then((found) => found?.active ?? null)")
            is None
        )
        write(tmp_path, "one")
        visit.open(url)
        visit.wait_until_kept()


def test_sites_of_one_host_do_not_mix(tmp_path, visit):
    write(tmp_path / "a", "one")
    write(tmp_path / "b", "two")
    (tmp_path / "a" / "mine.txt").write_text("not of the site")
    with serve_folder(tmp_path) as url:
        for name in ("a", "b", "a"):
            visit.open(f"{url}/{name}/")
            visit.wait_until_kept()
        assert len(caches_of(visit.page)) == 2
        assert asked(visit.page, "mine.txt") == "not of the site"
        assert asked(visit.page, "../b/part/a.txt") == "first two"
    visit.open(f"{url}/b/")
    assert "two" in visit.page.locator("body").inner_text()
