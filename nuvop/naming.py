"""Which object a command line names, as kubectl understands it: ``sam/obj``, ``samples.nuvolaris.org obj``.

Pure. kubectl's own order: a plural counts before a short name, and that before a singular or a kind; a group is named
whole or by its beginning (``shortcut.go`` and ``restmapper.go`` in k8s.io/client-go and k8s.io/apimachinery). Unlike
kubectl, which takes the first of several groups that have the name, this asks for the group.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nuvop.cluster import ApiResource
from nuvop.crd import ResourceType
from nuvop.errors import NotResolved
from nuvop.objects import Body

NOT_SERVED = "the API server has no kind of that name; kubectl api-resources lists them"


@dataclass(frozen=True)
class Served:
    """A resource that an API server has, and what else it is called."""

    resource: ApiResource
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """``samples.nuvolaris.org``."""
        group = self.resource.group
        return f"{self.resource.plural}.{group}" if group else self.resource.plural

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """Its names, those that count most first."""
        return (self.resource.plural,), self.short_names, (self.singular, self.resource.kind.lower())


def served(groups: Iterable[Body]) -> Iterator[Served]:
    """The resources of APIGroupDiscovery objects, the preferred version of each group first."""
    for group in groups:
        name = group["metadata"].get("name", "")
        for version in group.get("versions") or ():
            for entry in version.get("resources") or ():
                kind = (entry.get("responseKind") or {}).get("kind", "")
                subresources = {each.get("subresource") for each in entry.get("subresources") or ()}
                yield Served(
                    ApiResource(
                        name,
                        version["version"],
                        entry["resource"],
                        kind,
                        entry.get("scope") == "Namespaced",
                        has_status="status" in subresources,
                    ),
                    entry.get("singularResource") or kind.lower(),
                    tuple(entry.get("shortNames") or ()),
                    tuple(entry.get("categories") or ()),
                )


def of_type(type_: ResourceType) -> Iterator[Served]:
    """A kind's resource, as an API server with its CRD has it, the stored version first."""
    for version in sorted(type_.versions, key=lambda version: version != type_.version):
        resource = ApiResource(type_.group, version, type_.plural, type_.kind, has_status=True)
        yield Served(resource, type_.singular, type_.short_names)


def parse(words: Sequence[str]) -> tuple[str, str]:
    """``sam/obj`` or ``sam obj`` → what its kind and it itself are called; raise NotResolved."""
    match [part for word in words for part in word.split("/")]:
        case [kind, name] if kind and name:
            return kind, name
    raise NotResolved(f"{' '.join(words)!r} must be KIND/NAME, such as samples/obj")


def resolve(name: str, known: Sequence[Served], none: str = NOT_SERVED) -> ApiResource:
    """The resource that is called so, with its version and group or without; raise NotResolved.

    ``none`` is what there is to say where there is none.
    """
    found = _narrowed(name.lower(), known)
    groups: dict[str, Served] = {}
    for each in found:
        groups.setdefault(each.resource.group, each)
    if not groups:
        raise NotResolved(f"{name!r}: {none}")
    first, *others = groups.values()
    if others:
        names = " or ".join(each.full_name for each in (first, *others))
        raise NotResolved(f"{name!r} may be {names}: say which")
    return first.resource


def plain(known: Sequence[Served]) -> dict[str, ApiResource]:
    """Each resource by what is enough to name it: its plural, with the group where several groups have that plural."""
    groups: dict[str, set[str]] = {}
    for each in known:
        groups.setdefault(each.resource.plural, set()).add(each.resource.group)
    found: dict[str, ApiResource] = {}
    for each in known:
        name = each.full_name if len(groups[each.resource.plural]) > 1 else each.resource.plural
        found.setdefault(name, each.resource)
    return found


def _narrowed(name: str, known: Sequence[Served]) -> list[Served]:
    """All resources that a name may mean."""
    bare, dot, rest = name.partition(".")
    fits = [each for each in known if not dot or rest in _suffixes(each.resource)]
    if not fits:
        fits = [each for each in known if each.resource.group.startswith(rest)]
    ranked = [[each for each in fits if bare in each.names[rank]] for rank in range(3)]
    return next(filter(None, ranked), [])


def _suffixes(resource: ApiResource) -> tuple[str, str]:
    return resource.group, f"{resource.version}.{resource.group}"
