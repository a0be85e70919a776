"""The docs site: it can be built, no link in it leads nowhere, it loads nothing from elsewhere, and it shows the pages
as GitHub does.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from markdown_it import MarkdownIt
from pygments.token import Generic

from lab.docs import site
from lab.docs.terminal import TerminalLexer

ROOT = Path(__file__).parents[2]

LOADING = {"src", "srcset", "poster", "data"}
"""Attributes whose value a browser fetches; of `link` it is `href`."""

SHOWN = ("h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "pre", "table", "tr", "td", "code", "strong", "em", "img")


@dataclass
class Page(HTMLParser):
    """What a page has."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    shown: Counter[str] = field(default_factory=Counter)
    _in_article: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_article = self._in_article or tag == "article"
        if self._in_article and tag in SHOWN:
            self.shown[tag] += 1
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif tag == "link" and name == "href":
                self.loads.append(value or "")
            elif name == "href":
                self.links.append(value or "")
            elif name in LOADING:
                self.loads.append(value or "")
            elif name == "style":
                self.loads += addresses(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_article = self._in_article and tag != "article"


def addresses(css: str) -> Iterator[str]:
    """What a style sheet loads."""
    for address in re.findall(r"""(?:url\(|@import\s+)\s*["']?([^"')\s]+)""", css):
        if not address.startswith("data:"):
            yield address


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", target],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in built.rglob("*.html")}


def test_every_page_of_the_project_is_in_it(built: Path, pages: dict[Path, Page]) -> None:
    assert {built / address for address in places().values()} <= pages.keys()


def test_no_link_leads_nowhere(built: Path, pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        if path.name == "404.html":  # which may be shown at any address
            continue
        here = f"/{path.relative_to(built)}"
        for link in [*page.links, *page.loads]:
            parts = urlsplit(urljoin(here, link))
            if urlsplit(link).scheme:
                continue
            target = built / unquote(parts.path).lstrip("/")
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in pages[target].ids):
                lost.append(f"{here}: {link}")
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(built: Path, pages: dict[Path, Page]) -> None:
    found = [(path, load) for path, page in pages.items() for load in page.loads]
    found += [(path, load) for path in built.rglob("*.css") for load in addresses(path.read_text())]
    assert len(found) > 100
    assert [(str(path), load) for path, load in found if urlsplit(load).netloc] == []
    # Material's own script fetches a library for these.
    assert [path for path in pages if 'class="mermaid"' in path.read_text()] == []


def test_cells_know_their_columns(built: Path) -> None:
    text = (built / "conditions/index.html").read_text()
    assert '<td data-label="what to do">wait, or look at that child</td>' in text


TERMINAL = r"""
$ kubectl apply -f - <<END
> kind: Sample
>
> END
sample/obj created
$ cat patch.yaml # as it is
# $ what kustomize does
> is output here
$ kubectl get \\
    pods
^C
"""
TYPED = r"""
kubectl apply -f - <<END
kind: Sample

END
cat patch.yaml # as it is
kubectl get \\
    pods
"""


def test_what_is_copied_of_a_terminal_is_what_was_typed() -> None:
    """The style sheet leaves out prompts and output."""
    tokens = TerminalLexer().get_tokens(TERMINAL)
    assert "".join(text for type_, text in tokens if type_ not in Generic) == TYPED.lstrip()


def test_what_is_typed_stands_in_blocks_that_say_so() -> None:
    blocks = [
        (name, block.info, block.content)
        for name in places()
        for block in MarkdownIt("gfm-like", {"linkify": False}).parse((ROOT / name).read_text())
        if block.type == "fence"
    ]
    typed = [(name, info, content) for name, info, content in blocks if re.search(r"^\$ ", content, re.MULTILINE)]
    assert len(typed) > 100
    assert [(name, content) for name, info, content in typed if not info.startswith("console")] == []


def places() -> dict[str, str]:
    """The pages of the project, and where they appear."""
    found = {}
    for path in ROOT.glob("docs/**/*.md"):
        inside = path.relative_to(ROOT / "docs")
        folder = inside.parent if path.stem in ("index", "README") else inside.with_suffix("")
        found[f"docs/{inside}"] = (folder / "index.html").as_posix()
    return {**found, **site.ELSEWHERE}


def written() -> list[str]:
    """Those that are Markdown alone: nothing in them comes from docstrings."""
    return sorted(name for name in places() if ":::" not in (ROOT / name).read_text())


@pytest.mark.parametrize("name", written())
def test_a_page_is_as_on_github(built: Path, pages: dict[Path, Page], name: str) -> None:
    text = (ROOT / name).read_text()
    on_github = Counter(re.findall(r"<(\w+)", MarkdownIt("gfm-like", {"linkify": False}).render(text)))
    shown = pages[built / places()[name]].shown
    assert {tag: shown[tag] for tag in SHOWN} == {tag: on_github[tag] for tag in SHOWN}
