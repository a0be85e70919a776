"""Texts that anybody may have written, made safe for a terminal. Pure."""


def printable(text: str) -> str:
    """A text that cannot move a terminal's cursor, nor tell it anything else."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def on_one_line(text: str) -> str:
    """The same, with a space for each gap between words."""
    return printable(" ".join(text.split()))
