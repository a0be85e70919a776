"""What kustomize says, in a user's words."""

import pytest

from nuvop import kustomize_words

ERROR = "accumulating resources: accumulation err='accumulating resources from '{}': {}': must build at directory: {}"
INSIDE = (
    "accumulating resources: accumulation err='accumulating resources from 'base': 'base' must resolve to a file': "
    "recursed accumulation of path 'base': "
)
GO = "invalid Kustomization: json: "
CONFIGURED = 'trouble configuring builtin PatchTransformer with config: ` patch: "a: hunter2" `'
GO_MAP = "map[string]interface {}"
NUMBERED = 'map[interface {}]interface {}{5:"hunter2"}}: json: unsupported type: map[interface {}]interface {}'
CONFIG_MAP = "ConfigMap.v1.[noGrp]/a.[noNs]"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "considering field 'spec/hostname' of object Pod.v1.[noGrp]/web.[noNs]: expected sequence or mapping node",
            "Pod/web: spec/hostname: there is something on the way that is no mapping or list",
        ),
        (
            "considering field 'rules/names' of object Role.v1.[noGrp]/web.[noNs]: visit traversal on path: [names]: a",
            "Role/web: rules/names: there is something on the way that is no mapping or list",
        ),
        (
            "panic: interface conversion: interface {} is int, not map[string]interface {} goroutine 1 [running]:",
            "kustomize itself breaks down: a value of a manifest is of another type than it should be",
        ),
        (
            INSIDE
            + ERROR.format(
                "b.yaml",
                "evalsymlink failure on 'base/b.yaml' : lstat base/b.yaml: no such file or directory",
                "not a valid directory: evalsymlink failure",
            ),
            "base/b.yaml: there is no such file: write it, or take the line out that names it",
        ),
        (
            INSIDE
            + "accumulating resources: accumulating resources from 'b.yaml': MalformedYAMLError: yaml: line 3: did "
            "not find expected key in File: b.yaml",
            "base/b.yaml: is not YAML: line 3: did not find expected key",
        ),
        (
            ERROR.format("b.yaml", f"may not add resource with an already registered id: {CONFIG_MAP}", "'b.yaml'"),
            "ConfigMap/a is there twice, the second time in b.yaml: take one of them out, or give it another name",
        ),
        (
            INSIDE + "may not add resource with an already registered id: Deployment.v1.apps/a.b.home",
            "Deployment/a.b is there twice: take one of them out, or give it another name",
        ),
        (
            ERROR.format("b.yaml", "missing metadata.name in object {{v1 ConfigMap} {{ } map[] map[]}}", "'b.yaml'"),
            "b.yaml: an object in it has no metadata.name",
        ),
        (
            INSIDE + ERROR.format("b.yaml", "missing Resource metadata", "'b.yaml'"),
            (
                "base/b.yaml: is no Kubernetes object, which has apiVersion, kind and metadata.name: "
                "take it off `resources`"
            ),
        ),
        (
            GO + "cannot unmarshal object into Go struct field Kustomization.configMapGenerator of type "
            "[]types.ConfigMapArgs",
            "kustomization.yaml: configMapGenerator: must be a list, and is a mapping",
        ),
        (
            INSIDE + GO + "cannot unmarshal number into Go struct field Image.images.newTag of type string",
            "base/kustomization.yaml: images.newTag: must be a text, and is a number",
        ),
        (GO + 'unknown field "bogus"', "kustomization.yaml: bogus: kustomize has no such field"),
        (
            f"no matches for Id {CONFIG_MAP}; failed to find unique target for patch {CONFIG_MAP}",
            "patches: there is no ConfigMap/a to patch: kind, name and namespace must be those of the manifest",
        ),
        (
            'must specify a target for JSON patch [path: "p.yaml"]',
            "patches: p.yaml is a list of operations, which needs a `target`",
        ),
        (
            "replace operation does not apply: doc is missing path: /data/x: missing value",
            "patches: there is nothing at /data/x that `op: replace` could be for: is it `op: add`?",
        ),
        # No value is told, which may be a Secret's.
        (
            "loading KV pairs: literal sources [hunter2]: invalid literal source hunter2, expected key=value",
            "configMapGenerator or secretGenerator: each of `literals` must read key=value",
        ),
        (
            f'{CONFIGURED}: unable to parse SM or JSON patch from [patch: "a: hunter2"]',
            "patches: an entry's `patch` is no part of an object, with its kind and name, and no list of operations",
        ),
        (
            "wrong node kind: expected SequenceNode but got MappingNode: node contents: {name: hunter2}",
            "patches: a patch has a mapping where the manifest has a list",
        ),
        (
            (
                f'{GO_MAP}{{"apiVersion":"v1", "kind":"Secret", "metadata":{GO_MAP}{{"labels":{GO_MAP}{{"name":"b"}}, '
                f'"name":"a", "namespace":"c"}}, "stringData":{NUMBERED}'
            ),
            "Secret/a: a key in it is no text: write it in quotes",
        ),
        (
            f'{GO_MAP}{{"kind":"Secret", "stringData":{NUMBERED}',
            "a key of a manifest is no text: write it in quotes",
        ),
        (
            (
                "accumulating resources from 'b.yaml': MalformedYAMLError: yaml: unknown anchor 'hunter2' "
                "referenced in File: b.yaml"
            ),
            "b.yaml: is not YAML: unknown anchor referenced",
        ),
        (
            "map[string]interface {}(nil): yaml: cannot decode !!str `hunter2` as a !!int",
            "map[string]interface {}(nil): yaml: cannot decode !!str as a !!int",
        ),
        (
            (
                "considering field 'metadata/labels' of object Secret.v1.[noGrp]/a.[noNs]: wrong node kind: expected "
                "MappingNode but got SequenceNode: node contents: [hunter2]"
            ),
            "Secret/a: metadata/labels: must be a mapping, and is a list",
        ),
        (
            (
                'unable to find field "data.a.b" in replacement target: wrong node kind: expected MappingNode but got '
                "ScalarNode: node contents: hunter2"
            ),
            "replacements: there is no field data.a.b in a target of one",
        ),
        ("something new", "something new"),
        (f"{CONFIGURED}: something new", "trouble configuring builtin PatchTransformer: something new"),
    ],
)
def test_told(said: str, told: str) -> None:
    assert kustomize_words.told(said) == told
