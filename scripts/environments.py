"""Build the environment of every isolated engine that has a lock file: `python -m scripts.environments [NAME ...]`.

Names are files of local_models/. Several gigabytes in all; what is built already is left alone. Weights are not fetched.
"""

from __future__ import annotations

import sys

from comparisons.catalogue import engines
from engine import environment, weights
from engine.contract import NotReady


def main(names: list[str]) -> int:
    specs = {spec.vendor_slug: spec for spec in engines().values() if spec.isolated and environment.lock_of(spec).exists()}
    unknown = [name for name in names if name not in specs]
    if unknown:
        print(f"no locked environment {', '.join(unknown)}; there are {', '.join(specs)}")
        return 2
    failed = 0
    for name, spec in specs.items():
        if names and name not in names:
            continue
        try:
            for _line in environment.prepare(spec):
                pass
            print(f"{name}: {weights.size_gb(environment.environment_folder(spec)):.1f} GB", flush=True)
        except NotReady as error:
            failed += 1
            print(f"{name}: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
