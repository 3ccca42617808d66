"""Floor 1: cloud engines, one file per vendor. Importing one imports no SDK."""
