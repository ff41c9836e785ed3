"""Who may ask, from where, and what browsers are told."""

import httpx
import pytest

from multibox.serve.settings import Settings
from served import as_file, assert_refused, client_of


def test_every_answer_has_the_headers(colors, picture):
    answers = [
        colors.get("/"),
        colors.get("/nothing"),
        colors.get("/v2/nothing"),
        colors.get("/healthz", headers={"Host": "evil.example"}),
        colors.post("/v1/detect", files=[as_file(picture)]),
        colors.post("/v1/detect", files=[as_file(b"x")]),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 404, 421, 200, 415]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers


def test_a_token_is_asked_for_everywhere_but_of_the_page_and_of_who_watches(picture):
    with client_of(Settings(token="s3cret")) as client:
        routes = client.get("/openapi.json").json()["paths"]
        assert len(routes) > 8
        for path, methods in routes.items():
            asked = path.replace("{name}", "model")
            for method in methods:
                status = client.request(method, asked).status_code
                assert status == (200 if "health" in path or path == "/readyz" else 401), path
        for path in ("/", "/index.html", "/docs", "/openapi.json", "/healthz"):
            assert client.get(path).status_code == 200
        refused = client.post("/v1/detect", files=[as_file(picture)])
        assert_refused(refused, 401, "no-token")
        assert refused.headers["www-authenticate"] == "Bearer"
        for wrong in ("Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret", "Bearer", "Bearer \u00fc"):
            assert client.get("/v1/model", headers={"Authorization": wrong.encode("latin-1")}).status_code == 401
        for right in ("Bearer s3cret", "bearer s3cret"):
            assert client.get("/v1/model", headers={"Authorization": right}).status_code == 200


def test_other_hosts_names_are_refused_where_only_this_machine_asks(colors):
    for host in ("evil.example", "127.0.0.1.evil.example", "", "[", "localhost@evil.example", "evil.example:8000"):
        assert_refused(colors.get("/v1/model", headers={"Host": host}), 421, "wrong-host")
    for host in ("localhost", "127.0.0.1:1", "[::1]:8000", "LOCALHOST:8000"):
        assert colors.get("/v1/model", headers={"Host": host}).status_code == 200


def test_a_head_that_is_too_long_is_refused(colors):
    try:
        status = colors.get("/healthz", headers={"X": "y" * 1_000_000}).status_code
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):  # it hung up before all was sent
        status = 400
    assert status == 400


def test_any_name_will_do_where_other_machines_ask():
    with client_of(Settings(host="0.0.0.0")) as client:
        assert client.get("/v1/model", headers={"Host": "cats.example"}).status_code == 200


def test_pages_of_other_origins_are_refused(colors):
    own = str(colors.base_url).rstrip("/")
    assert_refused(colors.get("/v1/model", headers={"Origin": "https://evil.example"}), 403, "other-origin")
    for origin in ("null", "http://[", "http://"):
        assert_refused(colors.get("/v1/model", headers={"Origin": origin}), 403, "other-origin")
    assert colors.get("/v1/model", headers={"Origin": own}).status_code == 200


@pytest.mark.parametrize("token", [None, "s3cret"])
def test_cors_is_for_the_named_origins(token):
    with client_of(Settings(origins=("https://good.example",), token=token)) as client:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        good = client.options("/v1/detect", headers={"Origin": "https://good.example", **asked})
        assert good.status_code == 200
        assert good.headers["access-control-allow-origin"] == "https://good.example"
        bad = client.options("/v1/detect", headers={"Origin": "https://evil.example", **asked})
        assert "access-control-allow-origin" not in bad.headers
        given = {"Origin": "https://good.example", "Authorization": "Bearer s3cret"}
        assert client.get("/v1/model", headers=given).headers["access-control-allow-origin"] == "https://good.example"


def test_no_name_leads_out_of_the_page(colors):
    for path in ("/..%2fapp.py", "/../app.py", "/%2e%2e/settings.py", "//etc/passwd", "/page/../../app.py", "/%00"):
        assert colors.get(path).status_code == 404
    assert colors.get("/").headers["content-type"].startswith("text/html")


def test_the_documentation_needs_no_other_host(colors):
    page = colors.get("/docs").text
    assert "POST /v1/detect" in page
    assert "://" not in page
    assert "<script" not in page


def test_errors_are_documented_as_they_are(colors):
    said = colors.get("/openapi.json").json()
    for path, operations in said["paths"].items():
        for operation in operations.values():
            assert set(operation["responses"]) == {"200", "4XX", "5XX"}, path
            error = operation["responses"]["4XX"]["content"]["application/json"]["schema"]["properties"]["error"]
            assert error["type"] == ("string" if path.startswith("/v2") else "object"), path
    assert "HTTPValidationError" not in said["components"]["schemas"]


def test_figures(colors, picture):
    colors.post("/v1/detect", files=[as_file(picture)])
    colors.get("/made/up/path")
    figures = colors.get("/metrics").text
    assert 'multibox_requests_total{route="/v1/detect",status="200"}' in figures
    assert "multibox_batch_pictures_sum" in figures
    assert "process_resident_memory_bytes" in figures
    assert "made" not in figures
