"""Writes docs/cli.md: ``task docs``."""

from pathlib import Path

from nuvop import reference
from nuvop.cli import COMMANDS

TARGET = Path(__file__).parents[1] / "docs/cli.md"


def main() -> None:
    TARGET.write_text(reference.reference(COMMANDS, "nuvop"))


if __name__ == "__main__":
    main()
