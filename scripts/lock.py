"""Write the lock file of every isolated engine's environment: each package, its version and the hashes of its files.

Run `python -m scripts.lock [FILE ...]` after a change to a PEP 723 header. Needs a package registry. A lock names no registry.
Versions that the lock has and the header still allows stay; delete the lock first to take the newest.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from engine import environment

HEAD = "# Written by scripts/lock.py from the header of {name}; change that and run it again.\n"


def lock(file: Path) -> Path:
    """Resolve one file's header and write the lock beside it. Raises subprocess.CalledProcessError when uv cannot."""
    header = tomllib.loads(environment.toml_of(file))
    lowest = header["requires-python"].split(",")[0].lstrip(">=")
    target = file.with_suffix(".lock")
    command = ["pip", "compile", str(file), "--output-file", str(target), "--python-version", lowest]
    subprocess.run(
        [
            environment.uv_program(), *command, "--universal", "--generate-hashes", "--quiet",
            "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    target.write_text(HEAD.format(name=file.name) + target.read_text())
    return target


def main(names: list[str]) -> int:
    files = [Path(name) for name in names] or sorted((environment.ROOT / "local_models").glob("*.py"))
    for file in files:
        if environment.header_of(file) and "git+" not in environment.header_of(file):
            written = lock(file)
            print(f"{written.name}: {sum('==' in line for line in written.read_text().splitlines())} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
