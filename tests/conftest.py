"""Every test gets a home of its own and no keys, so that nothing of the person's is read or written."""

import os

import pytest
from hypothesis import settings

# The same examples each time, however busy the machine: what fails here has failed because of the change at hand.
settings.register_profile("soundcheck", deadline=None, derandomize=True)
settings.load_profile("soundcheck")

pytest_plugins = ["browser"]


@pytest.fixture(autouse=True)
def clean_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SOUNDCHECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    if os.environ.get("SOUNDCHECK_LIVE") == "1":
        return
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")):
            monkeypatch.delenv(name)
