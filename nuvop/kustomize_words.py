"""What kustomize says of a folder that it cannot build, in words that name file and field and say what to do. Pure.

kustomize nests the reasons of all it has tried, and quotes values, which may be a Secret's. What is not known here
stays as it is, without them. Source: https://github.com/kubernetes-sigs/kustomize/tree/master/api, and what kubectl
1.37 prints.
"""

import posixpath
import re
from collections.abc import Callable

_GONE = re.compile(r"lstat (?P<file>[^']*?): no such file or directory")
_NOT_YAML = re.compile(r"MalformedYAMLError: yaml: (?P<why>.*?) in File: (?P<file>\S+)")
_TWICE_IN_MAPPING = re.compile(r'yaml: unmarshal errors:\s+line (?P<line>\d+): mapping key "(?P<key>[^"]*)" already')
_CYCLE = re.compile(r"cycle detected: candidate root '(?P<one>[^']*)' contains visited root '(?P<other>[^']*)'")
_TWICE = re.compile(r"(?:from '(?P<file>[^']*)': )?may not add resource with an already registered id: (?P<id>[^\s']+)")
_NO_OBJECT = re.compile(r"accumulating resources from '(?P<file>[^']*)': missing (?P<what>\S+(?: metadata)?)")
_NO_KUSTOMIZATION = re.compile(r"unable to find one of 'kustomization.yaml'.* in directory '(?P<folder>[^']*)'")
_COMPONENT = re.compile(r"expected kind != 'Component' for path '(?P<folder>[^']*)'")
_NO_COMPONENT = re.compile(r"expected kind 'Component' for path '(?P<folder>[^']*)' but got '(?P<kind>[^']*)'")
_WRONG_TYPE = re.compile(
    r"json: cannot unmarshal (?P<is>\w+) into Go struct field \w+\.(?P<field>\S+) of type (?P<type>\S+)"
)
_UNKNOWN = re.compile(r'json: unknown field "(?P<field>[^"]*)"')
_MANY = re.compile(r"Found multiple kustomization files under: (?P<folder>.*)$")
_EMPTY = re.compile(r"(?<!\S)(?P<file>\S+) is empty$")
_KIND = re.compile(r"Failed to read kustomization file under (?P<folder>.*): kind should be Kustomization or Component")
_NO_TARGET = re.compile(r"no matches for Id (?P<id>[^\s;]+); failed to find unique target for patch")
_NO_TARGET_SAID = re.compile(r"must specify a target for JSON patch \[(?:path: \"(?P<file>[^\"]*)\")?")
_NO_PLACE = re.compile(r"(?P<op>\w+) operation does not apply: doc is missing (?:path|key): (?P<path>[^\s:]+)")
_NO_PATCH = re.compile(r"unable to parse SM or JSON patch from \[(?:path: \"(?P<file>[^\"]*)\")?")
_TWO_PATCHES = re.compile(r"patch and path can't be set at the same time")
_LITERAL = re.compile(r"literal sources .*expected key=value")
_NO_BASE = re.compile(r'merging from generator .*Kind:"(?P<kind>\w+)".*Name:"(?P<name>[^"]*)".* does not exist; cannot')
_NAMELESS = re.compile(r"a (?P<kind>configmap|secret) must have a name")
_NO_SOURCE = re.compile(r"nothing selected by (?P<id>[^\s:]+)")
_NO_FIELD = re.compile(r"fieldPath `(?P<path>[^`]*)` is missing for replacement source (?P<id>\S+)")
_NO_REPLICAS = re.compile(r"resource with name (?P<name>\S+) does not match a config with the following GVK")
_PLUGIN = re.compile(r"unable to load external plugin '(?P<kind>[^']*)'")
_NODE_OF = re.compile(
    r"considering field '(?P<field>[^']*)' of object (?P<id>\S+): "
    r"wrong node kind: expected (?P<wanted>\w+)Node but got (?P<is>\w+)Node"
)
_UNFIT = re.compile(
    r"considering field '(?P<field>[^']*)' of object (?P<id>\S+): "
    r"(?:expected sequence or mapping node|visit traversal on path)"
)
_PANIC = re.compile(r"(?:^|: )panic: |fatal error: stack overflow")
_NO_FIELD_OF_TARGET = re.compile(r'unable to find field "(?P<path>[^"]*)" in replacement target')
_NODE = re.compile(r"wrong node kind: expected (?P<wanted>\w+)Node but got (?P<is>\w+)Node")
_KEY_OF = re.compile(
    r'"kind":"(?P<kind>\w+)", "metadata":map\[string\]interface \{\}\{(?:[^{}]|\{[^{}]*\})*?"name":"(?P<name>[^"]*)"'
    r".*json: unsupported type: map\[interface"
)
_KEY = re.compile(r"json: unsupported type: map\[interface")
_NOTHING = re.compile(r"new root cannot be empty")
_VAR = re.compile(r"var '\{(?P<name>\S+) (?P<id>\S+) .*cannot be mapped to a field")

_VALUES = re.compile(r" with config: `.*?`(?=:|$)| '[^']*'(?= referenced)| `[^`]*`(?= as a !!)")
"""How a part of a kustomization is quoted, with the values that are in it, and a value that is not what it is taken
for: a password that begins with an asterisk for an alias."""

_ID = re.compile(r"(?P<kind>\w+)\.\S*?/(?P<name>[^\s/]+?)(?:\.\[noNs\]|\.[a-z0-9-]+)$")
_BASE = re.compile(r"recursed (?:accumulation of|merging from) path '([^']*)'")

_A = {
    "array": "a list", "bool": "true or false", "number": "a number", "object": "a mapping", "string": "a text",
    "Mapping": "a mapping", "Scalar": "a text", "Sequence": "a list",
}  # fmt: skip
"""What a user calls a type of JSON, or of YAML's nodes."""

_MISSHAPEN = "there is something on the way that is no mapping or list"
_BROKE_DOWN = "kustomize itself breaks down: a value of a manifest is of another type than it should be"

_TOLD: tuple[tuple[re.Pattern[str], str], ...] = (
    (_GONE, "{file}: there is no such file: write it, or take the line out that names it"),
    (_NOT_YAML, "{file}: is not YAML: {why}"),
    (_TWICE_IN_MAPPING, "line {line} of a manifest: {key} stands there twice: take one out"),
    (_CYCLE, "{one} and {other} take in each other, or themselves: take one of them off its `resources`"),
    (_TWICE, "{id} is there twice{at}: take one of them out, or give it another name"),
    (_NO_COMPONENT, "{folder}: is no Component but a {kind}: list it under `resources`"),
    (_COMPONENT, "{folder}: is a Component: list it under `components`, not under `resources`"),
    (_NO_KUSTOMIZATION, "{folder}: has no kustomization.yaml: write one, or list the folder's files under `resources`"),
    (_NO_OBJECT, "{file}: {lacks}"),
    (_WRONG_TYPE, "{kustomization}: {field}: must be {wanted}, and is {is}"),
    (_UNKNOWN, "{kustomization}: {field}: kustomize has no such field"),
    (_MANY, "{folder} has several kustomizations (kustomization.yaml, kustomization.yml, Kustomization): keep one"),
    (_EMPTY, "{file}: is empty: list the manifests under `resources`"),
    (_KIND, "kustomization.yaml of {folder}: kind must be Kustomization or Component"),
    (_NO_TARGET, "patches: there is no {id} to patch: kind, name and namespace must be those of the manifest"),
    (_NO_TARGET_SAID, "patches: {file} is a list of operations, which needs a `target`"),
    (_NO_PLACE, "patches: there is nothing at {path} that `op: {op}` could be for: is it `op: add`?"),
    (_NO_PATCH, "patches: {file} is no part of an object, with its kind and name, and no list of operations"),
    (_TWO_PATCHES, "patches: an entry has both `path` and `patch`: write one of them"),
    (_LITERAL, "configMapGenerator or secretGenerator: each of `literals` must read key=value"),
    (_NO_BASE, "the generator of {kind}/{name}: `behavior: merge` and `replace` need one in `resources`"),
    (_NAMELESS, "{kind}Generator: an entry has no `name`"),
    (_NO_SOURCE, "replacements: there is no {id}, which is the source of one"),
    (_NO_FIELD, "replacements: {id} has no field {path}, which is the source of one"),
    (_NO_REPLICAS, "replicas: there is no Deployment, StatefulSet, ReplicaSet or ReplicationController {name}"),
    (_PLUGIN, "{kind} is a plugin of kustomize's, and kubectl runs none"),
    (_NODE_OF, "{id}: {field}: must be {wanted}, and is {is}"),
    (_UNFIT, f"{{id}}: {{field}}: {_MISSHAPEN}"),
    (_PANIC, _BROKE_DOWN),
    (_NO_FIELD_OF_TARGET, "replacements: there is no field {path} in a target of one"),
    (_NODE, "patches: a patch has {is} where the manifest has {wanted}"),
    (_KEY_OF, "{kind}/{name}: a key in it is no text: write it in quotes"),
    (_KEY, "a key of a manifest is no text: write it in quotes"),
    (_NOTHING, "resources: an entry is empty: take it out"),
    (_VAR, "vars: {name}: there is no {id}, or it has no such field"),
)  # fmt: skip
"""What kustomize says, and what it means, those first that say most."""


def is_broken_down(reason: str) -> bool:
    """Whether kustomize itself has made a mistake, which it makes with the same folder each time."""
    return _PANIC.search(reason) is not None


def told(reason: str) -> str:
    """What kustomize means by a reason, on one line; files are named as they are from the folder that was built."""
    reason = _VALUES.sub("", reason)
    for pattern, text in _TOLD:
        if found := pattern.search(reason):
            words = {name: _WORDS.get(name, str)(value or "") for name, value in found.groupdict().items()}
            kustomization = _path("kustomization.yaml", reason)
            return text.format_map({**words, "kustomization": kustomization, **_derived(found, reason)})
    return reason


def is_of_shape(told_: str) -> bool:
    """Whether it is told that a manifest has a value of another type than it should be, and not in which file."""
    return told_.endswith((_MISSHAPEN, _BROKE_DOWN))


def _object(id_: str) -> str:
    """``ConfigMap.v1.[noGrp]/a.[noNs]`` → ``ConfigMap/a``."""
    found = _ID.match(id_)
    return f"{found['kind']}/{found['name']}" if found else id_


_WORDS: dict[str, Callable[[str], str]] = {
    "id": _object,
    "is": lambda type_: _A.get(type_, type_),
    "wanted": lambda type_: _A.get(type_, type_),
    "kind": lambda kind: {"configmap": "configMap"}.get(kind, kind),
}


def _derived(found: re.Match[str], reason: str) -> dict[str, str]:
    """What follows from a reason by more than one of its words."""
    pattern, groups = found.re, found.groupdict()
    if pattern is _WRONG_TYPE:
        return {"wanted": _of_go(found["type"])}
    if pattern is _TWICE:
        return {"at": f", the second time in {_path(found['file'], reason)}" if found["file"] else ""}
    if pattern in (_NO_TARGET_SAID, _NO_PATCH):
        return {"file": found["file"] or "an entry's `patch`"}
    if pattern is _NO_OBJECT:
        return {"file": _path(found["file"], reason), "lacks": _lack(found["what"])}
    return {"file": _path(found["file"], reason)} if pattern is _NOT_YAML and groups["file"] else {}


def _lack(what: str) -> str:
    if what == "Resource metadata":
        return "is no Kubernetes object, which has apiVersion, kind and metadata.name: take it off `resources`"
    return f"an object in it has no {what}"


def _of_go(type_: str) -> str:
    """What a user calls a type of Go's."""
    if type_.startswith("[]"):
        return "a list"
    return {"string": "a text", "bool": "true or false"}.get(type_, "a number" if "int" in type_ else "a mapping")


def _path(file: str, reason: str) -> str:
    """A file as it is from the folder that was built: kustomize names it from its own kustomization."""
    bases = _BASE.findall(reason)
    return posixpath.normpath(posixpath.join(bases[-1], file)) if bases and not file.startswith("/") else file
