"""The pages of docs/ that are written from the code: `task docs`."""

import json
from collections.abc import Mapping
from pathlib import Path

from lab.docs import kind_page, kind_schema
from nuvop import reference
from nuvop.cli import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> Mapping[Path, str]:
    """What each of them must hold."""
    return {
        DOCS / "cli.md": reference.reference(COMMANDS, "nuvop"),
        DOCS / "kind.schema.json": json.dumps(kind_schema.SCHEMA, indent=2, ensure_ascii=False) + "\n",
        DOCS / "kind-yaml.md": kind_page.page(kind_schema.SCHEMA),
    }


def main() -> None:
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
