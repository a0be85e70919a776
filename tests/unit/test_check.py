"""What ``nuvop check`` finds. The folders are real ones, rendered by the real kustomize."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from nuvop.commands.check import check

ROOT = Path(__file__).parents[2]
Edit = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a kind without a fault; the paths of findings are relative to where it stands."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(ROOT / "kustomize/samples", tmp_path / "samples")


def run(*folders: Path | str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(check, list(map(str, folders)))
    return done.exit_code, done.output.splitlines()


def edit(path: Path, old: str, new: str) -> int:
    """Change a file; return the line of the change."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text.partition(old)[0].count("\n") + 1


def test_what_is_shipped_has_no_fault() -> None:
    assert run(ROOT / "kustomize") == (0, [run(ROOT / "kustomize")[1][-1]])


def test_a_folder_of_kinds_or_a_kind(folder: Path) -> None:
    assert run(folder) == run(folder.parent) == (0, ["1 kind: no errors, no warnings"])
    code, lines = run("none")
    assert code == 1
    assert lines == [f"Error: {folder.parent}/none: there is no such folder, so there are no kinds"]


SETS = "  spec.count: Deployment/demo-deploy spec.replicas\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "kind.yaml",
            SETS,
            "  spec.count: Deployment/web spec.replicas\n",
            "error: set: spec.count: the folder has no",
        ),
        (
            "kind.yaml",
            SETS,
            "  spec.size: Deployment/demo-deploy spec.replicas\n",
            "error: set: spec.size: the CRD has",
        ),
        (
            "kind.yaml",
            SETS,
            f"{SETS[:-1]}.x.y\n",
            "error: set: spec.count: Deployment/demo-deploy spec.replicas.x.y: field path spec.replicas.x.y leads",
        ),
        (
            "kind.yaml",
            SETS,
            "  spec.count: Deployment/demo-deploy spec.template.spec.containers.0.image\n",
            "error: set: spec.count: the CRD says `type: integer`, and Deployment/demo-deploy spec.template.spec.",
        ),
        ("kind.yaml", "  replicas:", "  nodes:", "error: status.nodes: the CRD has no status.nodes"),
        (
            "kustomization.yaml",
            "deployment.yaml",
            "../deployment.yaml",
            "error: resources[0]: '../deployment.yaml' is out",
        ),
        (
            "kustomization.yaml",
            "deployment.yaml",
            "https://x.io/a.yaml",
            "error: resources[0]: 'https://x.io/a.yaml' is no",
        ),
        ("crd.yaml", "        status: {}\n", "", "error: spec.versions[0]"),
        ("examples/obj.yaml", "count: 2", "count: two", "error: spec.count: 'two' is not of type 'integer'"),
        ("examples/obj.yaml", "kind: Sample", "kind: Simple", "error: kind: is no Sample of nuvolaris.org, which this"),
        (
            "examples/obj.yaml",
            "nuvolaris.org/v1",
            "nuvolaris.org/v2",
            "error: apiVersion: the CRD has no version v2; it has v1",
        ),
    ],
)
def test_errors(folder: Path, file: str, old: str, new: str, said: str) -> None:
    line = edit(folder / file, old, new)
    code, lines = run(folder)
    assert code == 1
    (found,) = lines[:-1]
    path, at, rest = found.split(":", 2)
    assert path == f"samples/{file}"
    assert rest.strip().startswith(said), found
    # A file that lacks something says where it would be.
    assert abs(int(at) - line) <= 1 or new == ""
    assert lines[-1] == "1 kind: 1 error, no warnings"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "crd.yaml",
            "                image:\n",
            "                size: {type: string}\n                image:\n",
            "spec.size sets nothing: give it a line under `set` or `components` in kind.yaml, or take it out",
        ),
        ("crd.yaml", "size() <= 51", "size() <= 52", "a resource's name may have 52 characters, and with more than 51"),
        (
            "deployment.yaml",
            "          image: nginx\n",
            "          image: nginx\n          args: ['http://web:80/']\n",
            "`- Deployment/demo-deploy spec.template.spec.containers.[name=nginx].args.0` under `follow`",
        ),
        (
            "kustomization.yaml",
            "resources:",
            "commonLabels: {a: b}\nresources:",
            "commonLabels: is deprecated: write `labels: [{pairs: {…}, includeSelectors: true}]` (",
        ),
    ],
)
def test_warnings(folder: Path, file: str, old: str, new: str, said: str) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n---\n"
    if "web:80" in new:
        (folder / "deployment.yaml").write_text(service + (folder / "deployment.yaml").read_text())
        edit(
            folder / "crd.yaml",
            "            - rule:",
            "            - rule: self.metadata.name.matches('x')\n            - rule:",
        )
    edit(folder / file, old, new)
    code, lines = run(folder)
    assert code == 0
    (found,) = lines[:-1]
    assert ": warning: " in found
    assert said in found
    assert lines[-1] == "1 kind: no errors, 1 warning"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{ports: [{port: 80, nodePort: 30080}]}", "Service/web spec.ports.0.nodePort is 30080"),
        ("{ports: [{port: 80}], clusterIP: 10.0.0.1}", "Service/web spec.clusterIP is '10.0.0.1'"),
        ("{ports: [{port: 80}], clusterIP: None}", ""),
    ],
)
def test_what_one_object_alone_can_have(folder: Path, spec: str, said: str) -> None:
    service = f"apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {spec}\n---\n"
    (folder / "deployment.yaml").write_text(service + (folder / "deployment.yaml").read_text())
    found = [line for line in run(folder)[1] if "only one object of a cluster can have that" in line]
    assert [f"{said} for every Sample, and" in line for line in found] == [True] * bool(said)
    edit(folder / "kind.yaml", "kind: Kind\n", "kind: Kind\nnames: keep\n")
    assert not [line for line in run(folder)[1] if "only one object" in line]


def test_all_errors_are_told_at_once(folder: Path) -> None:
    edit(folder / "kind.yaml", "spec.count:", "spec.size:")
    edit(folder / "kind.yaml", "podNames: Pod/* metadata.name", "podNames: Pod/*")
    edit(folder / "kustomization.yaml", "- deployment.yaml", "- deployment.yaml\n  - /etc")
    code, lines = run(folder)
    assert code == 1
    assert len(lines) == 4
    assert lines[-1] == "1 kind: 3 errors, no warnings"


def test_a_kind_without_examples_is_told(folder: Path) -> None:
    shutil.rmtree(folder / "examples")
    assert run(folder)[1][0].startswith("samples: warning: there is no example")


def test_what_kustomize_cannot_build_is_an_error(folder: Path) -> None:
    (folder / "deployment.yaml").write_text("a: [")
    code, lines = run(folder)
    assert code == 1
    assert lines[0].startswith("samples: error: ")
    assert "deployment.yaml" in lines[0]


def test_a_generated_name_is_explained(folder: Path) -> None:
    edit(
        folder / "kustomization.yaml",
        "resources:",
        "configMapGenerator: [{name: settings, literals: [a=b]}]\nresources:",
    )
    edit(folder / "kind.yaml", SETS, f"{SETS}  spec.image: ConfigMap/settings data.a\n")
    edit(
        folder / "kind.yaml",
        "  spec.image: Deployment/demo-deploy spec.template.spec.containers.[name=nginx].image\n",
        "",
    )
    code, lines = run(folder)
    assert code == 1
    assert "write `generatorOptions: {disableNameSuffixHash: true}`" in lines[0]


@pytest.mark.parametrize(
    ("schema", "condition", "said"),
    [
        ("type: string, enum: [small, large]", "small|huge", "never 'huge': the CRD allows small, large"),
        ("type: boolean", '"yes"', "never '\"yes\"': the CRD allows true, false"),
        ("type: integer, enum: [1, 2]", "3", "never '3': the CRD allows 1, 2"),
        ("type: string, enum: [small, large]", "large", ""),
        ("type: boolean", "false", ""),
        ("type: string", "huge", ""),
    ],
)
def test_a_component_for_a_value_that_cannot_be(folder: Path, schema: str, condition: str, said: str) -> None:
    edit(folder / "crd.yaml", "count:\n", f"size: {{{schema}}}\n                count:\n")
    (folder / "components/more").mkdir(parents=True)
    (folder / "components/more/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {more: is}\n"
    )
    with (folder / "kind.yaml").open("a") as file:
        file.write(f"components:\n  more: spec.size={condition}\n")
    code, lines = run(folder)
    assert code == 0
    assert [line.partition("components.more: spec.size is ")[2] for line in lines[:-1]] == ([said] if said else [])


def test_a_component_that_kustomize_refuses(folder: Path) -> None:
    edit(folder / "crd.yaml", "count:\n", "more: {type: boolean}\n                count:\n")
    (folder / "components/more").mkdir(parents=True)
    (folder / "components/more/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    )
    with (folder / "kind.yaml").open("a") as file:
        file.write("components:\n  more: spec.more\n")
    code, lines = run(folder)
    assert code == 1
    assert lines[0].startswith("samples: error: with more: ")
    assert "'components/more': kustomization.yaml is empty" in lines[0]
