"""Highlights what a terminal shows, as the pages write it: `$ ` before a command, `> ` before its next line.

Pygments' own lexer of a console takes output that begins with `# ` for a command, and a command's next lines for
output.
"""

from html import escape
from typing import Any, ClassVar

from markdown import Markdown
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import RegexLexer, bygroups, default, using
from pygments.lexers.shell import BashLexer
from pygments.token import Generic

_COMMAND = (r"(\$ )(.*\n)", bygroups(Generic.Prompt, using(BashLexer)), "command")


class TerminalLexer(RegexLexer):  # type: ignore[misc] # Pygments has no types
    """Tells prompts, what is typed and output apart."""

    name = "Terminal"
    tokens: ClassVar = {
        "root": [_COMMAND, (r".*\n", Generic.Output)],
        "command": [
            _COMMAND,
            (r"(> ?)(.*\n)", bygroups(Generic.Prompt, using(BashLexer))),
            (r"(?<=\\\n).*\n", using(BashLexer)),
            default("#pop"),
        ],
    }


def is_known(_: str, given: dict[str, str], options: dict[str, Any], __: dict[str, str], ___: Markdown) -> bool:
    """Whether a fence has nothing but a title; ``options`` take it. (superfences' `validator`)"""
    options |= given
    return given.keys() <= {"title"}


def shown(source: str, _: str, __: str, options: dict[str, Any], ___: Markdown, **____: Any) -> str:
    """Return a fence's HTML, of the shape that superfences gives to other code. (superfences' `format`)"""
    code = highlight(source, TerminalLexer(), HtmlFormatter(nowrap=True))
    title = f'<span class="filename">{escape(options["title"])}</span>' if "title" in options else ""
    return f'<div class="highlight">{title}<pre><span></span><code>{code}</code></pre></div>'
