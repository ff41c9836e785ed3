import pytest

from served import client_of, encode, painted


@pytest.fixture(scope="session")
def colors():
    """A client of a server with the usual settings."""
    with client_of() as client:
        yield client


@pytest.fixture(scope="session")
def picture():
    """A PNG file of :func:`served.painted`."""
    return encode(painted())
