"""What may be wrong with a kind that can be loaded, a module for each part of it."""
