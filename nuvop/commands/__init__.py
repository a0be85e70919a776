"""The commands of ``nuvop``, a module each: what they take, what they print, how they end."""
