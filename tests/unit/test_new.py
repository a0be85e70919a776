"""``nuvop new`` on folders of public projects (tests/new), rendered by the real kustomize."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nuvop import yamltext
from nuvop.commands import new as command
from nuvop.commands.check import check
from nuvop.commands.new import new
from nuvop.commands.render import render

FOLDERS = Path(__file__).parents[1] / "new"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NUVOP_KINDS", raising=False)
    return tmp_path


def run(kind: str, source: Path | str, *more: str, text: str | None = None) -> Result:
    arguments = [kind, "--group", "try.example.com", "--from", str(source), *more]
    return CliRunner().invoke(new, arguments, input=text)


def made(kind: str, folder: str, *more: str) -> Path:
    """Make a kind of one of the folders, and see that nothing is wrong with it."""
    done = run(kind, FOLDERS / folder, *(more or ("--yes",)))
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    (path,) = Path("kustomize").iterdir()
    checked = CliRunner().invoke(check, [str(path)])
    assert checked.exit_code == 0, checked.output
    assert "no errors" in checked.output
    return path


def document(path: Path) -> Any:
    return yamltext.load(path.read_text())


def spec_of(path: Path) -> Any:
    (version,) = document(path / "crd.yaml")["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def test_podinfo(here: Path) -> None:
    path = made("Podinfo", "podinfo")
    assert path.name == "podinfos"
    kind = document(path / "kind.yaml")
    container = "Deployment/podinfo spec.template.spec.containers.[name=podinfod]"
    assert kind["set"] == {
        "spec.minReplicas": "HorizontalPodAutoscaler/podinfo spec.minReplicas",
        "spec.maxReplicas": "HorizontalPodAutoscaler/podinfo spec.maxReplicas",
        "spec.image": f"{container}.image",
        "spec.resources": f"{container}.resources",
    }
    assert kind["follow"] == [f"{container.removesuffix('.')}.command.2"]
    spec = spec_of(path)
    assert spec["minReplicas"] == {
        "description": (
            "The lower limit for the number of replicas to which the autoscaler can scale down. "
            "Sets spec.minReplicas of HorizontalPodAutoscaler/podinfo."
        ),
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "default": 2,
    }
    limits = spec["resources"]["properties"]["limits"]["additionalProperties"]
    assert limits["x-kubernetes-int-or-string"] is True
    assert list(spec["resources"]["properties"]) == ["limits", "requests"]
    assert spec["resources"]["default"]["limits"] == {"cpu": "2000m", "memory": "512Mi"}
    assert document(path / "examples/podinfo.yaml")["spec"] == {
        "minReplicas": 2,
        "maxReplicas": 4,
        "image": "ghcr.io/stefanprodan/podinfo:6.9.0",
        "resources": spec["resources"]["default"],
    }
    for name in ("deployment.yaml", "hpa.yaml", "service.yaml", "kustomization.yaml"):
        assert (path / name).read_bytes() == (FOLDERS / "podinfo" / name).read_bytes()


def test_a_kubebuilder_project(here: Path) -> None:
    path = made("Manager", "kubebuilder/default", "--yes", "--short", "mgr")
    kind = document(path / "kind.yaml")
    assert kind["install"] == ["CustomResourceDefinition/captains.crew.example.com"]
    assert list(kind["set"]) == ["spec.replicas", "spec.image", "spec.resources"]
    crd = document(path / "crd.yaml")
    assert crd["spec"]["names"]["shortNames"] == ["mgr"]
    (version,) = crd["spec"]["versions"]
    assert version["subresources"]["scale"] == {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
    }
    # What stood beside the folder stands in it, and nothing else has changed, no comment either.
    before = (FOLDERS / "kubebuilder/default/kustomization.yaml").read_text()
    assert (path / "base/kustomization.yaml").read_text() == before.replace("- ../", "- ")
    assert (path / "base/crd/bases/crew.example.com_captains.yaml").exists()
    rendered = (path / "expected/manager.yaml").read_text()
    assert "name: example-project-leader-election-role" in rendered
    assert "kind: Namespace" not in rendered


def test_wordpress(here: Path) -> None:
    path = made("Blog", "wordpress")
    kind = document(path / "kind.yaml")
    # The prefix that all names share is not part of the fields' names.
    assert list(kind["set"]) == [
        *("spec.mysql.replicas", "spec.mysql.image"),
        *("spec.wordpress.replicas", "spec.wordpress.image"),
    ]
    # The line that it echoes names nobody to talk to.
    assert kind["follow"] == [
        "Deployment/demo-wordpress spec.template.spec.containers.[name=wordpress].env.[name=WORDPRESS_DB_HOST].value"
    ]
    assert kind["status"]["replicas"] == {
        "sum": ["Deployment/demo-mysql status.replicas", "Deployment/demo-wordpress status.replicas"]
    }
    assert spec_of(path)["mysql"]["default"] == {}
    assert spec_of(path)["mysql"]["properties"]["image"]["default"] == "mysql:4.8"
    rendered = CliRunner().invoke(render, ["-f", str(path / "examples/blog.yaml"), "--kinds", str(path)])
    assert rendered.stdout == (path / "expected/blog.yaml").read_text()
    assert "value: example-demo-mysql" in rendered.stdout

    deployment = path / "wordpress/deployment.yaml"
    deployment.write_text(deployment.read_text().replace("/var/lib/wordpress", "/var/www/html"))
    checked = CliRunner().invoke(check, [str(path)])
    assert checked.exit_code == 1
    assert "examples/blog.yaml:1: error: what it becomes is not what expected/blog.yaml says" in checked.stdout


FIELDS = [
    "--field=size=Deployment/podinfo:spec.replicas",
    "--field=web.image=Deployment/podinfo:spec.template.spec.containers.[name=podinfod].image",
    "--field=pull=Deployment/podinfo:spec.template.spec.containers.[name=podinfod].imagePullPolicy",
    "--field=port=Service/podinfo:spec.ports.[name=http].port",
    "--field=port=Deployment/podinfo:spec.template.spec.containers.[name=podinfod].ports.[name=http].containerPort",
    "--field=spec.note=Deployment/podinfo:metadata.annotations.[example.org/note]",
]


def test_named_fields(here: Path) -> None:
    path = made("Podinfo", "podinfo", *FIELDS)
    spec = spec_of(path)
    assert list(spec) == ["size", "web", "pull", "port", "note"]
    assert (spec["size"]["type"], spec["size"]["minimum"], spec["size"]["default"]) == ("integer", 0, 1)
    assert spec["pull"]["enum"] == ["Always", "IfNotPresent", "Never"]
    assert spec["pull"]["default"] == "IfNotPresent"
    assert (spec["port"]["minimum"], spec["port"]["maximum"], spec["port"]["default"]) == (1, 65535, 9898)
    assert spec["note"]["type"] == "string"
    assert len(document(path / "kind.yaml")["set"]["spec.port"]) == 2


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("replicas", "--field: replicas: must read name=Kind/child:field.path, such as replicas=Deployment/web:spec"),
        ("a=Deployment/none:spec.replicas", "the folder has no Deployment/none; it has Service/podinfo"),
        ("a=Deployment/podinfo:spec.[", "field path 'spec.[' cannot be read"),
        ("A=Deployment/podinfo:spec.replicas", "must read name=Kind/child:field.path"),
        ("a=Deployment/podinfo:spec.replica", "a Deployment has no field spec.replica (Kubernetes v1."),
        ("a=Deployment/podinfo:metadata.name", "metadata.name is for nuvop alone to set"),
    ],
)
def test_a_wrong_field_makes_nothing(here: Path, field: str, said: str) -> None:
    done = run("Podinfo", FOLDERS / "podinfo", "--field", field)
    assert done.exit_code == 1
    assert said in done.stderr
    assert list(here.iterdir()) == []


def test_a_field_cannot_have_members_and_a_value(here: Path) -> None:
    done = run("Podinfo", FOLDERS / "podinfo", "--field", "size.a=Service/podinfo:spec.type", *FIELDS[:1])
    assert done.exit_code == 1
    assert "--field: size.a: size is a field of its own" in done.stderr


def test_a_kind_outlives_a_change_of_what_is_generated(here: Path) -> None:
    """With another hash behind the ConfigMap's name."""
    source = written(
        here / "source",
        {
            "kustomization.yaml": "resources: [a.yaml]\nconfigMapGenerator: [{name: settings, files: [web.conf]}]\n",
            "a.yaml": SHOP,
            "web.conf": "upstream = http://web:443\nlevel = 1\n",
        },
    )
    assert run("Shop", source, "--field=text=ConfigMap/settings:data.[web.conf]").exit_code == 0
    path = here / "kustomize/shops"
    assert "ConfigMap/settings data.[web.conf]" in document(path / "kind.yaml")["follow"]
    for level in ("1", "2"):
        (path / "web.conf").write_text(f"upstream = http://web:443\nlevel = {level}\n")
        (path / "patches.py").write_text(
            "def patches(cr):\n"
            f"    yield {{'kind': 'ConfigMap', 'metadata': {{'name': 'settings'}}, 'data': {{'level': '{level}'}}}}\n"
        )
        arguments = ["-f", str(path / "examples/shop.yaml"), "--kinds", str(path)]
        done = CliRunner().invoke(render, arguments)
        assert done.exit_code == 0, done.output
        (config,) = (each for each in yamltext.load_all(done.stdout) if each["kind"] == "ConfigMap")
        # What the example sets counts more than the file.
        assert config["data"] == {"web.conf": "upstream = http://web:443\nlevel = 1\n", "level": level}
        assert config["metadata"]["name"].startswith("example-settings-")


def test_it_asks_where_there_is_a_terminal(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("Podinfo", FOLDERS / "podinfo")
    assert done.exit_code == 1
    assert "there is no terminal to ask at" in done.stderr
    monkeypatch.setattr(command, "_may_ask", lambda: True)
    done = run("Podinfo", FOLDERS / "podinfo", text="y\nn\n\nn\n")
    assert done.exit_code == 0, done.output
    assert "spec.minReplicas (now 2) → HorizontalPodAutoscaler/podinfo spec.minReplicas [Y/n]" in done.stderr
    assert list(spec_of(here / "kustomize/podinfos")) == ["minReplicas", "image"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Pod info"], "KIND: 'Pod info' must be a name such as NginxServer"),
        (["Podinfo", "--group=com"], "--group: 'com' must be a name such as web.example.com"),
        (["Podinfo", "--version=1"], "--version: '1' must be a name such as v1 or v1alpha1"),
        (["Podinfo", "--plural=Pods"], "--plural: 'Pods' must be a name such as nginxservers"),
        (
            ["Podinfo", "--from=nowhere"],
            "there is no such file, so this is no kustomize folder: write one with the manifests under `resources` (`k",
        ),
    ],
)
def test_wrong_arguments(here: Path, arguments: list[str], said: str) -> None:
    kind, *more = arguments
    done = run(kind, FOLDERS / "podinfo", "--yes", *more)
    assert done.exit_code == 1
    assert said in done.stderr
    assert list(here.iterdir()) == []


def test_nothing_is_overwritten(here: Path) -> None:
    path = made("Podinfo", "podinfo")
    (path / "kind.yaml").write_text("mine")
    done = run("Podinfo", FOLDERS / "podinfo", "--yes")
    assert done.exit_code == 1
    assert "kustomize/podinfos: is there already; give --plural or --into, or remove it" in done.stderr
    assert (path / "kind.yaml").read_text() == "mine"
    assert run("Podinfo", FOLDERS / "podinfo", "--yes", "--plural", "others").exit_code == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "resources: ['https://example.org/a.yaml']",
            "kustomization.yaml: resources[0]: 'https://example.org/a.yaml' is not on",
        ),
        *(
            (
                lines,
                f"source/kustomization.yaml: {place}: '../a.yaml' lies outside of the kustomization's folder, and ku",
            )
            for lines, place in (
                ("resources: [../a.yaml]", "resources[0]"),
                ("patches: [{path: ../a.yaml}]", "patches[0].path"),
                ("configMapGenerator: [{name: a, files: [x=../a.yaml]}]", "configMapGenerator[0].files[0]"),
                ("secretGenerator: [{name: a, envs: [../a.yaml]}]", "secretGenerator[0].envs[0]"),
            )
        ),
        ("resources: [../b.yaml]", "kustomization.yaml: resources[0]: '../b.yaml': there is no such file"),
        ("resources: [github.com/a/b]", "kustomization.yaml: resources[0]: 'github.com/a/b' is not on this disk"),
        ("helmCharts: [{name: x}]", "kustomization.yaml: helmCharts: a Helm chart is not rendered"),
        ("resources: [api.yaml]", "APIService/v1.x.org: deleting one Podinfo must not delete it"),
        ("resources: [none.yaml]", "kustomization.yaml: resources[0]: 'none.yaml': there is no such file"),
        ("patches: [{path: p.yaml}]", "kustomization.yaml: patches[0].path: 'p.yaml': there is no such file"),
        (
            "configMapGenerator: [{name: a, files: [x=none.txt]}]",
            "kustomization.yaml: configMapGenerator[0].files[0]: 'none.txt': there is no such file",
        ),
        ("resources: [a.yaml]\nresources: [a.yaml]", "kustomization.yaml:2: is not YAML: "),
        (
            "resource: [a.yaml]",
            "kustomize cannot build it: source/kustomization.yaml: resource: kustomize has no such field",
        ),
        ("resources: []", "the folder makes no object that could be a child"),
        ("a: [", "kustomization.yaml:1: is not YAML: "),
        *((text, "source/kustomization.yaml: must be a mapping") for text in ("a", "[a]", "[[a, b]]", "- a: b")),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(here: Path, lines: str, said: str) -> None:
    source = here / "source"
    source.mkdir()
    (source / "kustomization.yaml").write_text(lines)
    (source / "api.yaml").write_text(
        "{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.x.org}}"
    )
    (here / "a.yaml").write_text("a: b\n")
    done = run("Podinfo", source, "--yes")
    assert done.exit_code == 1
    assert said in done.stderr
    assert sorted(path.name for path in here.iterdir()) == ["a.yaml", "source"]


@pytest.mark.parametrize("more", ["", "---\n{apiVersion: v1, kind: Namespace, metadata: {name: home}}\n"])
def test_what_is_wrong_with_a_manifest_names_the_users_file(here: Path, more: str) -> None:
    metadata = "{name: a, annotations: {nuvop.nuvolaris.org/prune: 'no'}}"
    manifest = f"{{apiVersion: v1, kind: ConfigMap, metadata: {metadata}}}\n{more}"
    written(here / "source", {"kustomization.yaml": "resources: [below/a.yaml]\n", "below/a.yaml": manifest})
    done = run("Thing", "source", "--yes")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: source/below/a.yaml:1: ConfigMap/a: metadata.annotations: "), done.stderr


DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: x}]}
"""
ROLLOUT = DEPLOYMENT.replace("apps/v1", "argoproj.io/v1alpha1").replace("Deployment", "Rollout")


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        # kustomize itself cannot build what is misshapen where it looks for names.
        (
            DEPLOYMENT.replace("[{name: web, image: x}]", "5"),
            "8: Deployment/web: spec.template.spec.containers: 5 must",
        ),
        (
            ROLLOUT.replace("[{name: web, image: x}]", "5"),
            "8: Rollout/web: spec.template.spec.containers: 5 must be a l",
        ),
        (DEPLOYMENT.replace("kind: Deployment", "kind: 5"), "2: web: kind: 5 must be a text that is not empty"),
        (DEPLOYMENT.replace("kind: D", "kind: D\nkind: D"), "3: 'kind' stands there twice: take one out"),
        (
            "apiVersion: e.org/v1\nkind: A\nmetadata: {name: a, annotations: [b]}",
            "3: A/a: metadata.annotations: the value mus",
        ),
    ],
)
def test_what_is_misshapen_names_the_users_file(here: Path, manifest: str, said: str) -> None:
    lines = "namePrefix: a-\nresources: [below/a.yaml]\n"
    written(here / "source", {"kustomization.yaml": lines, "below/a.yaml": manifest})
    done = run("Thing", "source", "--yes")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: source/below/a.yaml:{said}"), done.stderr


def test_what_a_patch_puts_right_is_right(here: Path) -> None:
    operation = '{"op": "replace", "path": "/spec/replicas", "value": 1}'
    patch = f"patches: [{{target: {{kind: Deployment}}, patch: '[{operation}]'}}]\n"
    manifest = DEPLOYMENT.replace("  selector", "  replicas: HERE\n  selector")
    written(here / "source", {"kustomization.yaml": f"resources: [a.yaml]\n{patch}", "a.yaml": manifest})
    done = run("Thing", "source", "--yes")
    assert done.exit_code == 0, done.output


def test_parts_of_custom_objects_that_are_like_known_ones_are_no_trouble(here: Path) -> None:
    """Whatever a custom kind of a known name has there."""
    claims = "{volumeClaimTemplates: [{metadata: {}}, {metadata: {name: 5}}]}"
    objects = [
        DEPLOYMENT,
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80, targetPort: 80}]}}\n",
        "{apiVersion: e.org/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{host: [a]}, {host: {}}]}}\n",
        *(f"{{apiVersion: e.org/v1, kind: Foo, metadata: {{name: f{index}}}, webhooks: {webhooks}}}\n"
          for index, webhooks in enumerate(("5", "[5]", "[{clientConfig: 5}]", "[{clientConfig: {service: 5}}]"))),
        f"{{apiVersion: e.org/v1, kind: StatefulSet, metadata: {{name: t}}, spec: {claims}}}\n",
    ]  # fmt: skip
    written(here / "source", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "---\n".join(objects)})
    done = run("Thing", "source", "--yes")
    assert done.exit_code == 0, done.output


def test_an_empty_manifest_is_named(here: Path) -> None:
    written(here / "source", {"kustomization.yaml": "resources:\n- a.yaml\n", "a.yaml": "# nothing\n"})
    done = run("Thing", "source", "--yes")
    assert done.stderr.startswith("Error: source/kustomization.yaml:2: resources[0]: 'a.yaml' has no object in it")


def test_files_that_are_called_like_the_kinds_own_stand_apart(here: Path) -> None:
    source = shutil.copytree(FOLDERS / "podinfo", here / "source")
    (source / "crd.yaml").write_text((source / "service.yaml").read_text())
    (source / "kustomization.yaml").write_text("resources: [deployment.yaml, hpa.yaml, crd.yaml]\n")
    assert run("Podinfo", source, "--yes").exit_code == 0
    path = here / "kustomize/podinfos"
    assert document(path / "crd.yaml")["kind"] == "CustomResourceDefinition"
    assert document(path / "base/crd.yaml")["kind"] == "Service"


def test_folders_of_one_name_and_folders_that_are_shared(here: Path) -> None:
    for name, resources in {
        "app/web": "[../../lib/base, ../base]",
        "app/base": "[../../lib/base, b.yaml]",
        "lib/base": "[a.yaml]",
    }.items():
        (here / name).mkdir(parents=True)
        (here / name / "kustomization.yaml").write_text(f"resources: {resources}\nnamePrefix: {name[0]}-\n")
    for file, name in (("app/base/b.yaml", "b"), ("lib/base/a.yaml", "a")):
        (here / file).write_text(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n")
    done = run("Thing", here / "app/web", "--yes")
    assert done.exit_code == 0, done.output
    path = here / "kustomize/things"
    assert (path / "kustomization.yaml").read_text() == "resources: [base, base-2]\nnamePrefix: a-\n"
    assert (path / "base-2/kustomization.yaml").read_text() == "resources: [../base, b.yaml]\nnamePrefix: a-\n"
    assert document(path / "kind.yaml") == {"apiVersion": "nuvop.nuvolaris.org/v1", "kind": "Kind"}


def written(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


CERTIFICATE = """
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: serving}
spec: {dnsNames: [webhook.system.svc], issuerRef: {name: selfsigned}, secretName: cert}
---
{apiVersion: cert-manager.io/v1, kind: Issuer, metadata: {name: selfsigned}, spec: {selfSigned: {}}}
---
{apiVersion: v1, kind: Service, metadata: {name: webhook}, spec: {ports: [{port: 443}]}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hook, annotations: {cert-manager.io/inject-ca-from: system/serving}}
webhooks: []
"""
NAMES = "nameReference: [{kind: Issuer, fieldSpecs: [{kind: Certificate, path: spec/issuerRef/name}]}]"
CONVERTED = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: captains.crew.example.com}
spec:
  group: crew.example.com
  names: {kind: Captain, plural: captains}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
  conversion:
    strategy: Webhook
    webhook: {clientConfig: {service: {name: webhook, namespace: system}}, conversionReviewVersions: [v1]}
"""


def test_the_namespace_of_the_folder_is_left_out(here: Path) -> None:
    source = written(
        here / "source",
        {
            "kustomization.yaml": "resources: [a.yaml]\nnamespace: shop\n",
            "a.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {a: b}}}\n---\n"
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
        },
    )
    done = run("Shop", source, "--yes")
    assert done.exit_code == 0, done.output
    assert (
        "kustomization.yaml: Namespace/shop is left out, because each Shop lives in the namespace where it is made; "
        "its labels and annotations are yours to set there\n"
    ) in done.stdout
    path = here / "kustomize/shops"
    assert "install" not in document(path / "kind.yaml")
    assert "1 kind: no errors" in CliRunner().invoke(check, [str(path)]).output
    assert "kind: Namespace" not in (path / "expected/shop.yaml").read_text()


def test_what_an_autoscaler_sets_is_left_to_it(here: Path) -> None:
    source = shutil.copytree(FOLDERS / "podinfo", here / "source")
    (source / "kustomization.yaml").write_text(
        "resources: [hpa.yaml, deployment.yaml, service.yaml]\nreplicas: [{name: podinfo, count: 3}]\n"
    )
    done = run("Podinfo", source, "--yes")
    assert done.exit_code == 0, done.output
    assert (
        "kustomization.yaml: Deployment/podinfo spec.replicas is left out, because an autoscaler sets it\n"
    ) in done.stdout
    path = here / "kustomize/podinfos"
    assert document(path / "kind.yaml")["release"] == ["Deployment/podinfo spec.replicas"]
    assert "spec.replicas" not in document(path / "kind.yaml")["set"]
    (deployment,) = (
        each for each in yamltext.load_all((path / "expected/podinfo.yaml").read_text()) if each["kind"] == "Deployment"
    )
    assert "replicas" not in deployment["spec"]
    assert (path / "base/kustomization.yaml").read_bytes() == (source / "kustomization.yaml").read_bytes()
    # It stays so when the manifests have no replicas any more.
    (path / "base/kustomization.yaml").write_text("resources: [hpa.yaml, deployment.yaml, service.yaml]\n")
    assert "1 kind: no errors, no warnings" in CliRunner().invoke(check, [str(path)]).output


def test_replicas_that_are_asked_for_are_not_the_autoscalers(here: Path) -> None:
    source = shutil.copytree(FOLDERS / "podinfo", here / "source")
    (source / "deployment.yaml").write_text(
        (source / "deployment.yaml").read_text().replace("\nspec:\n", "\nspec:\n  replicas: 3\n")
    )
    done = run("Podinfo", source, "--field=size=Deployment/podinfo:spec.replicas")
    assert done.exit_code == 0, done.output
    assert (
        "kind.yaml: Deployment/podinfo spec.replicas is set by a field, and by an autoscaler of the folder: take one "
        "of them out\n"
    ) in done.stdout
    assert "release" not in document(here / "kustomize/podinfos/kind.yaml")
    assert "  replicas: 3\n" in (here / "kustomize/podinfos/deployment.yaml").read_text()


NGINX = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx}
spec:
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.25
        command: [nginx, -c, nginx.conf, -g, "daemon off;"]
        env: [{name: ROLE, value: nginx}, {name: SELF_HOST, value: nginx}]
---
{apiVersion: v1, kind: Service, metadata: {name: nginx}, spec: {selector: {app: nginx}, ports: [{port: 80}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data:
  nginx.conf: |
    user  nginx;
    events {}
    http { server { location / { proxy_pass http://nginx/; } } }
  mime.types: |
    user  nginx;
"""


def test_a_word_that_is_also_a_services_name_stays(here: Path) -> None:
    written(here / "source", {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": NGINX})
    assert run("Web", here / "source", "--yes").exit_code == 0
    path = here / "kustomize/webs"
    assert document(path / "kind.yaml")["follow"] == [
        "ConfigMap/conf data.[nginx.conf]",
        "Deployment/nginx spec.template.spec.containers.[name=nginx].env.[name=SELF_HOST].value",
    ]
    expected = yamltext.load_all((path / "expected/web.yaml").read_text())
    config, pods = (next(each for each in expected if each["kind"] == kind) for kind in ("ConfigMap", "Deployment"))
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["nginx", "-c", "nginx.conf", "-g", "daemon off;"]
    assert [each["value"] for each in container["env"]] == ["nginx", "example-nginx"]
    assert config["data"]["nginx.conf"].startswith("user  nginx;")
    assert "proxy_pass http://example-nginx/;" in config["data"]["nginx.conf"]
    assert "no warnings" in CliRunner().invoke(check, [str(path)]).output


def test_names_inside_of_custom_objects_follow(here: Path) -> None:
    """As in a kubebuilder project with cert-manager; a folder below tells kustomize of one name alone."""
    source = written(
        here / "source",
        {
            "kustomization.yaml": "resources: [certs]\nnamespace: system\n",
            "certs/kustomization.yaml": "resources: [all.yaml]\nconfigurations: [names.yaml]\n",
            "certs/all.yaml": CERTIFICATE,
            "certs/names.yaml": NAMES,
        },
    )
    done = run("Crew", source, "--yes")
    assert done.exit_code == 0, done.output
    path = here / "kustomize/crews"
    kind = path / "kind.yaml"
    assert document(kind)["follow"] == [
        "Certificate/serving spec.dnsNames.0",
        "Certificate/serving spec.issuerRef.name",
        "ValidatingWebhookConfiguration/hook metadata.annotations.[cert-manager.io/inject-ca-from]",
    ]
    for _ in range(2):
        rendered = CliRunner().invoke(render, ["-f", str(path / "examples/crew.yaml"), "--kinds", str(path)]).stdout
        objects = {obj["kind"]: obj for obj in yamltext.load_all(rendered)}
        assert objects["Certificate"]["spec"] == {
            "dnsNames": ["example-webhook.default.svc"],
            "issuerRef": {"name": "example-selfsigned"},
            "secretName": "cert",
        }
        annotations = objects["ValidatingWebhookConfiguration"]["metadata"]["annotations"]
        assert annotations == {"cert-manager.io/inject-ca-from": "default/example-serving"}
        # What kustomize knows needs no line, and does no harm with one.
        kind.write_text(kind.read_text().replace("  - Certificate/serving spec.issuerRef.name\n", ""))


SHOP = """
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web}
spec: {dnsNames: [shop.example.com], issuerRef: {name: ours, kind: ClusterIssuer}, secretName: web-tls}
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{port: 443, targetPort: https}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{hosts: [shop.example.com], secretName: web-tls}]
  defaultBackend: {service: {name: web, port: {number: 443}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "web:1", env: [{name: NAMESPACE, value: shop}]}]
      volumes: [{name: tls, secret: {secretName: web-tls}}, {name: ca, secret: {secretName: company-ca}}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web}
spec: {endpoints: [{port: https}], namespaceSelector: {matchNames: [shop]}, selector: {matchLabels: {app: web}}}
"""


def test_a_secret_that_a_certificate_makes_is_each_resources_own(here: Path) -> None:
    source = written(here / "source", {"kustomization.yaml": "resources: [a.yaml]\nnamespace: shop\n", "a.yaml": SHOP})
    assert run("Shop", source, "--yes").exit_code == 0
    path = here / "kustomize/shops"
    assert "1 kind: no errors, no warnings" in CliRunner().invoke(check, [str(path)]).output
    made = {obj["kind"]: obj["spec"] for obj in yamltext.load_all((path / "expected/shop.yaml").read_text())}
    assert made["Certificate"]["secretName"] == "example-web-tls"
    assert made["Ingress"]["tls"] == [{"hosts": ["shop.example.com"], "secretName": "example-web-tls"}]
    pods = made["Deployment"]["template"]["spec"]
    assert [each["secret"]["secretName"] for each in pods["volumes"]] == ["example-web-tls", "company-ca"]
    assert pods["containers"][0]["env"] == [{"name": "NAMESPACE", "value": "default"}]
    assert made["ServiceMonitor"]["namespaceSelector"] == {"matchNames": ["default"]}
    assert list(made["ServiceMonitor"]["selector"]["matchLabels"]) == ["app", "nuvop.nuvolaris.org/instance"]


def test_hidden_files_that_a_kustomization_names_are_copied(here: Path) -> None:
    source = written(
        here / "source",
        {
            "kustomization.yaml": "resources: [below]\nconfigMapGenerator: [{name: a, envs: [.env]}]\n",
            "below/kustomization.yaml": "secretGenerator: [{name: b, files: [token=.private/token]}]\n",
            ".env": "LEVEL=1\n",
            ".other": "",
            ".git/config": "",
            "below/.private/token": "x",
            "below/.private/other": "",
        },
    )
    done = run("Thing", source, "--yes")
    assert done.exit_code == 0, done.output
    path = here / "kustomize/things"
    hidden = [each for each in path.rglob("*") if "/." in str(each.relative_to(here)) and each.is_file()]
    assert sorted(str(each.relative_to(path)) for each in hidden) == [".env", "below/.private/token"]
    assert 'LEVEL: "1"' in (path / "expected/thing.yaml").read_text()


def test_a_crd_that_asks_a_service_of_the_folder_keeps_its_name(here: Path) -> None:
    source = written(
        here / "source",
        {
            "kustomization.yaml": "resources: [a.yaml]\nnamespace: system\n",
            "a.yaml": f"{CERTIFICATE}---{CONVERTED}",
        },
    )
    done = run("Crew", source, "--yes")
    assert done.exit_code == 0, done.output
    assert (
        "kind.yaml: names: keep, because CustomResourceDefinition/captains.crew.example.com asks Service/webhook: "
        "there is one Crew in a namespace; make it in the namespace system"
    ) in done.stdout
    path = here / "kustomize/crews"
    assert "name: webhook\n" in (path / "expected/crew.yaml").read_text()
    (path / "kind.yaml").write_text((path / "kind.yaml").read_text().replace("names: keep", "#"))
    checked = CliRunner().invoke(check, [str(path)])
    told = (
        "asks Service/webhook, which is called otherwise for each Crew: write `names: keep`, which allows one Crew in a"
    )
    assert f"install: CustomResourceDefinition/captains.crew.example.com {told} namespace" in checked.output


def test_a_folder_below_that_has_no_kustomization(here: Path) -> None:
    source = written(
        here / "source", {"kustomization.yaml": "resources: [below]\n", "below/kustomization.yaml": "[a]\n"}
    )
    done = run("Thing", source, "--yes")
    assert done.exit_code == 1
    assert "source/below/kustomization.yaml: must be a mapping, with fields such as `resources`" in done.stderr


def test_a_list_of_a_kustomization_that_is_none(here: Path) -> None:
    source = written(here / "source", {"kustomization.yaml": "resources: {a: b}\n"})
    done = run("Thing", source, "--yes")
    assert done.exit_code == 1
    assert "kustomization.yaml: resources: must be a list, and is a mapping" in done.stderr


def test_no_kind_is_made_inside_of_another(here: Path) -> None:
    path = made("Podinfo", "podinfo")
    done = run("Other", FOLDERS / "podinfo", "--yes", "--into", str(path))
    assert done.exit_code == 1
    assert "kustomize/podinfos: is a kind itself; give the folder beside it with --into" in done.stderr


@pytest.mark.parametrize("name", ["1.0", "no", "a b", "x: y"])
def test_a_folder_of_any_name(here: Path, name: str) -> None:
    source = written(
        here,
        {
            "top/kustomization.yaml": f"resources: ['../{name}']\n",
            f"{name}/kustomization.yaml": "resources: [a.yaml]\n",
            f"{name}/a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
        },
    )
    assert run("Thing", source / "top", "--yes").exit_code == 0
    assert yamltext.load((here / "kustomize/things/kustomization.yaml").read_text()) == {"resources": [name]}


def test_what_fails_half_way_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, target: Path) -> None:
        target.mkdir()
        (target / "crd.yaml").write_text("half")
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(shutil, "copytree", full)
    done = run("Podinfo", FOLDERS / "podinfo", "--yes", "--into", "some/where")
    assert done.exit_code == 1
    assert "some/where/.podinfos.new: No space left on device" in done.stderr
    assert list(here.iterdir()) == []


CAPTAINS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: captains.crew.example.com}
spec:
  group: crew.example.com
  names: {kind: Captain, plural: captains}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              crew: {description: Crew is how many sail with the captain., type: integer, minimum: 1, maximum: 9}
              ship: {type: object, properties: {name: {type: string}, flag: {type: string, enum: [red, black]}}}
---
"""


def captain(spec: str) -> dict[str, str]:
    captain = f"{{apiVersion: crew.example.com/v1, kind: Captain, metadata: {{name: hook}}, spec: {spec}}}"
    return {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": f"{CAPTAINS}{captain}\n"}


def test_a_folder_with_custom_objects_only(here: Path) -> None:
    written(here / "source", captain("{crew: 3, ship: {name: roger, flag: black}}"))
    done = run("Voyage", here / "source", "--yes")
    assert done.exit_code == 0, done.output
    path = here / "kustomize/voyages"
    assert list(document(path / "kind.yaml")["set"]) == ["spec.crew", "spec.ship.flag"]
    spec = spec_of(path)
    assert spec["crew"] == {
        "description": "How many sail with the captain. Sets spec.crew of Captain/hook.",
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "default": 3,
    }
    assert spec["ship"]["properties"]["flag"]["enum"] == ["red", "black"]
    assert "1 kind: no errors, no warnings" in CliRunner().invoke(check, [str(path)]).output


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {
                "kustomization.yaml": "resources: [a.yaml]\n",
                "a.yaml": "{apiVersion: example.org/v1, kind: Issuer, metadata: {name: a}, spec: {selfSigned: {}}}\n",
            },
            "the custom objects of the folder have no plain values under spec",
        ),
        (
            {
                "kustomization.yaml": "resources: [a.yaml]\n",
                "a.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n",
            },
            "nothing of the folder has replicas, an image, resources, a port, a host, storage or a schedule",
        ),
    ],
)
@pytest.mark.parametrize("yes", [["--yes"], []])
def test_why_no_field_is_proposed(here: Path, files: dict[str, str], said: str, yes: list[str]) -> None:
    written(here / "source", files)
    done = run("Thing", here / "source", *yes)
    assert done.exit_code == 0, done.output
    assert f"no field is proposed: {said}; name fields with --field NAME=KIND/CHILD:PATH" in done.stdout


@pytest.mark.parametrize("into", [".", "source", "source/kinds"])
def test_a_kind_is_not_made_inside_of_its_source_nor_around_it(here: Path, into: str) -> None:
    written(here / "source", captain("{crew: 3}"))
    done = run("Voyage", here / "source", "--yes", "--into", into, *(("--plural", "source") if into == "." else ()))
    assert done.exit_code == 1
    assert (
        ", or around it, so that each would be a part of the other: give a folder elsewhere with --into" in done.stderr
    )
    assert sorted(path.name for path in (here / "source").iterdir()) == ["a.yaml", "kustomization.yaml"]


def test_commands_to_type_are_quoted(here: Path) -> None:
    written(here / "source", captain("{crew: 3}"))
    done = run("Voyage", here / "source", "--yes", "--into", "my kinds")
    assert done.stdout.endswith(
        "\nkubectl apply -f 'my kinds/voyages/crd.yaml'\n"
        "nuvop run --kinds 'my kinds/voyages'\n"
        "kubectl apply -f 'my kinds/voyages/examples/voyage.yaml'\n"
    )


def test_a_helm_chart_is_to_be_rendered_first(here: Path) -> None:
    written(here / "my chart", {"Chart.yaml": "name: web\n", "templates/a.yaml": "{{ .Values.a }}\n"})
    done = run("Web", here / "my chart", "--yes")
    assert done.exit_code == 1
    folder = f"'{here}/my chart'"
    assert (
        "my chart/Chart.yaml: this is a Helm chart, and nuvop renders none: make a folder of what it makes, with "
        f"`helm template example {folder} > FOLDER/all.yaml` and a kustomization.yaml with `resources: [all.yaml]`"
    ) in done.stderr


def test_what_kustomize_cannot_build_is_told_with_the_users_own_file(here: Path) -> None:
    """Also where that stands beside the folder, and the copy elsewhere."""
    source = written(
        here,
        {
            "app/kustomization.yaml": "resources: [../lib/base]\n",
            "lib/base/kustomization.yaml": "resources: [a.yaml]\n",
            "lib/base/a.yaml": "a: [\n",
        },
    )
    done = run("Thing", source / "app", "--yes")
    assert "Error: kustomize cannot build it: lib/base/a.yaml: is not YAML: line 1: " in done.stderr
