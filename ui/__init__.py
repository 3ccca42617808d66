"""Floor 3: the page, its tabs and its own components."""
