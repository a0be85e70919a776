"""What is wrong with a kind that can be loaded, or will be for some of its users. Pure.

What keeps a kind from being loaded at all, `nuvop.kind_yaml` and `nuvop.base` say themselves, as KindErrors. Here are
further errors, such as types that cannot fit, and warnings: what works, but not as its author will have meant.
"""

from collections.abc import Callable, Iterator

from nuvop.checks import expected, kustomization, mapping, rendered, resource, rivals, texts
from nuvop.findings import Finding, InFolder
from nuvop.kinds import Kind

_PARTS: tuple[Callable[[Kind], Iterator[Finding | InFolder]], ...] = (
    *(resource.refused, rendered.malformed),
    *(mapping.types, mapping.unknown, mapping.overlapping, mapping.unselected),
    *(expected.scopes, resource.unused, resource.never_chosen, resource.names),
    *(texts.unfollowed, texts.nothing_followed, texts.shared, texts.asked_by_all),
    *(rivals.only_one, expected.reported, expected.never_ready, expected.never_released, expected.retired),
    *(rivals.fought_over, kustomization.deprecated),
)


def findings(kind: Kind) -> list[Finding | InFolder]:
    """What is wrong with a kind that was loaded, each thing once; who tells it asks for places (`findings.placed`)."""
    return list(dict.fromkeys(finding for part in _PARTS for finding in part(kind)))
