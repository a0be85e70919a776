"""``python -m nuvop``."""

from nuvop.cli import main

main()
