"""A new kind's own files: ``crd.yaml``, ``kind.yaml`` and an example, inferred from the manifests. Pure.

The schema of each field is that of the field which it sets: from Kubernetes' OpenAPI documents, from a CRD that the
folder brings, or else from the value that it has. The value becomes the default.
"""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema

from nuvop import crd, directives, fields, follow, labelling, name_limits, openapi, yamltext
from nuvop.fields import Json, Name
from nuvop.kinds import OUTSIDE, Child, ChildField
from nuvop.new_kind import NewKind
from nuvop.objects import a
from nuvop.proposals import Proposal, value_of

QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
"""A quantity such as 500m or 1Gi, as kubebuilder writes it
(https://github.com/kubernetes-sigs/controller-tools/blob/main/pkg/crd/known_types.go)."""

_COUNT = {"minimum": 0}
_PORT = {"minimum": 1, "maximum": 65535}
_TEXT = {"minLength": 1}
_BOUNDS: Mapping[tuple[str, str], Mapping[str, Json]] = {
    **{("integer", name): _COUNT for name in ("replicas", "parallelism", "completions")},
    **{("integer", name): _PORT for name in ("port", "containerPort", "hostPort", "number")},
    **{("string", name): _TEXT for name in ("image", "schedule", "host")},
    ("integer", "nodePort"): {"minimum": 0, "maximum": 65535},
    **{("integer", name): {"minimum": 1} for name in ("minReplicas", "maxReplicas")},
}
"""Bounds that Kubernetes checks of its own kinds, and its OpenAPI documents do not tell, by the field's type and name
(https://github.com/kubernetes/kubernetes/tree/master/pkg/apis: each group's validation). An autoscaler's minReplicas
may be 0 only behind the feature gate HPAScaleToZero
(https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/)."""

_DEFAULTS: Mapping[tuple[str, str], Json] = {
    **{(kind, "spec.replicas"): 1 for kind in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")},
    ("HorizontalPodAutoscaler", "spec.minReplicas"): 1,
}
"""What a field is where nobody sets it, which the OpenAPI documents do not tell, either
(https://github.com/kubernetes/kubernetes/tree/master/pkg/apis: each group's defaults). Without replicas in the CR, its
scale subresource answers with an error."""

_DESCRIPTIONS = {
    "storage": "How much storage is claimed, such as 10Gi",
    "cpu": "How much of processors, such as 500m for half of one",
    "memory": "How much memory, such as 128Mi",
}
"""What Kubernetes' documents do not tell of the members of a mapping."""

_IMMUTABLE = {
    "DaemonSet": r"spec\.selector\b",
    "Deployment": r"spec\.selector\b",
    "Job": r"spec\.(template|selector|completionMode)\b",
    "PersistentVolumeClaim": r"spec\.(?!resources\b)",
    "ReplicaSet": r"spec\.selector\b",
    "StatefulSet": r"spec\.(volumeClaimTemplates|selector|serviceName|podManagementPolicy)\b",
}
"""Fields that keep the value they were made with
(https://github.com/kubernetes/kubernetes/tree/master/pkg/apis: each kind's validation of updates)."""

_LEFT_OUT = {"claims": "ResourceClaim"}
"""A member and a word of its description: of no use here, because what it refers to is not in reach of the field."""

_DEEPEST = 3
"""Levels of an object's members that are spelled out in the CRD."""

_LARGEST = 20
"""Members of an object that are spelled out: a whole PodSpec would make a CRD that nobody reads."""

_OPEN: Mapping[str, Json] = {"x-kubernetes-preserve-unknown-fields": True}
"""Whatever stands there: the API server will say what of it is wrong, when it sees the child."""

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout")


BASE = "base"
"""The folder within the kind's that has the manifests, where the kind's own kustomization changes some of them."""


def kustomization(new: NewKind) -> str:
    """A kustomization of the manifests in `BASE`, without what a kind leaves to others."""
    patches = [_without_namespace(home["metadata"]["name"]) for home in new.homes]
    patches += [_without_replicas(new.child(target)) for target in new.released]
    document = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [BASE],
        **({"patches": patches} if patches else {}),
    }
    return yamltext.dump_readable(document)


def _without_namespace(name: str) -> dict[str, Any]:
    return _patch("v1", "Namespace", name, {"$patch": "delete"})


def _without_replicas(child: Child) -> dict[str, Any]:
    """A patch after which a manifest does not say how many replicas there are, whether or not it did before."""
    return _patch(child.api_version, child.kind, child.name, {"spec": {"replicas": None}})


def _patch(api_version: str, kind: str, name: str, change: Mapping[str, Json]) -> dict[str, Any]:
    patch = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **change}
    # kustomize takes the name of a target as a regular expression.
    return {"target": {"kind": kind, "name": name.replace(".", r"\.")}, "patch": yamltext.dump_readable(patch)}


def files(new: NewKind) -> dict[str, str]:
    """The new files of the kind's folder, but for its kustomization."""
    return {
        "crd.yaml": yamltext.dump_readable(_crd(new)),
        "kind.yaml": _kind_yaml(new),
        f"examples/{new.names.file}": yamltext.dump_readable(_example(new)),
    }


# --- kind.yaml -------------------------------------------------------------------------------------------------------


def _kind_yaml(new: NewKind) -> str:
    sections: list[tuple[str, str, Any]] = [
        ("set", "CR field → fields of children", {field.source: _one_or_all(field.targets) for field in new.fields}),
        ("status", "child field → CR status field", _status(new)),
        ("follow", "texts in which children are named", _follow(new)),
        ("children", "those that do not live in the CR's namespace", _elsewhere(new)),
        ("install", "applied once for all CRs", list(new.installed)),
        ("delete", "what stays when a CR is deleted, because data would be lost", _delete(new)),
        ("release", "fields that an autoscaler sets", [str(target) for target in new.released]),
    ]
    head = "apiVersion: nuvop.nuvolaris.org/v1\nkind: Kind\n"
    if new.keeps_names:
        head += f"names: keep # one CR in a namespace: {new.keeps_names}\n"
    written = [
        yamltext.dump_readable({name: value}).replace(f"{name}:", f"{name}: # {comment}", 1)
        for name, comment, value in sections
        if value
    ]
    return head + "".join(written)


def _one_or_all(targets: Sequence[ChildField]) -> str | list[str]:
    texts = [str(target) for target in targets]
    return texts[0] if len(texts) == 1 else texts


def _follow(new: NewKind) -> list[str]:
    if new.keeps_names:
        return []
    return [f"{child} {fields.readable(child.body, at)}" for child, at in follow.mentions(new.children)]


def _elsewhere(new: NewKind) -> dict[str, Any]:
    custom = [child for child in new.children if child.namespace is not None and _is_said(child)]
    return {
        str(child): {"scope": "Cluster"} if child.namespace == OUTSIDE else {"namespace": child.namespace}
        for child in custom
    }


def _delete(new: NewKind) -> dict[str, Any]:
    claims = [str(child) for child in new.children if (child.group, child.kind) == ("", "PersistentVolumeClaim")]
    return {"keep": claims} if claims else {}


def _is_said(child: Child) -> bool:
    """Whether kind.yaml has to say where a child lives."""
    return child.namespace != OUTSIDE or not openapi.knows(child.api_version, child.kind)


def _status(new: NewKind) -> dict[str, Any]:
    scaled = [child for child in new.children if child.kind in ("Deployment", "StatefulSet", "Rollout")]
    found: dict[str, Any] = {}
    for name in ("replicas", "readyReplicas") if scaled else ():
        sources = [f"{child} status.{name}" for child in scaled]
        found[name] = sources[0] if len(sources) == 1 else {"sum": sources}
    pods = [f"{which} metadata.name" for which in _pods(new)]
    if pods:
        found["podNames"] = pods[0] if len(pods) == 1 else pods
    return found


def _pods(new: NewKind) -> list[str]:
    """Which pods are the workloads', and no Job's; none where labels do not tell them apart."""
    own = [_pod_labels(child) for child in new.children if child.kind in _WORKLOADS]
    jobs = [_pod_labels(child) for child in new.children if child.kind in ("CronJob", "Job")]
    if not (own and jobs):
        return ["Pod/*"] * bool(own)
    telling = [{label for label in labels if not any(label in others for others in jobs)} for labels in own]
    if shared := set.intersection(*telling):
        return [_with_label(shared)]
    # No pod twice: each by a label that the other workloads do not have.
    alone = [
        labels.difference(*(others for others in own if others is not mine))
        for labels, mine in zip(telling, own, strict=True)
    ]
    return [_with_label(labels) for labels in alone] if all(alone) else []


def _pod_labels(child: Child) -> set[tuple[str, str]]:
    return {label for labels in labelling.template_labels(child.body) for label in labels.items()}


def _with_label(labels: set[tuple[str, str]]) -> str:
    return f"Pod/[{'='.join(min(labels))}]"


# --- crd.yaml --------------------------------------------------------------------------------------------------------


def _crd(new: NewKind) -> dict[str, Any]:
    called = new.names
    names = {"kind": called.kind, "plural": called.plural, "singular": called.kind.lower()}
    shorts = {"shortNames": [called.short]} if called.short else {}
    replicas = [field.source for field in new.fields if field.name.rpartition(".")[2] == "replicas"]
    is_scaled = len(replicas) == 1 and "replicas" in _status(new)
    paths = {"specReplicasPath": f".{''.join(replicas)}", "statusReplicasPath": ".status.replicas"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{called.plural}.{called.group}"},
        "spec": {
            "group": called.group,
            "scope": "Namespaced",
            "names": {**names, **shorts, "categories": ["nuvop"]},
            "versions": [
                {
                    "name": called.version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}, **({"scale": paths} if is_scaled else {})},
                    "additionalPrinterColumns": _columns(new),
                    "schema": {"openAPIV3Schema": _schema(new)},
                }
            ],
        },
    }


def _columns(new: NewKind) -> list[dict[str, Any]]:
    shown = [(field, _field_schema(new, field)) for field in new.fields if not _is_secret(field)]
    plain = [(field, schema) for field, schema in shown if schema.get("type") in ("integer", "string", "boolean")]
    columns = [
        # As of a Deployment: images, which are long, with -o wide only.
        {**_column(_title(field.name), str(schema["type"]), f".{field.source}"), **_wide(_name_of(field.targets[0]))}
        for field, schema in plain[:3]
    ]
    return [
        *columns,
        _column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
        _column("Message", "string", '.status.conditions[?(@.type=="Ready")].message'),
        _column("Age", "date", ".metadata.creationTimestamp"),
    ]


def _wide(name: str) -> dict[str, int]:
    return {"priority": 1} if name == "image" else {}


def _column(name: str, type_: str, path: str) -> dict[str, Any]:
    return {"name": name, "type": type_, "jsonPath": path}


def _title(name: str) -> str:
    """``web.maxReplicas`` → ``Web max replicas``."""
    words = " ".join(re.sub(r"([A-Z])", r" \1", part).lower() for part in name.split("."))
    return words[:1].upper() + words[1:]


def _schema(new: NewKind) -> dict[str, Any]:
    rules = _name_rules(new)
    return {
        "description": _described(new),
        "type": "object",
        **({"x-kubernetes-validations": rules} if rules else {}),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _spec(new),
            "status": _status_schema(new),
        },
    }


def _described(new: NewKind) -> str:
    counts: dict[str, int] = {}
    for child in new.children:
        counts[child.kind] = counts.get(child.kind, 0) + 1
    parts = [a(kind) if count == 1 else f"{count} {kind}s" for kind, count in counts.items()]
    whole = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    subject = a(new.names.kind)
    return f"{subject[0].upper()}{subject[1:]} is made of {whole}."


def _name_rules(new: NewKind) -> list[dict[str, str]]:
    if new.keeps_names:
        return []
    limit, longest = name_limits.name_limit(new.children)
    rules = []
    if limit < name_limits.NAME_LIMIT:
        message = (
            f"metadata.name may have {limit} characters at most: the name of its {longest.kind} is "
            f"<name>-{longest.name}, and {limit + len(longest.name_for(''))} characters are allowed for that"
        )
        rules.append({"rule": f"self.metadata.name.size() <= {limit}", "message": message})
    if service := name_limits.needs_host_name(new.children):
        message = (
            f"metadata.name must begin with a letter and have no dot: the name of its Service is <name>-{service.name}"
        )
        rules.append({"rule": name_limits.SERVICE_RULE, "message": message})
    return rules


def _spec(new: NewKind) -> dict[str, Any]:
    spec = _settings("What you want.")
    for field in new.fields:
        node = spec
        *parents, last = field.name.split(".")
        for name in parents:
            node = node["properties"].setdefault(name, _settings(f"Settings of {name}."))
        node["properties"][last] = _field_schema(new, field)
        if rules := [rule for names, rule in _ORDERED.items() if last in names and names <= node["properties"].keys()]:
            node["x-kubernetes-validations"] = rules
    return spec


def _settings(description: str) -> dict[str, Any]:
    # The default makes the defaults below it count where the whole is left out.
    return {"description": description, "type": "object", "default": {}, "properties": {}}


_ORDERED = {
    frozenset({"minReplicas", "maxReplicas"}): {
        "rule": "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        "message": "minReplicas may not be more than maxReplicas",
    }
}
"""Rules on fields that stand side by side."""


def _field_schema(new: NewKind, field: Proposal) -> dict[str, Any]:
    target = field.targets[0]
    child = new.child(target)
    value = _present(new, field)
    schema = _of_target(new, child, target) or _of_value(value_of(child, target))
    schema.pop("default", None)
    name = _name_of(target)
    if openapi.names_field(child.api_version, child.kind, target.path):
        schema |= _BOUNDS.get((schema.get("type", ""), name), {})
    if _is_secret(field):
        schema["format"] = "password"
    text = schema.pop("description", "") or (
        _DESCRIPTIONS.get(name, "") if schema.get("x-kubernetes-int-or-string") else ""
    )
    has_default = value is not None and _fits(value, schema)
    description = _description(text, field, is_kept=value_of(child, target) is not None and not has_default)
    if has_default:
        schema["default"] = value
    if any(_is_immutable(new.child(each), each) for each in field.targets):
        message = (
            f"{field.source} cannot be changed: {a(target.child.kind)} keeps {_name_of(target)} as it was made with"
        )
        schema["x-kubernetes-validations"] = [{"rule": "self == oldSelf", "message": message}]
    return {"description": description, **schema}


def _name_of(target: ChildField) -> str:
    """What the field is called in the child."""
    return next((part.name for part in reversed(target.path.segments) if isinstance(part, Name)), "")


def _present(new: NewKind, field: Proposal) -> Json:
    """The value that a field has: in the base, or else without anybody's doing; None for a Secret's."""
    target = field.targets[0]
    if _is_secret(field):
        return None
    found = value_of(new.child(target), target)
    return _DEFAULTS.get((target.child.kind, str(target.path))) if found is None else found


def _is_secret(field: Proposal) -> bool:
    """Whether a field sets a Secret's values: what stands in a CRD, or in a column, anybody may read."""
    return any(
        target.child.kind == "Secret" and target.path.segments[0] in (Name("data"), Name("stringData"))
        for target in field.targets
    )


def _is_immutable(child: Child, target: ChildField) -> bool:
    pattern = _IMMUTABLE.get(child.kind)
    is_kept = pattern is not None and re.match(pattern, str(target.path)) is not None
    return is_kept and not directives.may_be_recreated(child.body)


def _fits(value: Json, schema: Mapping[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator(crd.json_schema(schema))
    return bool(validator.is_valid(value))


def _description(text: str, field: Proposal, *, is_kept: bool) -> str:
    what = openapi.SENTENCE.split(_told(text, _name_of(field.targets[0])))[0].rstrip(".")
    sets = "Sets " + " and ".join(f"{target.path} of {target.child}" for target in field.targets)
    if is_kept:
        sets += ", which stays as it is where this is left out"
    return f"{what}. {sets}." if what else f"{sets}."


_VERB = r"(?:is|are|specifies|describes|defines|represents|indicates|contains|lists|holds|denotes|determines)"


def _told(text: str, name: str) -> str:
    """A description without the field's name, with which Go's begin: in a CR it may have another one."""
    rest = re.sub(rf"^{re.escape(name)} {_VERB} ", "", text, flags=re.IGNORECASE) if name else text
    return f"{rest[:1].upper()}{rest[1:]}"


def _of_target(new: NewKind, child: Child, target: ChildField) -> dict[str, Any]:
    """The schema of the field that is set; empty where nothing is known of it."""
    custom = new.schemas.get((child.api_version, child.kind))
    if custom is not None:
        found = crd.field(custom, target.path)
        return copy.deepcopy(dict(found)) if found else {}
    return _structural(openapi.field(child.api_version, child.kind, target.path) or {}, _DEEPEST)


def _structural(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """A schema of OpenAPI as a CRD may have it, no deeper than so many levels."""
    schema = openapi.resolved(schema)
    described = {"description": schema["description"]} if "description" in schema else {}
    if schema.get("x-kubernetes-int-or-string"):
        either = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
        pattern = {"pattern": QUANTITY} if "Quantity" in schema.get("description", "") else {}
        return {**either, **pattern}
    kept = {name: schema[name] for name in ("type", "format", "enum") if name in schema}
    if not kept:
        return {}
    if kept.get("type") not in ("object", "array"):
        return {**described, **kept}
    if kept["type"] == "array":
        return {**described, **kept, "items": _structural(schema["items"], max(depth - 1, 0))}
    properties = schema.get("properties", {})
    if depth > 0 and 0 < len(properties) <= _LARGEST:
        return {**described, **kept, "properties": dict(_members(properties, depth - 1))}
    if depth > 0 and isinstance(schema.get("additionalProperties"), dict):
        return {**described, **kept, "additionalProperties": _structural(schema["additionalProperties"], depth - 1)}
    return {**described, **kept, **_OPEN}


def _members(properties: Mapping[str, Any], depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, below in properties.items():
        if _LEFT_OUT.get(name, "\n") not in str(openapi.resolved(below)):
            member = _structural(below, depth)
            if "description" in member:
                member["description"] = _told(member["description"], name)
            yield name, member


def _of_value(value: Json) -> dict[str, Any]:
    """A schema that takes a value like this one."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case list():
            items = [_of_value(item) for item in value]
            return {
                "type": "array",
                "items": items[0] if items and items.count(items[0]) == len(items) else dict(_OPEN),
            }
        case dict():
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        case _:
            return {"type": "string"}


def _status_schema(new: NewKind) -> dict[str, Any]:
    count = {"type": "integer", "format": "int32"}
    known = {
        "replicas": {"description": "How many pods there are.", **count},
        "readyReplicas": {"description": "How many pods are ready.", **count},
        "podNames": {"description": "The pods' names.", "type": "array", "items": {"type": "string"}},
    }
    own = {name: known[name] for name in _status(new)}
    return {
        "description": "What is. Written by nuvop only.",
        "type": "object",
        "default": {"observedGeneration": -1},
        "properties": {**_NUVOPS_BEFORE, **own, **_NUVOPS_AFTER},
    }


def _texts(*names: str) -> dict[str, dict[str, str]]:
    return {name: {"type": "string"} for name in names}


_NUVOPS_BEFORE: dict[str, Any] = {
    "observedGeneration": {
        "description": "The generation that was last brought to an end, well or not; -1 for none.",
        "type": "integer",
        "format": "int64",
    },
    "lastAppliedRevision": {
        "description": "The revision of the overlay that was applied last; the children carry it as a label.",
        "type": "string",
    },
    "lastHandledReconcileAt": {
        "description": "The value of the annotation nuvop.nuvolaris.org/reconcile that was last acted upon.",
        "type": "string",
    },
}

_NUVOPS_AFTER: dict[str, Any] = {
    "conditions": {
        "description": "Ready is always there; Reconciling and Stalled only while they are True.",
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime", "observedGeneration"],
            "properties": {
                **_texts("type"),
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                **_texts("reason", "message"),
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "observedGeneration": {"type": "integer", "format": "int64"},
            },
        },
    },
    "inventory": {
        "description": "The objects made for this resource, and a digest of the fields that nuvop owns in each.",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["apiVersion", "kind", "namespace", "name", "uid", "digest"],
            "properties": {
                **_texts("apiVersion", "kind", "namespace", "name", "uid", "digest"),
                "done": {
                    "description": "Of a Job that has finished, a digest of what it was made from.",
                    "type": "string",
                },
            },
        },
    },
}


# --- the example -----------------------------------------------------------------------------------------------------


def _example(new: NewKind) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    for field in new.fields:
        value = _present(new, field)
        if value is not None:
            fields.put(spec, fields.parse(field.name), value)
    limit = name_limits.NAME_LIMIT if new.keeps_names else name_limits.name_limit(new.children)[0]
    return {
        "apiVersion": f"{new.names.group}/{new.names.version}",
        "kind": new.names.kind,
        "metadata": {"name": "example"[:limit]},
        "spec": spec,
    }
