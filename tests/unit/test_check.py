"""What ``nuvop check`` finds. The folders are real ones, rendered by the real kustomize."""

import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from nuvop import patches_py
from nuvop.commands.check import check
from nuvop.commands.render import render

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
            "  spec.count: Deployment/demo-deploy spec.template.spec.containers.0.workingDir\n",
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
        (
            "crd.yaml",
            "minimum: 0",
            "minimun: 0",
            "error: spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.count.minimun: a",
        ),
        ("crd.yaml", "name: samples.nuv", "name: sample.nuv", "error: metadata.name: 'sample.nuvolaris.org' must be"),
        ("examples/obj.yaml", "count: 2", "count: two", "error: spec.count: 'two' is not of type 'integer'"),
        (
            "examples/obj.yaml",
            "name: obj",
            "annotations: 3\n  name: obj",
            "error: metadata.annotations: 3 must be a mapping",
        ),
        ("examples/obj.yaml", "name: obj", "lables: {}\n  name: obj", "error: metadata.lables: there is no such field"),
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
            "            - rule: self.metadata.name.matches('^[a-z]')\n            - rule:",
        )
    edit(folder / file, old, new)
    code, lines = run(folder)
    assert code == 0
    (found,) = lines[:-1]
    assert ": warning: " in found
    assert said in found
    assert lines[-1] == "1 kind: no errors, 1 warning"


def test_a_word_that_may_be_a_childs_name(folder: Path) -> None:
    primary = "apiVersion: v1\nkind: Service\nmetadata: {name: pg-primary}\nspec: {ports: [{port: 80}]}\n"
    with (folder / "deployment.yaml").open("a") as file:
        file.write(f"---\n{primary}")
    edit(
        folder / "crd.yaml",
        "            - rule:",
        "            - rule: self.metadata.name.matches('^[a-z]')\n            - rule:",
    )
    image, env = "          image: nginx\n", "          env: [{name: PRIMARY_SVC, value: pg-primary}]\n"
    line = edit(folder / "deployment.yaml", image, f"{image}{env}")
    at = "spec.template.spec.containers.[name=nginx].env.[name=PRIMARY_SVC].value"
    told = (
        f"samples/deployment.yaml:{line + 1}: hint: spec.template.spec.containers[0].env[0].value: 'pg-primary' may "
        "mean Service/pg-primary, which is called otherwise for each Sample: if it does, write "
        f"`- Deployment/demo-deploy {at}` under `follow` in kind.yaml; if not, leave it"
    )
    assert run(folder) == (0, [told, "1 kind: no errors, no warnings, 1 hint"])
    edit(folder / "kind.yaml", "kind: Kind\n", f"kind: Kind\nfollow: ['Deployment/demo-deploy {at}']\n")
    assert run(folder) == (0, ["1 kind: no errors, no warnings"])


def test_a_secret_that_a_job_may_make(folder: Path) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        made = "{containers: [{name: c, image: a, args: [--secret-name=made]}], restartPolicy: Never}"
        read = "{containers: [{name: c, image: a, envFrom: [{secretRef: {name: made}}]}], restartPolicy: Never}"
        for name, spec in (("make", made), ("read", read)):
            job = f"apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{template: {{spec: {spec}}}}}"
            file.write(f"---\n{{{job}}}\n")
    (told,) = [line for line in run(folder)[1] if "'made'" in line]
    assert ": hint: " in told
    assert "if Job/make makes it, each Sample of a namespace gets the same" in told
    edit(folder / "kind.yaml", "kind: Kind\n", "kind: Kind\nnames: keep\n")
    assert not [line for line in run(folder)[1] if "'made'" in line]


@pytest.mark.parametrize(
    ("at", "value", "is_told"),
    [
        ("env.[name=A].value", "pg-primary", False),
        ("env.[name=A].value", "my-pg-primary", True),
        ("env.[name=A].value", "pg-primary_x", True),
        ("env.*.value", "pg-primary", False),
    ],
)
def test_a_line_of_follow_that_changes_nothing(folder: Path, at: str, value: str, is_told: bool) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: pg-primary}\nspec: {ports: [{port: 80}]}\n"
    with (folder / "deployment.yaml").open("a") as file:
        file.write(f"---\n{service}")
    image, env = "          image: nginx\n", f"          env: [{{name: A, value: {value}}}, {{name: B, value: b}}]\n"
    edit(folder / "deployment.yaml", image, f"{image}{env}")
    line = f"Deployment/demo-deploy spec.template.spec.containers.[name=nginx].{at}"
    edit(folder / "kind.yaml", "kind: Kind\n", f"kind: Kind\nfollow:\n  - {line}\n")
    for names in ("", "names: keep\n"):
        edit(folder / "kind.yaml", "follow:\n", f"{names}follow:\n")
        found = [told for told in run(folder)[1] if "nothing follows" in told]
        assert [f"{line} has no address of a child in it" in told for told in found] == [True] * is_told


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


INGRESS = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, annotations: {%s: letsencrypt}}
spec:
  rules: [{host: shop.example.com}]
  tls: [{hosts: [shop.example.com], secretName: shop-tls}]
"""
CERTIFICATE = """---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web}
spec: {secretName: shop-tls, dnsNames: [shop.example.com]}
"""
AGENT = """apiVersion: v1
kind: Pod
metadata: {name: agent}
spec: {containers: [{name: a, image: a, ports: [{containerPort: 80, hostPort: 24224}]}]}
"""
HOST_TOLD = (
    "Ingress/web spec.rules.0.host is 'shop.example.com' for every Sample, and only one of them can answer there"
)
TLS_TOLD = "Ingress/web spec.tls.0.secretName is 'shop-tls' for every Sample, and cert-manager makes one Secret for all"


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (INGRESS % "example.com/a", [HOST_TOLD]),
        (INGRESS % "cert-manager.io/cluster-issuer", [HOST_TOLD, TLS_TOLD]),
        (INGRESS % "cert-manager.io/cluster-issuer" + CERTIFICATE, [HOST_TOLD]),
        (
            AGENT,
            ["Pod/agent spec.containers.[name=a].ports.0.hostPort is 24224 for every Sample, and only one pod"],
        ),
    ],
)
def test_what_resources_would_share_is_told(folder: Path, manifest: str, told: list[str]) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        file.write(f"---\n{manifest}")
    found = [line for line in run(folder)[1] if " for every Sample, and " in line]
    assert [f": warning: {each}" in line for line, each in zip(found, told, strict=True)] == [True] * len(told), found


@pytest.mark.parametrize(
    ("schema", "level"),
    [
        ("                host: {type: string, default: shop.example.com}\n", "hint"),
        ("                host: {type: string}\n", "hint"),
        ("                host: {type: string, default: ''}\n", ""),
        ("                host: {type: string}  # required\n", ""),
    ],
)
def test_what_resources_may_set_apart_is_no_more_than_a_hint(folder: Path, schema: str, level: str) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        file.write("---\n" + INGRESS % "example.com/a")
    edit(folder / "crd.yaml", "                image:\n", f"{schema}                image:\n")
    if "required" in schema:
        edit(folder / "crd.yaml", "required: [count]", "required: [count, host]")
    edit(folder / "kind.yaml", "set:", "set:\n  spec.host: Ingress/web spec.rules.*.host\n")
    found = [line for line in run(folder)[1] if " and only one of them can answer there" in line]
    told = (
        f": {level}: set: spec.host: Ingress/web spec.rules.0.host is 'shop.example.com' for every Sample that leaves "
    )
    assert [told in line for line in found] == [True] * bool(level), found


@pytest.mark.parametrize(("name", "is_told"), [("disk", True), ("web", False)])
def test_a_claim_for_a_volume_of_the_folder(folder: Path, name: str, is_told: bool) -> None:
    """kustomize renames that with the volume."""
    with (folder / "deployment.yaml").open("a") as file:
        spec = f"{{volumeName: {name}, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}"
        file.write(f"---\n{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: data}}, spec: {spec}}}\n")
        capacity = "{capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}"
        file.write(f"---\n{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: web}}, spec: {capacity}}}\n")
    told = [line for line in run(folder)[1] if "only one object of a cluster can have that" in line]
    assert bool(told) is is_told


AUTOSCALER = """apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scales}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: demo-deploy}, maxReplicas: 3}
"""
FOUGHT_OVER = (
    "samples/deployment.yaml:13: warning: spec.replicas: HorizontalPodAutoscaler/scales sets the replicas of "
    "Deployment/demo-deploy, and nuvop would set them back to 1 each time: take this line out"
)


def autoscaled(folder: Path) -> None:
    text = (folder / "deployment.yaml").read_text()
    (folder / "deployment.yaml").write_text(f"{AUTOSCALER}---\n{text}")
    edit(folder / "kind.yaml", SETS, "  spec.count: Deployment/demo-deploy spec.minReadySeconds\n")


def test_replicas_that_an_autoscaler_sets_too(folder: Path) -> None:
    autoscaled(folder)
    line = ", and write `- Deployment/demo-deploy spec.replicas` under `release` in kind.yaml"
    assert run(folder)[1][:-1] == [FOUGHT_OVER + line]
    edit(folder / "kind.yaml", "kind: Kind\n", "kind: Kind\nrelease: [Deployment/demo-deploy spec.replicas]\n")
    assert run(folder)[1][:-1] == [FOUGHT_OVER]
    edit(folder / "deployment.yaml", "  replicas: 1\n", "")
    assert run(folder)[1][:-1] == []


def test_an_autoscaler_that_names_its_target_otherwise(folder: Path) -> None:
    """Of a custom object nobody knows what it takes."""
    autoscaled(folder)
    edit(folder / "deployment.yaml", "autoscaling/v2\nkind: HorizontalPodAutoscaler", "keda.sh/v1\nkind: ScaledObject")
    edit(folder / "deployment.yaml", "{apiVersion: apps/v1, kind: Deployment, name: demo-deploy}", "demo-deploy")
    assert run(folder)[0] == 0


def test_replicas_that_a_component_leaves_to_an_autoscaler(folder: Path) -> None:
    component(folder, "")
    (folder / "components/more/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [hpa.yaml]\n"
        'patches: [{patch: \'[{"op": "remove", "path": "/spec/replicas"}]\', target: {kind: Deployment}}]\n'
    )
    (folder / "components/more/hpa.yaml").write_text(AUTOSCALER)
    assert run(folder)[1][:-1] == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "  replicas: 1",
            "  replica: 1",
            "spec.replica: a Deployment has no such field (Kubernetes v1.36.3): write `re",
        ),
        ("  replicas: 1", "  replicas: one", "spec.replicas: 'one' must be a number"),
        ("image: nginx", "imag: nginx", "spec.template.spec.containers[0].imag: a Deployment has no such field"),
        ("apps/v1", "extensions/v1beta1", "apiVersion: 'extensions/v1beta1' must be 'apps/v1' for a Deployment"),
        ("name: nginx", "name: Nginx", "spec.template.spec.containers[0].name: 'Nginx' must be lower-case letters"),
    ],
)
def test_what_is_wrong_in_the_base_is_told_where_it_stands(folder: Path, old: str, new: str, said: str) -> None:
    line = edit(folder / "deployment.yaml", old, new)
    if "Nginx" in new:
        edit(folder / "kind.yaml", "[name=nginx]", "[name=Nginx]")
    code, lines = run(folder)
    assert code == 1
    (found,) = [told for told in lines[:-1] if told.startswith("samples/deployment.yaml:")]
    assert found.startswith(f"samples/deployment.yaml:{line}: error: {said}")


BACKUP = """apiVersion: batch/v1
kind: CronJob
metadata: {name: backup}
spec:
  schedule: every day
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}
"""
NO_SCHEDULE = "'every day' is no schedule: it has 2 parts and not 5: minute, hour, day of the month, month, day of"


def errors(folder: Path) -> list[str]:
    return [line for line in run(folder)[1] if ": error: " in line]


def test_a_value_that_the_api_server_does_not_take(folder: Path) -> None:
    (folder / "backup.yaml").write_text(BACKUP)
    edit(folder / "kustomization.yaml", "resources:", "resources:\n  - backup.yaml")
    (found,) = errors(folder)
    assert found.startswith(f"samples/backup.yaml:5: error: spec.schedule: {NO_SCHEDULE}")


def test_a_value_that_resources_set_is_judged_by_the_examples(folder: Path) -> None:
    """What stands in the manifest may be no more than a word for it."""
    fill(folder, "CronJob/backup spec.schedule", "type: string", BACKUP)
    edit(folder / "examples/obj.yaml", "count: 2", "count: 2\n  image: '@daily'")
    assert errors(folder) == []
    edit(folder / "examples/obj.yaml", "@daily", "@dayly")
    (found,) = errors(folder)
    told = "CronJob/obj-backup spec.schedule: '@dayly' is no schedule: it must be one of @yearly"
    assert found.startswith(f"samples/examples/obj.yaml:1: error: {told}")


def test_a_limit_that_resources_set_goes_with_what_is_requested(folder: Path) -> None:
    resources = "resources: {requests: {cpu: 2}, limits: {cpu: 1}}"
    fill(folder, CPU, "type: integer, default: 3", POD.replace("resources: {limits: {cpu: 1}}", resources))
    assert errors(folder) == []
    edit(folder / "crd.yaml", "default: 3", "default: 1")
    (found,) = errors(folder)
    assert "Pod/obj-p spec.containers.[name=c].resources.requests.cpu: 2 is more than the limit, 1" in found


def test_a_value_that_python_may_change_is_judged_by_the_examples(folder: Path) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        file.write(f"---\n{BACKUP}")
    patch = '{"kind": "CronJob", "metadata": {"name": "backup"}, "spec": {"schedule": "@daily"}}'
    (folder / "patches.py").write_text(f"def patches(cr):\n    yield {patch}\n")
    assert errors(folder) == []
    edit(folder / "patches.py", "@daily", "60 * * * *")
    (found,) = errors(folder)
    assert found.startswith("samples/patches.py:2: error: CronJob/backup spec.schedule: '60 * * * *' is no schedule: ")


POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-ours}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "{namespace}"}}}]}]
"""


def test_a_text_that_follows_is_judged_by_the_examples(folder: Path) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        file.write(f"---{POLICY}")
    (found,) = errors(folder)
    assert "'{namespace}' must be letters, digits" in found
    at = r"spec.ingress.*.from.*.namespaceSelector.matchLabels.kubernetes\.io/metadata\.name"
    edit(folder / "kind.yaml", "kind: Kind\n", f"kind: Kind\nfollow: ['NetworkPolicy/only-ours {at}']\n")
    assert errors(folder) == []


def test_a_volume_that_python_may_bring_is_judged_by_the_examples(folder: Path) -> None:
    mounts = "name: nginx\n          volumeMounts: [{name: data, mountPath: /data}]"
    edit(folder / "deployment.yaml", "name: nginx", mounts)
    (found,) = errors(folder)
    assert "'data' is none of the pod's volumes" in found
    spec = '{"template": {"spec": {"volumes": [{"name": "data", "emptyDir": {}}]}}}'
    patch = f'{{"kind": "Deployment", "metadata": {{"name": "demo-deploy"}}, "spec": {spec}}}'
    (folder / "patches.py").write_text(f"def patches(cr):\n    yield {patch}\n")
    assert errors(folder) == []
    edit(folder / "patches.py", '"name": "data"', '"name": "date"')
    (found,) = errors(folder)
    assert "'data' is none of the pod's volumes" in found


def test_what_may_pass_hides_nothing(folder: Path) -> None:
    edit(folder / "deployment.yaml", "  replicas: 1", "  bogus: 1\n  replicas: 1")
    edit(folder / "examples/obj.yaml", "count: 2", "count: many")
    code, lines = run(folder)
    assert code == 1
    told = "\n".join(lines)
    assert "bogus: a Deployment has no such field" in told
    assert "'many' is not of type 'integer'" in told


@pytest.mark.parametrize(("old", "new"), [("kind: Service", "kind: 1.5"), ("apiVersion: v1", "apiVersion: {name: 3}")])
def test_what_an_object_is_called_is_a_text(folder: Path, old: str, new: str) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        file.write(f"---\n{SERVICE.replace(old, new)}")
    (found,) = run(folder)[1][:-1]
    assert "every object needs apiVersion, kind and metadata.name, which are texts; one has " in found


def test_what_is_wrong_in_a_patch_is_told_where_it_stands(folder: Path) -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: demo-deploy}\nspec:\n  replica: 2\n"
    component(folder, patch)
    (found,) = run(folder)[1][:-1]
    assert found.startswith("samples/components/more/patch.yaml:5: error: spec.replica: a Deployment has no such field")


def test_what_is_wrong_and_stands_nowhere_is_told_with_its_object(folder: Path) -> None:
    component(folder, "")
    (folder / "components/more/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        'patches: [{patch: \'[{"op": "add", "path": "/spec/novel", "value": 1}]\', target: {kind: Deployment}}]\n'
    )
    (found,) = run(folder)[1][:-1]
    assert found.startswith(
        "samples/deployment.yaml:1: error: Deployment/demo-deploy spec.novel: a Deployment has no such"
    )


def test_all_errors_are_told_at_once(folder: Path) -> None:
    edit(folder / "kind.yaml", "spec.count:", "spec.size:")
    edit(folder / "kind.yaml", "podNames: Pod/* metadata.name", "podNames: Pod/*")
    edit(folder / "kustomization.yaml", "- deployment.yaml", "- deployment.yaml\n  - /etc")
    code, lines = run(folder)
    assert code == 1
    assert len(lines) == 4
    assert lines[-1] == "1 kind: 3 errors, no warnings"


def test_an_example_without_a_resource_is_told(folder: Path) -> None:
    (folder / "examples/empty.yaml").write_text("# nothing yet\n")
    told = "samples/examples/empty.yaml:1: warning: has no custom resource in it: write one, or delete the file"
    assert run(folder) == (0, [told, "1 kind: no errors, 1 warning"])


def test_an_examples_name_is_one_that_the_crd_takes(folder: Path) -> None:
    edit(folder / "examples/obj.yaml", "name: obj", f"name: {'o' * 52}")
    (found,) = run(folder)[1][:-1]
    assert found.startswith("samples/examples/obj.yaml:4: error: metadata.name: metadata.name may have 51 characters")


def test_what_is_expected_of_no_example_is_told(folder: Path) -> None:
    (folder / "expected").mkdir()
    (folder / "expected/gone.yaml").write_text("a: b\n")
    told = (
        "samples/expected/gone.yaml:1: warning: there is no examples/gone.yaml that could become this: write it, or de"
    )
    assert run(folder)[1][0].startswith(told)


def test_what_is_expected_may_be_no_text(folder: Path) -> None:
    (folder / "expected").mkdir()
    (folder / "expected/obj.yaml").write_bytes(b"\xff")
    assert "error: what it becomes is not what expected/obj.yaml says" in run(folder)[1][0]


def test_an_examples_name_is_one_that_kubernetes_takes(folder: Path) -> None:
    line = (folder / "examples/obj.yaml").read_text().count("\n") + 4
    with (folder / "examples/obj.yaml").open("a") as file:
        file.write("---\napiVersion: nuvolaris.org/v1\nkind: Sample\nmetadata: {name: Obj_1}\nspec: {count: 1}\n")
    (found,) = run(folder)[1][:-1]
    assert found.startswith(
        f"samples/examples/obj.yaml:{line}: error: metadata.name: 'Obj_1' must be lower-case letters"
    )


PATCHES = """

def patches(cr):
    yield {{
        "kind": "Deployment",
        "metadata": {{"name": "demo-deploy"}},
        "spec": {0},
    }}
"""
NGINX = '{"template": {"spec": {"containers": [{"name": "nginx", "imagePullPolici": "Always"}]}}}'


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ('{"strategy": {"$patch": "replace", "type": "Recreate"}}', ""),
        (
            '{"replica": 3}',
            "error: Deployment/demo-deploy spec.replica: a Deployment has no such field",
        ),
        (
            NGINX,
            "error: Deployment/demo-deploy spec.template.spec.containers.[name=nginx].imagePullPolici: a Deplo",
        ),
        ('cr["spec"]["none"]', "error: examples/obj.yaml cannot be rendered: KeyError: 'none'"),
        ('{"a": {1}}', "error: examples/obj.yaml cannot be rendered: gives what no manifest can hold"),
    ],
)
def test_what_is_wrong_in_what_python_gives_is_told_with_its_line(folder: Path, spec: str, said: str) -> None:
    (folder / "examples/image.yaml").unlink()
    (folder / "patches.py").write_text(PATCHES.format(spec))
    found = run(folder)[1][:-1]
    starts = [f"samples/patches.py{'' if '{1}' in spec else ':7'}: {said}"] * bool(said)
    assert len(found) == len(starts)
    assert all(map(str.startswith, found, starts)), found


def with_set(folder: Path, lines: str, schema: str) -> list[str]:
    """What is told of a kind with more lines under ``set`` and more fields in its CRD."""
    edit(folder / "kind.yaml", "set:", f"set:\n{lines}")
    edit(folder / "crd.yaml", "                image:\n", f"{schema}                image:\n")
    return run(folder)[1]


CONTAINER = "Deployment/demo-deploy spec.template.spec.containers"
A_TEXT = "                {}: {{type: string}}\n"


@pytest.mark.parametrize("target", ["[name=nginx].image", "0.image", "*.image"])
def test_two_fields_that_set_the_same(folder: Path, target: str) -> None:
    *found, _ = with_set(folder, f"  spec.proxy: {CONTAINER}.{target}\n", A_TEXT.format("proxy"))
    told = f"set: spec.image: spec.proxy sets {CONTAINER}.[name=nginx].image, too"
    assert [line.startswith(f"samples/kind.yaml:7: error: {told}") for line in found] == [True], found


def test_a_field_that_sets_a_part_of_what_another_one_sets(folder: Path) -> None:
    lines = f"  spec.cpu: {CONTAINER}.[name=nginx].resources.limits.cpu\n  spec.all: {CONTAINER}.*.resources\n"
    schema = A_TEXT.format("cpu") + "                all: {type: object, x-kubernetes-preserve-unknown-fields: true}\n"
    *found, last = with_set(folder, lines, schema)
    told = "set: spec.cpu: sets a part of what spec.all sets, and counts more, as it is set last"
    assert found == [f"samples/kind.yaml:4: hint: {told}"]
    assert last == "1 kind: no errors, no warnings, 1 hint"


SELECTED = "Deployment/demo-deploy spec.selector.matchLabels.app"
LABELLED = "Deployment/demo-deploy spec.template.metadata.labels.app"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (f"  spec.app: {SELECTED}\n", f"set: spec.app: {SELECTED} would not be what {LABELLED.partition(' ')[2]} is"),
        (f"  spec.app: {LABELLED}\n", f"set: spec.app: {LABELLED} would not be what {SELECTED.partition(' ')[2]} is"),
        (f"  spec.app: {SELECTED.removesuffix('.app')}\n", f"set: spec.app: {SELECTED} would not be"),
        (f"  spec.app: [{SELECTED}, {LABELLED}]\n", ""),
        ("  spec.app: Deployment/demo-deploy spec.template.metadata.labels.[another]\n", ""),
    ],
)
def test_a_selector_that_would_lose_its_pods(folder: Path, lines: str, said: str) -> None:
    schema = (
        A_TEXT.format("app")
        if not lines.endswith("matchLabels\n")
        else "                app: {type: object, additionalProperties: {type: string}}\n"
    )
    *found, _ = with_set(folder, lines, schema)
    assert [line.startswith(f"samples/kind.yaml:4: error: {said}") for line in found] == [True] * bool(said), found


@pytest.mark.parametrize("command", [check, render])
def test_python_that_never_ends_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: click.Command
) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.5)
    (folder / "patches.py").write_text("import threading\n\ndef patches(cr):\n    threading.Event().wait()\n")
    arguments = ["samples"] if command is check else ["-f", "samples/examples/obj.yaml", "--kinds", "samples"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 1
    assert "samples/patches.py: " in done.output
    assert "took longer than 0.5 s" in done.output


def test_python_that_never_ends_is_tried_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_py, "TIMEOUT", 0.5)
    (tried := folder.parent / "tried").mkdir()
    (folder / "patches.py").write_text(
        "import pathlib\nimport threading\n\ndef patches(cr):\n"
        f"    pathlib.Path({str(tried)!r}, cr['metadata']['name']).touch()\n"
        "    threading.Event().wait()\n"
    )
    (folder / "examples/z.yaml").write_text((folder / "examples/obj.yaml").read_text().replace("obj", "z"))
    told = "took longer than 0.5 s; 2 more are not tried, as it may be the same"
    assert run(folder) == (
        1,
        [f"samples/patches.py: error: examples/image.yaml cannot be rendered: {told}", "1 kind: 1 error, no warnings"],
    )
    assert len(list(tried.iterdir())) == 1


def test_what_cannot_be_rendered_is_not_compared(folder: Path) -> None:
    """Of a file with two examples one is not all of what was expected."""
    text = (folder / "examples/obj.yaml").read_text()
    (folder / "examples/obj.yaml").write_text(f"{text}---\n{text.replace('name: obj', 'name: second')}")
    (folder / "patches.py").write_text(
        "def patches(cr):\n    if cr['metadata']['name'] == 'second':\n        1 / 0\n    return []\n"
    )
    (folder / "expected").mkdir()
    (folder / "expected/obj.yaml").write_text("a: b\n")
    (found, _) = run(folder)[1]
    assert found.startswith("samples/patches.py:3: error: examples/obj.yaml cannot be rendered: ZeroDivisionError")


@pytest.mark.parametrize(("value", "is_told"), [("str(next(count))", True), ("'x'", False)])
def test_python_that_gives_another_thing_each_time(folder: Path, value: str, is_told: bool) -> None:
    named = '"kind": "Deployment", "metadata": {"name": "demo-deploy", "annotations": {"a": '
    (folder / "patches.py").write_text(
        f"import itertools\n\ncount = itertools.count()\n\n\ndef patches(cr):\n    yield {{{named}{value}}}}}}}\n"
    )
    *found, _ = run(folder)[1]
    told = "samples/patches.py: error: gives Deployment/demo-deploy another thing each time for the same resource: it "
    assert [line.startswith(told) for line in found] == [True] * is_told, found


def test_what_python_gives_a_generated_object_is_told_with_its_line(folder: Path) -> None:
    edit(
        folder / "kustomization.yaml",
        "resources:",
        "configMapGenerator: [{name: settings, literals: [a=b]}]\nresources:",
    )
    patch = '    yield {"kind": "ConfigMap", "metadata": {"name": "settings"}, "dat": {"c": "d"}}'
    (folder / "patches.py").write_text(f"def patches(cr):\n{patch}\n")
    found = "samples/patches.py:2: error: ConfigMap/settings dat: a ConfigMap has no such field (Kubernetes"
    assert [line.startswith(found) for line in run(folder)[1][:-1]] == [True]


def test_a_value_that_does_not_fit_is_told_of_the_example(folder: Path) -> None:
    fill(folder, "Deployment/demo-deploy spec.strategy", "type: object, x-kubernetes-preserve-unknown-fields: true")
    edit(folder / "examples/obj.yaml", "count: 2", "count: 2\n  image: {typ: Recreate}")
    (found,) = run(folder)[1][:-1]
    assert found.startswith(
        "samples/examples/obj.yaml:1: error: Deployment/obj-demo-deploy spec.strategy.typ: a Deployment"
    )


def test_what_a_manifest_lacks_is_told_where_the_manifest_is(folder: Path) -> None:
    line = edit(
        folder / "deployment.yaml", "          image: nginx\n", "          image: nginx\n          env: [{value: x}]\n"
    )
    job = "# one\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\n"
    (folder / "job.yaml").write_text(job)
    edit(folder / "kustomization.yaml", "resources:", "resources:\n  - job.yaml")
    assert sorted(line for line in run(folder)[1] if "missing" in line) == [
        f"samples/deployment.yaml:{line + 1}: error: spec.template.spec.containers[0].env[0]: name is missing",
        "samples/job.yaml:2: error: CronJob/c spec: schedule is missing",
    ]


def test_what_an_example_leaves_out_is_told_of_the_example(folder: Path) -> None:
    """The manifest may lack it, where a resource sets it."""
    job = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\n"
    fill(folder, "CronJob/c spec.schedule", "type: string", job)
    assert sorted(line for line in run(folder)[1] if "missing" in line) == [
        "samples/examples/obj.yaml:1: error: CronJob/obj-c spec: schedule is missing"
    ]


def test_what_is_no_python_is_told_with_its_line(folder: Path) -> None:
    (folder / "patches.py").write_text("# [\n\ndef patches(cr)\n")
    assert run(folder)[1][:-1] == ["samples/patches.py:3: error: expected ':'"]


def test_a_kind_without_examples_is_told(folder: Path) -> None:
    shutil.rmtree(folder / "examples")
    assert run(folder)[1][0].startswith("samples: warning: there is no example")


def test_what_kustomize_cannot_build_is_an_error(folder: Path) -> None:
    (folder / "deployment.yaml").write_text("a: [")
    code, lines = run(folder)
    assert code == 1
    assert lines[0].startswith("samples: error: ")
    assert "deployment.yaml" in lines[0]


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        # What kustomize cannot build, and what it can.
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: 5}}",
            "1: error: Pod/a: spec.containers: 5",
        ),
        (
            "{apiVersion: e.org/v1, kind: A, metadata: {name: a, namespace: [b]}}",
            "1: error: A/a: metadata.namespace mus",
        ),
        (
            "apiVersion: v1\nkind: 5\nmetadata: {name: a}",
            "1: error: every object needs apiVersion, kind and metadata.nam",
        ),
        (
            "{apiVersion: e.org/v1, kind: A,\n metadata: {name: a, labels: 3}}",
            "2: error: metadata.labels: 3 must be a ma",
        ),
        (
            "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: a},\n spec: {template: 5}}",
            "2: error: spec.template: 5 must be a mapping",
        ),
    ],
)
def test_what_is_misshapen_is_told_with_its_file(folder: Path, manifest: str, said: str) -> None:
    edit(folder / "kustomization.yaml", "resources:\n", "resources:\n  - more.yaml\n")
    (folder / "more.yaml").write_text(manifest)
    code, lines = run(folder)
    assert code == 1
    assert lines[0].startswith(f"samples/more.yaml:{said}"), lines


def test_a_key_that_stands_twice_in_a_manifest_is_told_with_its_line(folder: Path) -> None:
    line = edit(folder / "deployment.yaml", "  replicas: 1\n", "  replicas: 1\n  replicas: 31415\n")
    told = f"samples/deployment.yaml:{line + 1}: error: 'replicas' stands there twice: take one out"
    assert run(folder) == (1, [told, "1 kind: 1 error, no warnings"])
    # Neither is a value told, which may be a Secret's, in any other file.
    end = edit(folder / "kind.yaml", "kind: Kind\n", "kind: Kind\nkind: hunter2\n")
    assert (
        run(folder)[1][0] == f"samples/kind.yaml:{end + 1}: error: is not YAML: 'kind' stands there twice: take one out"
    )


@pytest.mark.parametrize("name", ["settings", "settings-7c5h2d4gft"])
def test_what_is_generated_is_named_as_the_generator_has_it(folder: Path, name: str) -> None:
    """Whatever the hash is: it changes with each change of what is in it, also with a component."""
    (folder / "components/more").mkdir(parents=True)
    (folder / "components/more/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        "configMapGenerator: [{name: settings, behavior: merge, literals: [c=d]}]\n"
    )
    edit(
        folder / "kustomization.yaml",
        "resources:",
        "configMapGenerator: [{name: settings, literals: [a=b]}]\nresources:",
    )
    edit(folder / "kind.yaml", "kind: Kind\n", "kind: Kind\ncomponents: {more: spec.count=3}\n")
    edit(folder / "kind.yaml", SETS, f"{SETS}  spec.image: ConfigMap/{name} data.a\n")
    edit(
        folder / "kind.yaml",
        "  spec.image: Deployment/demo-deploy spec.template.spec.containers.[name=nginx].image\n",
        "",
    )
    code, lines = run(folder)
    if name == "settings":
        assert (code, lines) == (0, ["1 kind: no errors, no warnings"])
    else:
        assert code == 1
        assert (
            "the folder has no ConfigMap/settings-7c5h2d4gft; it has ConfigMap/settings, Deployment/demo-deploy;"
            in lines[0]
        )
        assert lines[0].endswith("; write ConfigMap/settings, without the hash that kustomize puts behind it")


def test_a_secret_whose_values_are_made_once_has_one_name(folder: Path) -> None:
    edit(
        folder / "kustomization.yaml",
        "resources:",
        "secretGenerator: [{name: password, literals: [user=admin]}]\nresources:",
    )
    edit(folder / "kind.yaml", "kind: Kind\n", "kind: Kind\ngenerate: {Secret/password: {password: 20}}\n")
    code, lines = run(folder)
    assert code == 1
    assert "generate: Secret/password: kustomize puts a hash behind its name, so it would be another" in lines[0]


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


def fill(folder: Path, set_: str, crd_field: str, *objects: str) -> None:
    """Let spec.image, of another type, set something else, in objects that are added to the base."""
    deployment = (folder / "deployment.yaml").read_text()
    (folder / "deployment.yaml").write_text("---\n".join([deployment, *objects]))
    edit(
        folder / "kind.yaml",
        "  spec.image: Deployment/demo-deploy spec.template.spec.containers.[name=nginx].image\n",
        f"  spec.image: {set_}\n",
    )
    text = (folder / "crd.yaml").read_text()
    head, _, rest = text.partition("                image:\n")
    lines = rest.splitlines(keepends=True)
    kept = next(index for index, line in enumerate(lines) if not line.startswith("                  "))
    (folder / "crd.yaml").write_text(f"{head}                image: {{{crd_field}}}\n{''.join(lines[kept:])}")
    (folder / "examples/image.yaml").unlink(missing_ok=True)


POD = """apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: x, resources: {limits: {cpu: 1}}}]}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, targetPort: 8080}]}\n"
BUDGET = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {maxUnavailable: 1}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
CUSTOM = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 2}\n"
CPU = "Pod/p spec.containers.[name=c].resources.limits.cpu"


@pytest.mark.parametrize(
    ("target", "field", "said"),
    [
        (CPU, "type: string", ""),
        (CPU, "type: integer", ""),
        (CPU, "x-kubernetes-int-or-string: true", ""),
        (CPU, "type: boolean", "takes `type: integer` or `type: string`"),
        ("Service/s spec.ports.0.targetPort", "type: string", ""),
        ("PodDisruptionBudget/b spec.maxUnavailable", "type: string", ""),
        ("Service/s spec.ports.0.port", "type: string", "takes `type: integer`"),
        ("Widget/w spec.size", "type: string", "Widget/w spec.size is an integer (2): write `type: integer`"),
        ("Widget/w spec.size", "type: number", ""),
        ("Secret/db stringData.password", "type: integer", "Secret/db stringData.password takes `type: string`"),
        ("Secret/db password", "type: integer", "a Secret has no field password (Kubernetes"),
    ],
)
def test_types_that_fit_and_that_do_not(folder: Path, target: str, field: str, said: str) -> None:
    fill(folder, target, field, POD, SERVICE, BUDGET, SECRET, CUSTOM)
    found = [line for line in run(folder)[1] if ": set: spec.image: " in line]
    assert [said in line for line in found] == [True] * bool(said), found


@pytest.mark.parametrize("api_version", ["v1", "example.org/v1"])
def test_a_secrets_value_is_not_told(folder: Path, api_version: str) -> None:
    secret = SECRET.replace("apiVersion: v1", f"apiVersion: {api_version}").replace("stringData", "words")
    fill(folder, "Secret/db words.password", "type: integer", secret)
    code, lines = run(folder)
    assert code == 1
    assert "hunter2" not in "".join(lines)
    assert api_version == "v1" or "Secret/db words.password is a string: write `type: string`" in lines[0]


def in_kind_yaml(folder: Path, text: str) -> list[str]:
    """What is found about a line more in kind.yaml."""
    with (folder / "kind.yaml").open("a") as file:
        file.write(text)
    return [line.partition("kind.yaml:")[2].partition(": ")[2] for line in run(folder)[1][:-1]]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  replicas: Deployment/demo-deploy status.readyReplica", "a Deployment has no such field (Kubernetes"),
        (
            "  podNames: Pod/* status.hostIPs",
            "is a list, and the status takes its items: write `Pod/* status.hostIPs.*`",
        ),
        ("  podNames: Pod/* status.hostIPs.*.ip", ""),
        (
            "  podNames: Deployment/demo-deploy status.conditions.*",
            "the CRD says `type: string`, and Deployment/demo-dep",
        ),
        (
            "  replicas: {sum: Pod/* status.phase}",
            "a sum adds numbers, and Pod/* status.phase is a text: it would never",
        ),
        (
            "  replicas: Deployment/demo-deploy metadata.name",
            "the CRD says `type: integer`, and Deployment/demo-deploy m",
        ),
        ("  replicas: Deployment/demo-deploy status.conditions.[type=Available].status", ""),
        ("  replicas: {sum: Deployment/* metadata.generation}", ""),
    ],
)
def test_what_a_status_asks_of_children(folder: Path, line: str, said: str) -> None:
    name = line.split(":")[0]
    text = (folder / "kind.yaml").read_text()
    (folder / "kind.yaml").write_text("".join(each for each in text.splitlines(True) if not each.startswith(name)))
    found = in_kind_yaml(folder, f"{line}\n")
    assert [said in each for each in found] == [True] * bool(said), found


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("Available=True", ""),
        ("status.readyReplicas=1", ""),
        (
            "status.phase=Running",
            "error: ready.children: Deployment/demo-deploy: Deployment/demo-deploy status.phase: a De",
        ),
        ("metadata.labels.x=1", ""),
    ],
)
def test_a_rule_that_never_comes_true(folder: Path, rule: str, said: str) -> None:
    found = in_kind_yaml(folder, f"ready: {{children: {{Deployment/demo-deploy: {rule}}}}}\n")
    assert [each.startswith(said) for each in found] == [True] * bool(said), found


def test_a_condition_of_what_has_none(folder: Path) -> None:
    with (folder / "deployment.yaml").open("a") as file:
        file.write("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
    (found,) = in_kind_yaml(folder, "ready: {children: {ConfigMap/c: Ready=True}}\n")
    assert "a ConfigMap has no such field" in found
    assert "so it would never be ready: write `exists`, or a field and its value" in found


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("spec.progressDeadlineSeconds", ""),
        ("spec.template.spec.containers.0.image", "is set in the base, so it is never released"),
        (
            "spec.minReadySeconds",
            "spec.count sets Deployment/demo-deploy spec.minReadySeconds, and the CRD requires it",
        ),
        ("spec.revisionHistoryLimit", ""),
    ],
)
def test_a_field_that_is_released_and_never_free(folder: Path, field: str, said: str) -> None:
    edit(folder / "kind.yaml", SETS, "  spec.count: Deployment/demo-deploy spec.minReadySeconds\n")
    edit(
        folder / "kind.yaml",
        "  spec.image: ",
        "  spec.history: Deployment/demo-deploy spec.revisionHistoryLimit\n  spec.image: ",
    )
    edit(folder / "crd.yaml", "count:\n", "history: {type: integer}\n                count:\n")
    found = in_kind_yaml(folder, f"release: [Deployment/demo-deploy {field}]\n")
    assert [said in each for each in found] == [True] * bool(said), found


@pytest.mark.parametrize(
    ("retired", "said"),
    [
        ("batch/v1 CronJob", ""),
        ("example.org/v1 CronJb", ""),
        ("batch/v1 CronJb", "warning: retired[0]: batch/v1 has no CronJb (Kubernetes v1.36.3): write `CronJob`"),
    ],
)
def test_a_retired_kind_that_never_was(folder: Path, retired: str, said: str) -> None:
    assert in_kind_yaml(folder, f"retired: [{retired}]\n") == [said] * bool(said)


ZONES = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: zones.example.org}
spec: {group: example.org, scope: Cluster, names: {kind: Zone, plural: zones}, versions: []}
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "error: children: Zone/z: a Zone lives outside namespaces: write `scope: Cluster` here"),
        ("  Zone/z: {scope: Cluster}\n", ""),
        (
            "  Zone/z: {scope: Cluster}\n  Ingress/i: {scope: Cluster}\n",
            "error: children: Ingress/i: an Ingress lives in a namespace; `scope: Cluster` does not fit it",
        ),
        (
            "  Zone/z: {scope: Cluster}\n  Service/s: {scope: Cluster}\n",
            "error: children: Service/s: a Service lives in a namespace; `scope: Cluster` does not fit it",
        ),
    ],
)
def test_scopes_are_known_without_a_cluster(folder: Path, line: str, said: str) -> None:
    zone = "apiVersion: example.org/v1\nkind: Zone\nmetadata: {name: z}\n"
    ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n"
    manifests = [(folder / "deployment.yaml").read_text(), zone, SERVICE, ingress]
    (folder / "deployment.yaml").write_text("---\n".join(manifests))
    (folder / "zones.yaml").write_text(ZONES)
    with (folder / "kind.yaml").open("a") as file:
        file.write(f"children:\n{line}" if line else "")
    found = [each for each in run(folder)[1] if "error: " in each]
    assert [said in each for each in found] == [True] * bool(said), found


INSTALLED = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: zones.example.org}
spec:
  group: example.org
  scope: Cluster
  names: {kind: Zone, plural: zones}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object}}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ("name: zones.", "name: zone.", "5: error: metadata.name: 'zone.example.org' must be 'zones.example.org'"),
        ("type: object", "typ: object", "14: error: spec.versions[0].schema.openAPIV3Schema.typ: a CustomResourceDef"),
        (
            "{openAPIV3Schema: {type: object}}",
            "{openAPIV3Schema: {type: object, nullable: true}}",
            "",
        ),
        (
            "{openAPIV3Schema: {type: object}}",
            "{openAPIV3Schema: {type: object, default: {a: 1}, $ref: x}}",
            "14: error: spec.version",
        ),
        ("      served: true\n", "", ""),
        ("  names: {kind: Zone, plural: zones}\n", "", "6: error: spec: names is missing"),
    ],
)
def test_what_is_wrong_with_a_crd_that_is_installed(folder: Path, old: str, new: str, said: str) -> None:
    text = INSTALLED.replace(old, new)
    (folder / "zones.yaml").write_text(f"# one\n---\n{text}")
    edit(folder / "kustomization.yaml", "resources:", "resources:\n  - zones.yaml")
    name = "zone" if "zone." in new else "zones"
    edit(folder / "kind.yaml", "kind: Kind\n", f"kind: Kind\ninstall: [CustomResourceDefinition/{name}.example.org]\n")
    found = run(folder)[1][:-1]
    assert [line.startswith(f"samples/zones.yaml:{said}") for line in found] == [True] * bool(said), found


def test_what_an_object_lacks_at_its_top_is_told_with_its_name(folder: Path) -> None:
    name = "zones.example.org"
    (folder / "zones.yaml").write_text(INSTALLED.partition("spec:")[0])
    edit(folder / "kustomization.yaml", "resources:", "resources:\n  - zones.yaml")
    edit(folder / "kind.yaml", "kind: Kind\n", f"kind: Kind\ninstall: [CustomResourceDefinition/{name}]\n")
    assert run(folder)[1][0] == f"samples/zones.yaml:1: error: CustomResourceDefinition/{name}: spec is missing"


def component(folder: Path, patch: str) -> None:
    """A component that patches the Deployment."""
    edit(folder / "crd.yaml", "count:\n", "more: {type: boolean}\n                count:\n")
    (folder / "components/more").mkdir(parents=True)
    (folder / "components/more/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: patch.yaml}]\n"
    )
    (folder / "components/more/patch.yaml").write_text(patch)
    with (folder / "kind.yaml").open("a") as file:
        file.write("components:\n  more: spec.more\n")


def test_what_a_component_patches_into_the_base_is_checked(folder: Path) -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: demo}\nspec: {ports: [{port: 80}]}\n"
    (folder / "deployment.yaml").write_text("---\n".join([(folder / "deployment.yaml").read_text(), service]))
    component(folder, service.replace("port: 80", "port: 80, nodePort: 30080"))
    lines = run(folder)[1]
    assert [line for line in lines if "Service/demo spec.ports.0.nodePort is 30080" in line]
    argument = "spec: {template: {spec: {containers: [{name: nginx, args: ['http://demo:80/']}]}}}"
    (folder / "components/more/patch.yaml").write_text(
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: demo-deploy}}\n{argument}\n"
    )
    assert [line for line in run(folder)[1] if ".args.0` under `follow`" in line]


def test_what_cannot_be_a_child_is_told_once_for_each(folder: Path) -> None:
    others = [
        *(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n" for name in ("one", "two")),
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: three}\n",
    ]
    (folder / "others.yaml").write_text("---\n".join(others))
    edit(folder / "kustomization.yaml", "resources:", "resources:\n  - others.yaml")
    code, lines = run(folder)
    assert code == 1
    assert sorted(line.split(": a")[0] for line in lines[:-1]) == [
        "samples/others.yaml:1: error: Namespace/one",
        "samples/others.yaml:5: error: Namespace/two",
        "samples/others.yaml:9: error: APIService/three",
    ]


def test_an_example_that_two_components_spoil_hides_nothing(folder: Path) -> None:
    for name in ("more", "less"):
        edit(folder / "crd.yaml", "count:\n", f"{name}: {{type: boolean}}\n                count:\n")
        at = folder / "components" / name
        at.mkdir(parents=True)
        (at / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\n"
        )
        version = "v1" if name == "more" else "v2"
        (at / "x.yaml").write_text(f"apiVersion: example.org/{version}\nkind: Widget\nmetadata: {{name: x}}\n")
    with (folder / "kind.yaml").open("a") as file:
        file.write("components: {more: spec.more, less: spec.less}\n")
    spec = "{count: 1, more: true, less: true}"
    (folder / "examples/both.yaml").write_text(
        f"apiVersion: nuvolaris.org/v1\nkind: Sample\nmetadata: {{name: both}}\nspec: {spec}\n"
    )
    edit(folder / "examples/obj.yaml", "count: 2", "count: two")
    code, lines = run(folder)
    assert code == 1
    both, obj = lines[:-1]
    assert both.startswith("samples/examples/both.yaml:1: error: cannot be rendered: ")
    assert "Widget/x stands there twice" in both
    assert "'two' is not of type 'integer'" in obj


@pytest.mark.parametrize("pattern", [r"\A[a-z]+\z", r"\pL"])
def test_a_pattern_that_python_does_not_know_is_told(folder: Path, pattern: str) -> None:
    edit(folder / "crd.yaml", "count:\n", f"word: {{type: string, pattern: '{pattern}'}}\n                count:\n")
    edit(folder / "examples/obj.yaml", "count: 2", "count: 2\n  word: abc")
    edit(folder / "kind.yaml", "  spec.image:", "  spec.word: Deployment/demo-deploy metadata.labels.x\n  spec.image:")
    code, lines = run(folder)
    assert code == 0, lines
    (found,) = lines[:-1]
    assert ": warning: spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.word.pattern: " in found
    assert "the examples are not tried against it" in found


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{type: int}", "type: 'int' is none of array, boolean, integer, number, object, string"),
        ("{type: string, enum: x}", "enum: 'x' must be a list"),
        ("{type: string, minLength: '3'}", "minLength: '3' must be a number"),
        ("{type: array, items: {type: 5}}", "items.type: 5 must be a text"),
    ],
)
def test_a_schema_that_is_none_is_told(folder: Path, schema: str, said: str) -> None:
    line = edit(
        folder / "crd.yaml", "                image:\n", f"                more: {schema}\n                image:\n"
    )
    edit(folder / "examples/obj.yaml", "count: 2", "count: 2\n  more: 3")
    code, (found, _) = run(folder)
    assert code == 1
    where = "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.more"
    assert found.startswith(f"samples/crd.yaml:{line}: error: {where}.{said}")


def test_what_is_no_yaml_is_told_with_its_line(folder: Path) -> None:
    with (folder / "kind.yaml").open("a") as file:
        file.write("status: [\n")
    end = (folder / "kind.yaml").read_text().count("\n") + 1
    (found,) = run(folder)[1][:-1]
    assert found.startswith(f"samples/kind.yaml:{end}: error: is not YAML: ")


def test_only_paths_are_made_relative(folder: Path) -> None:
    image = f"reg{folder.parent}/x"
    edit(folder / "crd.yaml", "count:\n", f"size: {{type: string, enum: ['{image}']}}\n                count:\n")
    edit(folder / "kind.yaml", "kind: Kind\n", f"kind: Kind\ncomponents: {{x: spec.size={image}/y}}\n")
    (folder / "components/x").mkdir(parents=True)
    (folder / "components/x/kustomization.yaml").write_text(
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {more: is}\n"
    )
    (found,) = run(folder)[1][:-1]
    assert found.startswith("samples/kind.yaml:3: warning: ")
    assert f"is never '{image}/y': the CRD allows {image}" in found


@pytest.mark.parametrize(("plural", "said"), [("samples", "is that of"), ("samples-x", "differ by what")])
def test_kinds_whose_resources_could_have_one_label(folder: Path, plural: str, said: str) -> None:
    other = shutil.copytree(folder, folder.parent / "with")
    (other / "crd.yaml").write_text((other / "crd.yaml").read_text().replace("samples", plural))
    shutil.rmtree(other / "expected", ignore_errors=True)
    code, lines = run(folder.parent)
    assert code == 1
    (found,) = lines[:-1]
    assert found.startswith("with/crd.yaml:")
    assert f": error: spec.names.plural: '{plural}'" in found
    assert said in found
    assert run(other)[0] == 0


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({}, "spec.names.kind: 'Sample' is that of "),
        ({"kind: Sample\n": "kind: Other\n"}, "spec.names.singular: 'sample' is that of "),
        (
            {"kind: Sample\n": "kind: Other\n", "singular: sample\n": "singular: other\n"},
            "spec.names.shortNames: 'sam' is that of ",
        ),
        (
            {"kind: Sample\n": "kind: Other\n", "singular: sample\n": "singular: other\n", "[sam]": "[samples]"},
            "spec.names.shortNames: 'samples' is that of ",
        ),
        ({"nuvolaris.org": "example.org"}, ""),
    ],
)
def test_what_another_crd_of_the_group_is_called_is_told(folder: Path, new: dict[str, str], said: str) -> None:
    other = shutil.copytree(folder, folder.parent / "with")
    shutil.rmtree(other / "examples")
    text = (other / "crd.yaml").read_text().replace("samples", "things")
    for was, will in new.items():
        assert was in text
        text = text.replace(was, will)
    (other / "crd.yaml").write_text(text)
    found = [line for line in run(folder.parent)[1] if line.startswith("with/crd.yaml:")]
    assert [f": error: {said}" in line for line in found] == [True] * bool(said), found
