"""Floor 0: what an engine is. Standard library and numpy only at import; runs on Python 3.10 and numpy 1 or 2."""
