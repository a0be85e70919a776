"""Names in texts that do not follow a resource, or are for all resources alike. Pure."""

from collections.abc import Iterator

from nuvop import child_names, fields, findings, follow, yamltext
from nuvop.findings import Finding, InFolder
from nuvop.kinds import Kind, home_namespace


def unfollowed(kind: Kind) -> Iterator[Finding | InFolder]:
    """Texts that name another child, or may do so, and would name it for every CR alike."""
    if kind.keeps_names:
        return
    followed = {
        (child.selector, at.segments)
        for each in kind.follows
        for child in kind.variants
        if child.selector == each.child
        for at, _ in fields.places(child.body, each.path)
    }
    certain = list(follow.mentions(kind.variants))
    for child, at in certain:
        if (child.selector, at.segments) not in followed:
            path = fields.readable(child.body, at)
            yield Finding(
                findings.kind_yaml(kind),
                f"{child} {path} names a child, or its namespace, and kustomize does not rename it there: write "
                f"`- {child} {path}` under `follow`",
            )
    for word in follow.words(kind.variants, certain):
        if (word.child.selector, word.at.segments) not in followed:
            path = fields.readable(word.child.body, word.at)
            told = f"{word.named.name!r} may mean {word.named}, which is called otherwise for each {kind.resource.kind}"
            instead = f"if it does, write `- {word.child} {path}` under `follow` in kind.yaml; if not, leave it"
            yield InFolder(word.child.selector, path, f"{told}: {instead}", is_hint=True)


def shared(kind: Kind) -> Iterator[InFolder]:
    """Secrets that a Job may make, and that all resources of a namespace would share then."""
    for child, at, name in follow.may_be_made(kind.variants) if not kind.keeps_names else ():
        told = f"the Secret {name!r} is in no file of the folder, and others of it read it"
        instead = (
            f"if {child} makes it, each {kind.resource.kind} of a namespace gets the same: put a Secret of that name "
            "without data into the folder, which it then fills; if not, leave it"
        )
        yield InFolder(child.selector, at, f"{told}: {instead}", is_hint=True)


def nothing_followed(kind: Kind) -> Iterator[Finding]:
    """Lines of ``follow`` that change nothing, whatever components there are."""
    known, home = child_names.of_base(kind.variants), home_namespace(kind.variants)
    for index, each in enumerate(kind.follows):
        found = (
            child_names.followed(child, each.path, known, home, lambda name: f"-{name}", "-")
            for child in kind.variants
            if child.selector == each.child
        )
        if not any(map(any, found)):
            yield Finding(
                findings.kind_yaml(kind) / "follow" / index,
                f"{each} has no address of a child in it, so nothing follows: write it there as `cache:6379`, "
                "`cache.{namespace}` or the name alone, or take out this line",
            )


def asked_by_all(kind: Kind) -> Iterator[Finding]:
    """Children that an object which is installed once asks: it can only ask one CR's."""
    for obj in yamltext.load_printed(kind.installed):
        for child in follow.needed_by(obj, kind.everything):
            if not child.keeps_name:
                yield Finding(
                    findings.kind_yaml(kind) / "install",
                    f"{obj['kind']}/{obj['metadata']['name']} asks {child}, which is called otherwise for each "
                    f"{kind.resource.kind}: write `names: keep`, which allows one {kind.resource.kind} in a namespace",
                )
