"""What a kind's folder would fetch, or run, is refused when it is read; and kubectl could neither fetch nor run it."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nuvop import kind_folder, kind_yaml
from nuvop.errors import BuildFailed, KindError
from nuvop.kubectl import Kubectl, Processes
from tests.unit.conftest import KUBECTL

SAMPLES = Path(__file__).parents[2] / "kustomize/samples"
URL = "http://127.0.0.1:1/x.yaml"
BASE = "resources: [deployment.yaml]\n"


def refusal(kustomization: str | bytes, **more: str) -> str:
    """What is said of the Sample kind's folder with another kustomization, and more files."""
    files = dict(kind_folder.read(SAMPLES))
    text = kustomization.encode() if isinstance(kustomization, str) else kustomization
    files |= {"kustomization.yaml": text, **{name: content.encode() for name, content in more.items()}}
    with pytest.raises(KindError) as error:
        kind_yaml.parse(SAMPLES, files)
    return str(error.value)


@pytest.mark.parametrize(
    "entry",
    [
        "https://github.com/a/b?ref=v1", "http://127.0.0.1:1/x.yaml", "HTTPS://x/y.yaml", "github.com/a/b?ref=v1",
        "github.com/a/b//c", "git@github.com:a/b", "git::ssh://git@x/y", "ssh://x/y", "file:///etc", "gh:a/b",
        "org-1@github.com:a/b", "x.git", "https:x/y.yaml",
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["resources", "components", "transformers"])
def test_a_remote_base_is_refused_also_where_the_folder_has_what_looks_like_it(field: str, entry: str) -> None:
    """kustomize asks the Internet before it looks into the folder."""
    said = refusal(f'{BASE if field != "resources" else ""}{field}: ["{entry}"]')
    assert f"{field}[0]: {entry!r} is " in said
    local = entry.replace("//", "/").removesuffix("/")
    shadow = {local: "", f"{local}/kustomization.yaml": "resources: []"}
    assert refusal(f'{BASE if field != "resources" else ""}{field}: ["{entry}"]', **shadow) == (
        f"{SAMPLES}/kustomization.yaml: {field}[0]: {entry!r} is no file or folder of the kind; "
        "remote bases are not fetched, copy it in"
    )


@pytest.mark.parametrize(
    ("kustomization", "at"),
    [
        (f"patches: [{{path: '{URL}'}}]", "patches[0].path"),
        (f"patchesStrategicMerge: ['{URL}']", "patchesStrategicMerge[0]"),
        (f"patchesJson6902: [{{path: '{URL}', target: {{kind: Deployment, name: x}}}}]", "patchesJson6902[0].path"),
        (f"configMapGenerator: [{{name: c, files: ['x={URL}']}}]", "configMapGenerator[0].files[0]"),
        (f"configMapGenerator: [{{name: c, envs: ['{URL}']}}]", "configMapGenerator[0].envs[0]"),
        (f"secretGenerator: [{{name: c, env: '{URL}'}}]", "secretGenerator[0].env"),
        (f"openapi: {{path: '{URL}'}}", "openapi.path"),
        (f"replacements: [{{path: '{URL}'}}]", "replacements[0].path"),
    ],
)
def test_a_file_that_kustomize_would_fetch_is_refused(kustomization: str, at: str) -> None:
    assert f"{at}: " in (said := refusal(f"{BASE}{kustomization}"))
    assert "is no file or folder of the kind" in said


@pytest.mark.parametrize("field", ["transformers", "generators", "validators"])
def test_what_a_plugin_would_fetch_is_refused(field: str) -> None:
    plugin = f"apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {{name: x}}\nfiles: ['a={URL}']\n"
    assert "is no file or folder of the kind" in refusal(f"{BASE}{field}: [plugin.yaml]", **{"plugin.yaml": plugin})
    inline = "".join(f"    {line}\n" for line in plugin.splitlines())
    assert "is no file or folder of the kind" in refusal(f"{BASE}{field}:\n  - |\n{inline}")


@pytest.mark.parametrize(
    "text",
    [
        f"resources: ['{URL}']\n---\n{{}}\n",
        f"\ufeffresources: ['{URL}']\n".encode("utf-16-le"),
        f"resources: ['{URL}'\n",
    ],
    ids=["documents", "UTF-16", "broken"],
)
def test_a_kustomization_that_nuvop_cannot_read_is_refused(text: str | bytes) -> None:
    """kustomize may read something in it."""
    assert "kustomization.yaml: is not YAML: " in refusal(text)


def test_fields_are_written_as_kustomize_has_them() -> None:
    """It takes them in other cases, too, in which they would not be looked at."""
    assert "Resources: write it 'resources'" in refusal(f"Resources: ['{URL}']")
    assert "patches[0].Path: " in refusal(f"{BASE}patches: [{{Path: '{URL}'}}]")


def test_a_text_may_be_an_address() -> None:
    files = dict(kind_folder.read(SAMPLES))
    generator = f"configMapGenerator: [{{name: c, literals: ['URL={URL}']}}]\ncommonAnnotations: {{home: '{URL}'}}\n"
    files["kustomization.yaml"] = f"{BASE}{generator}".encode()
    assert kind_yaml.parse(SAMPLES, files).files == files


# --- at run time ----------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the proxy of this machine was asked for."""
    found: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.append(self.path)
            self.send_error(404)

        do_CONNECT = do_GET  # noqa: N815 – http.server calls it so

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def folder(path: Path, kustomization: str) -> Path:
    path.mkdir()
    (path / "kustomization.yaml").write_text(kustomization)
    (path.parent / "outside").write_text("x")
    marker = path / "run.sh"
    marker.write_text(f"#!/bin/sh\ntouch {path}/ran\n")
    marker.chmod(0o700)
    return path


@pytest.mark.parametrize(
    "kustomization",
    ["resources: ['http://evil.example/x.yaml']", "resources: ['https://evil.example/a/b?ref=v1']"],
)
async def test_kubectl_has_nothing_to_fetch_with(
    processes: Processes, private: Path, tmp_path: Path, asked: list[str], kustomization: str
) -> None:
    with pytest.raises(BuildFailed):
        await Kubectl(processes, KUBECTL, private).build(folder(tmp_path / "kind", kustomization))
    assert asked == []


def commit(repository: Path) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-qm", "x")):
        subprocess.run(["git", "-C", repository, *command], check=True)


async def test_git_fetches_nothing_either(processes: Processes, private: Path, tmp_path: Path) -> None:
    repository = folder(tmp_path / "repository", "configMapGenerator: [{name: fetched}]")
    commit(repository)
    with pytest.raises(BuildFailed):
        await Kubectl(processes, KUBECTL, private).build(
            folder(tmp_path / "kind", f"resources: ['git::file://{repository}?ref=main']")
        )


FUNCTION = """apiVersion: x/v1
    kind: T
    metadata:
      name: x
      annotations:
        config.kubernetes.io/function: |"""


@pytest.mark.parametrize(
    ("kustomization", "said"),
    [
        (f"transformers:\n  - |\n    {FUNCTION}\n          exec: {{path: ./run.sh}}\n", "kubectl runs none"),
        (f"generators:\n  - |\n    {FUNCTION}\n          container: {{image: x}}\n", "kubectl runs none"),
        (f"validators:\n  - |\n    {FUNCTION}\n          exec: {{path: ./run.sh}}\n", "kubectl runs none"),
        ("helmCharts: [{name: x, repo: 'https://evil.example', version: 1.0.0}]", "must specify --enable-helm"),
        ("configMapGenerator: [{name: c, files: [/etc/hostname]}]", "is not in or below"),
        ("configMapGenerator: [{name: c, files: [../outside]}]", "is not in or below"),
    ],
    ids=["exec", "container", "validator", "helm", "a file outside", "a file further up"],
)
async def test_kubectl_runs_no_plugin_and_reads_nothing_outside(
    processes: Processes, private: Path, tmp_path: Path, kustomization: str, said: str
) -> None:
    kind = folder(tmp_path / "kind", f"resources: []\n{kustomization}")
    with pytest.raises(BuildFailed, match=said):
        await Kubectl(processes, KUBECTL, private).build(kind)
    assert not (kind / "ran").exists()
