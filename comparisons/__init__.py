"""Floor 2: run one input on many engines and keep what came out."""

__version__ = "0.1.0"
