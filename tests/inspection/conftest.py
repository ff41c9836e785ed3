import pytest

from multibox.data.sample import make_sample


@pytest.fixture(scope="session")
def sample_folder(tmp_path_factory):
    """Sixty rendered scenes in VOC layout, in which there is nothing to find."""
    return make_sample(tmp_path_factory.mktemp("sample") / "scenes", images=60, size=160, seed=1)
