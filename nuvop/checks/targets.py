"""Which fields of children a custom resource sets. Pure."""

from nuvop import fields
from nuvop.fields import Pointer
from nuvop.kinds import Child, ChildSelector, Kind, Setting


def landings(child: Child, setting: Setting) -> list[Pointer]:
    """Where a child has, or would get, what is set; none where it is another child's."""
    return fields.landings(child.body, setting.target) if child.selector == setting.child else []


def sets(child: Child, setting: Setting, at: Pointer) -> bool:
    """Whether a field of a child takes its value from what is set, there or around it."""
    return any(at[: len(landing)] == landing for landing in landings(child, setting))


def is_set(kind: Kind, selector: ChildSelector, at: Pointer) -> bool:
    """Whether a CR may set a field of a child, or a part of it."""
    segments = fields.path_to(*at).segments
    return any(each.child == selector and fields.meet(each.target.segments, segments) for each in kind.settings)
