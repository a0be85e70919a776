"""What an operator tells of CRDs that are missing."""

from pathlib import Path

import pytest

from nuvop import crd, kind_folder, operator
from nuvop.login import Credentials
from nuvop.rights import in_pod
from nuvop.settings import Settings
from tests.unit.test_kinds import SAMPLES


@pytest.mark.parametrize(
    ("token", "typed"),
    [
        ("/account/token", "kubectl exec -n ops pod-1 -- cat /share/kinds/samples/crd.yaml | kubectl apply -f -"),
        ("/elsewhere/token", "kubectl apply -f kinds/samples/crd.yaml"),
    ],
)
def test_what_installs_a_crd_that_is_missing(monkeypatch: pytest.MonkeyPatch, token: str, typed: str) -> None:
    """Who reads the log of a pod does not have its folders."""
    monkeypatch.setattr("socket.gethostname", lambda: "pod-1")
    monkeypatch.setattr("os.path.relpath", lambda path: str(path).removeprefix("/share/"))
    settings = Settings((), Path("/generated"), Path("/account"), None, 50)
    credentials = Credentials("source", "https://server", "ops", token_file=Path(token))
    type_ = crd.resource_type(SAMPLES, kind_folder.read(SAMPLES))
    folder, pod = Path("/share/kinds/samples"), in_pod(settings, credentials)
    told = operator._how_to_install(folder, type_, pod, [])
    assert told == f"CRD samples.nuvolaris.org is not installed (`{typed}`)"
    told = operator._how_to_install(folder, type_, pod, ["v2", "v1beta1"])
    assert told == f"CRD samples.nuvolaris.org in the cluster has v2, v1beta1 and not v1 (`{typed}`)"
