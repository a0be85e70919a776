"""Services, Ingresses and NetworkPolicies. Pure.

Tables: pkg/apis/core/validation/validation.go, pkg/apis/networking/validation/validation.go.
"""

import ipaddress
import re
from collections.abc import Mapping

from nuvop import fields
from nuvop.fields import Json
from nuvop.values.metadata import labels
from nuvop.values.rule import (
    Fields,
    Found,
    Misvalue,
    Together,
    exactly_one,
    for_each,
    if_said,
    is_number,
    needs,
    ports_named_twice,
    wrong,
)
from nuvop.values.texts import HOST, NAME, PORT, PORT_OR_NAME, PORT_OR_NONE

_ADDRESS = re.compile(r"\d+(\.\d+){3}")


def _named_host(value: Json) -> Found:
    """``validateIngressRules`` of pkg/apis/networking/validation/validation.go."""
    yield from HOST(value)
    if isinstance(value, str) and _ADDRESS.fullmatch(value) and all(int(part) <= _BYTE for part in value.split(".")):
        yield wrong(f"{value!r} must be a host's name, not an IP address")


_BYTE = 255


def _of_service(value: Mapping[str, Json]) -> Found:
    """``ValidateService`` of pkg/apis/core/validation/validation.go."""
    type_ = value.get("type") or "ClusterIP"
    is_headless = value.get("clusterIP") == "None"
    if type_ == "ExternalName":
        yield from needs("externalName", ": `type: ExternalName` needs it")(value)
    elif not is_headless:
        yield from needs("ports", _NO_PORTS)(value)
    elif type_ in ("NodePort", "LoadBalancer"):
        yield Misvalue(("clusterIP",), f"'None' may not stand beside `type: {type_}`: take one of them out", ())
    for index, port in enumerate(fields.listed(value.get("ports")) if type_ == "ClusterIP" else ()):
        node_port = fields.mapped(port).get("nodePort")
        if is_number(node_port) and node_port > 0:
            told = f"{node_port} needs `type: NodePort` or `type: LoadBalancer`"
            yield Misvalue(("ports", index, "nodePort"), told, ())


_NO_PORTS = ": a Service needs one, but for `clusterIP: None` and `type: ExternalName`"


def _named_ports(value: Mapping[str, Json]) -> Found:
    """``ValidateService``, ``validateServicePort`` of pkg/apis/core/validation/validation.go."""
    ports = fields.listed(value.get("ports"))
    for index, port in enumerate(ports if len(ports) > 1 else ()):
        if isinstance(port, dict) and not port.get("name"):
            yield Misvalue(
                ("ports", index), "name is missing: a Service with several ports names each of them", ("ports",)
            )
    yield from ports_named_twice(value)


def _path(value: Mapping[str, Json]) -> Found:
    """``validateHTTPIngressRuleValue`` of pkg/apis/networking/validation/validation.go."""
    path, type_ = value.get("path") or "", value.get("pathType")
    if isinstance(path, str) and not path.startswith("/") and (path or type_ in ("Exact", "Prefix")):
        at = ("path",) if path else ()
        told = f"{path!r} must begin with a slash" if path else f"path is missing: `pathType: {type_}` needs one"
        yield Misvalue(at, told, (), is_missing=not path)


def _peer(value: Mapping[str, Json]) -> Found:
    """``ValidateNetworkPolicyPeer`` of pkg/apis/networking/validation/validation.go."""
    has = [name for name in ("ipBlock", "namespaceSelector", "podSelector") if value.get(name) is not None]
    if not has:
        yield Misvalue((), "ipBlock, namespaceSelector or podSelector is missing", (), is_missing=True)
    for other in has[1:] if "ipBlock" in has else ():
        yield Misvalue((other,), "may not stand beside ipBlock: take one of them out", ())


def _range(value: Json) -> Found:
    """``parseCIDR`` of staging/src/k8s.io/apimachinery/pkg/util/validation/ip.go."""
    if isinstance(value, str) and _network(value) is None:
        yield wrong(f"{value!r} must be a range of addresses, such as 10.9.8.0/24 or 2001:db8::/64")


def _exceptions(value: Mapping[str, Json]) -> Found:
    """``ValidateIPBlock`` of pkg/apis/networking/validation/validation.go."""
    whole = _network(value.get("cidr"))
    for index, text in enumerate(fields.listed(value.get("except")) if whole else ()):
        part = _network(text)
        if part and whole and not (part.prefixlen > whole.prefixlen and part.network_address in whole):
            yield Misvalue(("except", index), f"{text!r} must be a part of {value['cidr']}, and not all of it", ())


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_RANGE = re.compile(r"[0-9A-Fa-f:.]+/\d{1,3}", re.ASCII)
_LEADING_ZEROS = re.compile(r"(?<![\dA-Fa-f:])0+(?=\d)")


def _network(value: Json) -> _Network | None:
    """A range of addresses; None for what is none to any API server.

    Until Kubernetes 1.36 one may have leading zeros, and bits behind its prefix.
    """
    if not isinstance(value, str) or not _RANGE.fullmatch(value):
        return None
    try:
        return ipaddress.ip_network(_LEADING_ZEROS.sub("", value), strict=False)
    except ValueError:
        return None


FIELDS: Fields = {
    "core.v1.ServiceSpec": {"selector": labels},
    "core.v1.ServicePort": {
        "port": PORT,
        "nodePort": PORT_OR_NONE,
        "targetPort": if_said(PORT_OR_NAME),
        "name": if_said(NAME),
    },
    "networking.v1.IPBlock": {"cidr": _range, "except": for_each(_range)},
    "networking.v1.IngressRule": {"host": if_said(_named_host)},
    "networking.v1.IngressTLS": {"hosts": for_each(HOST)},
    "networking.v1.ServiceBackendPort": {"number": PORT_OR_NONE},
    "networking.v1.NetworkPolicyPort": {"port": PORT_OR_NAME, "endPort": PORT},
}

TOGETHER: Together = {
    "core.v1.ServiceSpec": (_of_service, _named_ports),
    "networking.v1.HTTPIngressPath": (_path,),
    "networking.v1.NetworkPolicyPeer": (_peer,),
    "networking.v1.IPBlock": (_exceptions,),
    "networking.v1.IngressBackend": (exactly_one("resource", "service"),),
    "networking.v1.ServiceBackendPort": (exactly_one("name", "number"),),
}
