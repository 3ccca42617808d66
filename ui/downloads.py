"""Where a download is written."""

import tempfile
from pathlib import Path

from gradio.utils import get_upload_folder


def fresh_folder() -> Path:
    """A new folder in Gradio's cache, the one place that Gradio serves from and clears by age; nobody can guess its address."""
    cache = Path(get_upload_folder())
    cache.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=cache))
