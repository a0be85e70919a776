"""What is made of credentials before the first request."""

import pytest

from nuvop.connection import open_session
from nuvop.errors import LoginError
from nuvop.login import Credentials


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"ca": "\0\0\0"}, "its certificate authority is no certificate"),
        ({"ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}, "cannot be used"),
        ({"client_certificate": "x", "client_key": "y"}, "cannot be used"),
    ],
)
async def test_certificates_that_are_none(wrong: dict[str, str], said: str) -> None:
    credentials = Credentials(source="kubeconfig x", server="https://127.0.0.1:1", namespace="default", **wrong)  # type: ignore[arg-type]
    with pytest.raises(LoginError, match=said) as raised:
        open_session(credentials, user_agent="x")
    assert str(raised.value).startswith("kubeconfig x: ")


async def test_without_an_authority_the_machines_own_count() -> None:
    credentials = Credentials(source="kubeconfig x", server="https://127.0.0.1:1", namespace="default")
    session = open_session(credentials, user_agent="nuvop/1")
    assert session.headers["User-Agent"] == "nuvop/1"
    await session.close()
