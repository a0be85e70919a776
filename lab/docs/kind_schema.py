"""The JSON Schema of kind.yaml, for editors.

It has the shape of the file: what `nuvop.kind_yaml` refuses without a look at the CRD and the base. Where a line is a
text with a syntax of its own, a pattern says it, in what Python's and JavaScript's regular expressions have in common.
Draft 7 is what the language servers of editors know best.
"""

from typing import Any

from nuvop import crd, kind_yaml

Schema = dict[str, Any]

# --- the syntax of lines ---------------------------------------------------------------------------------------------

_NAME = r"(?!\\?\*(?:[.\s=]|$))(?:[^.\\\[\]\s=]|\\[^\s])+"
"""A member's name in a field path; white space and `=` in one have to stand in brackets."""
_BARE_BRACKETS = r"\[[^\]=]+\]"
_NAMES_PART = rf"(?:{_BARE_BRACKETS}|{_NAME})"
_PART = r"(?:\[[^\]]+\]|(?:[^.\\\[\]\s]|\\[^\s])+)"
_PATH = rf"{_PART}(?:\.{_PART})*"
_PLAIN_PART = r"(?:\[[^\]]+\]|(?!\\?\*(?:[.\s]|$))(?:[^.\\\[\]\s]|\\[^\s])+)"
"""A part that is no wildcard."""

_CR_FIELD = rf"spec(?:\.{_NAMES_PART})+"
_STATUS_FIELD = rf"(?!\[?(?:{'|'.join(crd.STATUS_FIELDS)})\]?(?:\.|$)){_NAMES_PART}(?:\.{_NAMES_PART})*"

_ONE = r"[^/ ]+\/(?!\* )(?!\[)[^ ]+"
_SOME = r"[^/ ]+\/(?:\[[^= ]+=[^ ]+\]|(?!\[)[^ ]+)"
_NAMED = r"\/(?!\*$)(?!\[)[^\n]+"
_SELECTOR = rf"[^/]+{_NAMED}"

_VALUE = r"\s*[^|\s][^|]*"
_VALUES = rf"{_VALUE}(?:\|{_VALUE})*"
_STATUS_OF_CONDITION = r"\s*(?:True|False|Unknown)\s*"
_CONDITION = r"(?:[a-z0-9][a-z0-9.-]*\/(?=[A-Z]))?[A-Za-z][A-Za-z0-9_-]*"
_RULE_PART = r"(?:\[[^\]]+\]|(?:[^.\\\[\]\s=]|\\[^\s=\[\]])+)"
_RULE_PATH = rf"(?!{_CONDITION}\s*=){_RULE_PART}(?:\.{_RULE_PART})*"

SYNTAX: dict[str, Schema] = {
    "crField": {
        "title": "a field of the resource",
        "description": "A field of the custom resource under `spec`, part by part: `spec.backup.schedule`.",
        "type": "string",
        "pattern": rf"^{_CR_FIELD}$",
    },
    "statusField": {
        "title": "a field of the status",
        "description": "A field of the custom resource's status, part by part, that nuvop does not write itself: "
        "`web.ready` is `status.web.ready`.",
        "type": "string",
        "pattern": rf"^{_STATUS_FIELD}$",
    },
    "child": {
        "title": "a child",
        "description": "A child by kind and name, as they stand in the base: `Deployment/web`.",
        "type": "string",
        "pattern": rf"^{_SELECTOR}$",
    },
    "childField": {
        "title": "a field of a child",
        "description": "A child and a field of it, in kustomize's fieldPath syntax: "
        "`Deployment/web spec.template.spec.containers.[name=web].image`.",
        "type": "string",
        "pattern": rf"^{_ONE} \s*{_PATH}\s*$",
    },
    "releasedField": {
        "title": "a field of a child, without wildcards",
        "description": "The same, and nothing in it is `*`: `Deployment/web spec.replicas`.",
        "type": "string",
        "pattern": rf"^{_ONE} \s*{_PLAIN_PART}(?:\.{_PLAIN_PART})*\s*$",
    },
    "childrenField": {
        "title": "a field of one child or of several",
        "description": "A field of a child, of all children of a kind (`Pod/* metadata.name`), or of those with a "
        "label (`Pod/[app=web] metadata.name`).",
        "type": "string",
        "pattern": rf"^{_SOME} \s*{_PATH}\s*$",
    },
    "installed": {
        "title": "an object that is installed once",
        "description": "A Namespace or a CustomResourceDefinition by kind and name: `Namespace/monitoring`.",
        "type": "string",
        "pattern": rf"^(?:Namespace|CustomResourceDefinition){_NAMED}$",
    },
    "secret": {
        "title": "a Secret",
        "description": "A Secret by kind and name, as it stands in the base: `Secret/password`.",
        "type": "string",
        "pattern": rf"^Secret{_NAMED}$",
    },
    "secretKey": {
        "title": "a key of the Secret",
        "description": "Letters, digits, `-`, `_` and `.`.",
        "type": "string",
        "pattern": "^[-._A-Za-z0-9]+$",
    },
    "namespace": {
        "title": "a namespace",
        "description": "Its name: lower-case letters, digits and hyphens, at most 63 characters.",
        "type": "string",
        "pattern": "^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$",
    },
    "component": {
        "title": "a component",
        "description": "The name of a folder in `components/`: lower-case letters, digits and hyphens.",
        "type": "string",
        "pattern": "^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$",
    },
    "condition": {
        "title": "the field that includes it",
        "description": "A field under `spec`: included where it is there and not false. With `=` and values, `|` "
        "between them: where it has one of these.",
        "type": "string",
        "pattern": rf"^\s*{_CR_FIELD}\s*(?:={_VALUES})?$",
    },
    "rule": {
        "title": "a rule for when it is ready",
        "description": "A condition and its status (`Ready=True`), a field and its value (`status.phase=Running`), "
        "with `|` between several, or `exists`.",
        "type": "string",
        "pattern": rf"^\s*(?:exists\s*|{_CONDITION}\s*={_STATUS_OF_CONDITION}(?:\|{_STATUS_OF_CONDITION})*"
        rf"|{_RULE_PATH}\s*={_VALUES})$",
    },
    "duration": {
        "title": "a duration",
        "description": "Hours, minutes and seconds, more than none of them: `90s`, `10m`, `1h30m`.",
        "type": "string",
        "pattern": "^(?=[0-9hm]*[1-9])(?:[0-9]+h)?(?:[0-9]+m)?(?:[0-9]+s)?$",
    },
    "type": {
        "title": "a type of objects",
        "description": "apiVersion and kind: `batch/v1 CronJob`.",
        "type": "string",
        "pattern": r"^(?:[a-z0-9.-]+\/)?v[a-z0-9]+ [A-Z][A-Za-z0-9]*$",
    },
}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _mapping(keys: Schema, values: Schema, **more: Any) -> Schema:
    """A section that is a mapping; one without anything in it is as if it were not there."""
    return {**more, "type": ["object", "null"], "propertyNames": keys, "additionalProperties": values}


def _list(items: Schema, **more: Any) -> Schema:
    return {**more, "type": ["array", "null"], "items": items}


def _one_or_more(of: Schema) -> Schema:
    return {"anyOf": [of, {"type": "array", "items": of}]}


# --- the sections ----------------------------------------------------------------------------------------------------

_SECTIONS: dict[str, Schema] = {
    "set": _mapping(
        _ref("crField"),
        _one_or_more(_ref("childField")),
        description="Which field of the resource sets which fields of its children. A field that the resource leaves "
        "out sets nothing.",
        examples=[
            {
                "spec.count": [
                    "Deployment/web spec.replicas",
                    "Deployment/web metadata.annotations.[example.org/count]",
                ],
                "spec.image": "Deployment/web spec.template.spec.containers.[name=web].image",
            }
        ],
    ),
    "components": _mapping(
        _ref("component"),
        _ref("condition"),
        description="Optional parts: kustomize Components in `components/NAME`, each with the field that includes it.",
        examples=[{"backup": "spec.backup", "metrics": "spec.metrics=plain|secure", "discard": "spec.retain=false"}],
    ),
    "status": _mapping(
        _ref("statusField"),
        {
            "anyOf": [
                *_one_or_more(_ref("childrenField"))["anyOf"],
                {
                    "type": "object",
                    "properties": {"sum": _one_or_more(_ref("childrenField"))},
                    "required": ["sum"],
                    "additionalProperties": False,
                },
            ]
        },
        description="What the children report back into the resource's status: the first value that there is, all of "
        "them where the CRD has a list, or their sum.",
        examples=[
            {
                "replicas": "Deployment/web status.replicas",
                "podNames": "Pod/[app=web] metadata.name",
                "total": {"sum": ["Deployment/* status.replicas", "StatefulSet/* status.replicas"]},
                "address": ["Ingress/web status.loadBalancer.ingress.0.hostname", "Service/web spec.clusterIP"],
            }
        ],
    ),
    "ready": {
        "description": "When the children are ready, where nuvop's own rules (those of kstatus) do not fit.",
        "type": ["object", "null"],
        "properties": {
            "deadline": {
                **_ref("duration"),
                "description": "How long they may take; after it `Ready` is False, reason `HealthCheckFailed`.",
                "default": kind_yaml.DEADLINE,
            },
            "children": _mapping(
                _ref("child"), _ref("rule"), description="A rule in the place of nuvop's own, for single children."
            ),
        },
        "additionalProperties": False,
        "examples": [
            {
                "deadline": "5m",
                "children": {
                    "Certificate/tls": "Ready=True",
                    "Widget/w": "status.phase=Running|Succeeded",
                    "Report/daily": "exists",
                },
            }
        ],
    },
    "follow": _list(
        _ref("childField"),
        description="Texts with names of children in them that kustomize does not know: in each resource's children "
        "they become the names of these.",
        examples=[["Deployment/web spec.template.spec.containers.[name=web].env.[name=CACHE].value"]],
    ),
    "names": {
        "description": "`prefix`: children are called `<resource>-<name in the base>`. `keep`: as in the base; then "
        "one resource of the kind fits into a namespace.",
        "enum": ["prefix", "keep"],
        "default": "prefix",
        "examples": ["keep"],
    },
    "children": _mapping(
        _ref("child"),
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"namespace": _ref("namespace")},
                    "required": ["namespace"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"scope": {"const": "Cluster"}},
                    "required": ["scope"],
                    "additionalProperties": False,
                },
            ]
        },
        description="Children that live elsewhere than in the resource's namespace: in another one, or outside of all.",
        examples=[{"Role/leader-election": {"namespace": "kube-system"}, "Zone/here": {"scope": "Cluster"}}],
    ),
    "install": _list(
        _ref("installed"),
        description="Namespaces and CustomResourceDefinitions of the folder, which are applied once for all resources, "
        "never pruned and never deleted.",
        examples=[["Namespace/monitoring", "CustomResourceDefinition/zones.example.org"]],
    ),
    "generate": _mapping(
        _ref("secret"),
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": _ref("secretKey"),
            "additionalProperties": {"type": "integer", "minimum": 8, "maximum": 128},
        },
        description="Values of Secrets that are made once for each resource: the keys, each with a number of letters "
        "and digits.",
        examples=[{"Secret/password": {"admin": 24, "user": 12}}],
    ),
    "delete": {
        "description": "What becomes of the children when their resource is deleted.",
        "type": ["object", "null"],
        "properties": {"keep": _list(_ref("child"), description="Children that stay, and are a new resource's.")},
        "additionalProperties": False,
        "examples": [{"keep": ["PersistentVolumeClaim/data"]}],
    },
    "release": _list(
        _ref("releasedField"),
        description="Fields that neither base nor resource set any more, and that another manager, an autoscaler say, "
        "takes over with the value that they have.",
        examples=[["Deployment/web spec.replicas"]],
    ),
    "retired": _list(
        _ref("type"),
        description="Types of children that the folder once had: a line keeps the rights to prune those that are left.",
        examples=[["batch/v1 CronJob"]],
    ),
}

SCHEMA: Schema = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "nuvop's kind.yaml",
    "description": "How a custom resource and a kustomize folder belong together.",
    "type": "object",
    "required": ["apiVersion", "kind"],
    "properties": {
        "apiVersion": {"description": "The version of this file's format.", "const": kind_yaml.API_VERSION},
        "kind": {"description": "What the file describes.", "const": "Kind"},
        **_SECTIONS,
    },
    "additionalProperties": False,
    # VS Code's word for what to say instead of the pattern.
    "definitions": {name: {**line, "patternErrorMessage": line["description"]} for name, line in SYNTAX.items()},
}
