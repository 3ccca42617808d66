"""Soundcheck's speed beside what a person would run instead, measured in one go: `python -m bench`."""
