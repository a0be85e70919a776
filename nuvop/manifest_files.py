"""Where in a folder's manifests stands what kustomize, or what it makes of them, tells without a file. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from nuvop import kind_folder, kustomize_words, manifests, yamltext
from nuvop.errors import KindError, Place
from nuvop.manifests import Malformed


def behind(reason: str, folder: Path, files: Mapping[str, bytes]) -> Iterator[KindError]:
    """What in the manifests is the cause that kustomize cannot build a folder; nothing where it says so itself."""
    yield from _twice(folder, files)
    # Else somebody may mend what is misshapen: a patch, a replacement.
    if kustomize_words.is_of_shape(reason):
        yield from _malformed(folder, files)


def written(made: Malformed, folder: Path, files: Mapping[str, bytes]) -> Malformed:
    """The fault of an object that kustomize has made, as a manifest has it; as it is where it stands in none.

    The object itself may be called otherwise there, as kustomize puts prefixes before names.
    """
    return next((each for each in _malformed(folder, files) if each.is_alike(made)), made)


def _twice(folder: Path, files: Mapping[str, bytes]) -> Iterator[KindError]:
    """The keys that stand twice in a mapping."""
    for name, content in kind_folder.manifests(files):
        try:
            yamltext.load_all(content)
        except yamltext.KeyTwice as error:
            yield KindError(str(error), Place(folder / name, line=error.line))
        except yamltext.NotYaml:
            continue  # of which kustomize names the file


def _malformed(folder: Path, files: Mapping[str, bytes]) -> Iterator[Malformed]:
    for name, content in kind_folder.manifests(files):
        try:
            documents = yamltext.load_all(content)
        except yamltext.NotYaml:
            continue
        for index, document in enumerate(documents):
            for fault in manifests.misshapen(document):
                place = Place(folder / name, line=yamltext.line_of(content, fault[0], index))
                yield Malformed(document, fault, place)
