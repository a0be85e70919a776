import pytest

from lab.image.archive import Archive
from tests.image import built, container
from tests.machine import need


@pytest.fixture(scope="session")
def archive() -> Archive:
    need(built.obstacle())
    return built.archive()


@pytest.fixture(scope="session")
def unpacked(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> container.Unpacked:
    return container.unpack(archive, tmp_path_factory.mktemp("image"))
