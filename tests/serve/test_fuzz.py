"""A few of the hostile uploads that ``benchmarks/serve_fuzz.py`` makes 500 of."""

from itertools import islice
from pathlib import Path

import pytest

from multibox.serve.settings import Settings
from served import as_file, client_of

ROOT = Path(__file__).parents[2]


def test_hostile_uploads_are_refused_and_the_server_lives(monkeypatch, picture):
    pytest.importorskip("PIL")
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.serve_fuzz import MAX_BYTES, PICTURES, REQUESTS, attacks, refusal

    sent = set()
    with client_of(Settings(max_bytes=MAX_BYTES)) as client:
        for attack in islice(attacks(seed=1), 2 * (len(PICTURES) + len(REQUESTS))):
            _, problem = refusal(client, attack, "model")
            assert not problem, attack.what
            sent.add(attack.what)
        assert len(sent) == len(PICTURES) + len(REQUESTS)
        assert client.post("/v1/detect", files=[as_file(picture)]).status_code == 200
