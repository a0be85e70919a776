import io
import tarfile
import time

from ruamel.yaml import YAML

from lab.bench import contestants
from lab.bench.contestants import flux_artifact, resource_graph_definition


def test_the_artifact_is_a_kustomize_folder_the_same_every_time() -> None:
    content = flux_artifact()
    time.sleep(1.1)  # times in archives count seconds
    assert content == flux_artifact()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        assert set(files) == {"app/kustomization.yaml", "app/objects.yaml"}


def test_the_count_of_the_artifact_becomes_a_number() -> None:
    with tarfile.open(fileobj=io.BytesIO(flux_artifact())) as archive:
        file = archive.extractfile("app/objects.yaml")
        assert file is not None
        text = file.read().decode().replace("${APP}", "s-1").replace("${COUNT}", "3")
    objects = {obj["kind"]: obj for obj in YAML(typ="safe").load_all(text)}
    assert objects["Deployment"]["spec"]["replicas"] == 3
    assert objects["Deployment"]["metadata"]["name"] == "s-1-app"
    assert len(objects) == 4


def test_kro_waits_for_the_deployment() -> None:
    resources = {resource["id"]: resource for resource in resource_graph_definition()["spec"]["resources"]}
    assert set(resources) == {"serviceAccount", "configMap", "service", "deployment"}
    assert "readyWhen" in resources["deployment"]
    assert resources["deployment"]["template"]["spec"]["replicas"] == "${schema.spec.count}"


def test_a_contestant_has_the_resource_of_its_path() -> None:
    resources = {name: contestant.resource for name, contestant in contestants.PROGRAMS.items()}
    assert resources == {"nuvop": "benches", "kubectl-each": "benches", "kro": "benches", "flux": "kustomizations"}
    assert set(contestants.NAMES) == {*resources, contestants.BY_HAND}
