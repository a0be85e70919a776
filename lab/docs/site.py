"""Hooks of the docs site, which mkdocs.yml names.

The site is made of Markdown that is read on GitHub as well, and a link has to mean the same in both. So every page is
known to MkDocs by its path from the repository's root, and its own links are right as they stand; only the address at
which it appears is another. A file or a folder that is no page and that a page links to becomes one, with the text in
it: a kind's manifests, an example, the licence.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from markdown_it import MarkdownIt
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[2]

ELSEWHERE = {
    "README.md": "tour/index.html",
    "lab/README.md": "tutorial/index.html",
    "CONTRIBUTING.md": "contributing/index.html",
    "CHANGELOG.md": "changelog/index.html",
    "deploy/chart/README.md": "chart/index.html",
}
"""The pages that do not lie in docs/, and where they appear."""

_LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".md": "markdown"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Have the cells of tables know what their columns are called."""
    config.markdown_extensions.append(Labels())  # type: ignore[arg-type] # Markdown takes an instance, too
    return config


class Labels(Extension):
    """Cells of tables with their column's header as `data-label`: on a phone a row becomes a card (site.css)."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 – Markdown's own name for it
        """Add it to a Markdown processor, after what makes texts of inline Markdown."""
        md.treeprocessors.register(_Labelling(md), "labels", -10)


class _Labelling(Treeprocessor):
    def run(self, root: Element) -> None:
        for table in root.iter("table"):
            labels = ["".join(header.itertext()) for header in table.iter("th")]
            for row in table.iter("tr"):
                for label, cell in zip(labels, row.findall("td"), strict=False):
                    cell.set("data-label", label)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Call the files as they are called in the repository, and add those that do not lie in docs/."""
    own = [file for file in files if file.src_dir == config.docs_dir]
    for file in own:
        files.remove(file)
        files.append(_from_root(config, f"docs/{file.src_uri}", file.dest_uri))
    for path, address in ELSEWHERE.items():
        files.append(_from_root(config, path, address))
    for path in sorted(set(_linked(files.documentation_pages())) - set(files.src_uris)):
        if _is_of_the_project(path):
            files.append(SourcePage(path, config))
    return files


def _from_root(config: MkDocsConfig, path: str, address: str) -> File:
    return File(path, str(ROOT), config.site_dir, config.use_directory_urls, dest_uri=address)


class SourcePage(File):
    """A page that shows a file of the project, or those of a folder, each as it stands."""

    def __init__(self, path: str, config: MkDocsConfig) -> None:
        super().__init__(
            path, None, config.site_dir, config.use_directory_urls,
            dest_uri=f"source/{path}/index.html", inclusion=InclusionLevel.NOT_IN_NAV,
        )  # fmt: skip
        self.content_string = _shown(ROOT / path)

    def is_documentation_page(self) -> bool:
        """Whatever the file's name ends in."""
        return True


def _shown(path: Path) -> str:
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if _is_text(each))
    name = path.relative_to(ROOT)
    parts = [f"---\ntitle: {name}\nsearch: {{exclude: true}}\nhide: [toc]\n---\n\n# {name}\n"]
    for file in files:
        if file != path:
            parts.append(f"## {file.relative_to(path)}\n")
        text = file.read_text().rstrip("\n")
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
        parts.append(f"{fence}{_LANGUAGES.get(file.suffix, 'text')}\n{text}\n{fence}\n")
    return "\n".join(parts)


def _is_text(path: Path) -> bool:
    is_hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(ROOT).parts)
    return path.is_file() and not is_hidden and path.suffix not in (".png", ".gz")


def _is_of_the_project(path: str) -> bool:
    """Whether a link's target is there; of the others MkDocs tells, and so does it of what git would not have."""
    return (ROOT / path).exists() and not any(part.startswith(".") for part in path.split("/"))


def _linked(pages: Iterable[File]) -> Iterator[str]:
    """The paths, from the root, that pages link to."""
    for page in pages:
        for target in targets(page.content_string):
            path = urlsplit(target).path
            if path and not urlsplit(target).scheme and not path.startswith("/"):
                yield posixpath.normpath(posixpath.join(posixpath.dirname(page.src_uri), unquote(path)))


def targets(markdown: str) -> Iterator[str]:
    """The targets of the links of a Markdown text, pictures left out."""
    for block in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        for token in block.children or ():
            if token.type == "link_open":
                yield str(token.attrs["href"])
