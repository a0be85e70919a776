"""How fast nuvop is, beside others that do the same."""
