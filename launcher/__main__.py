"""`pointsman serve | ask | ...` is `python -m service serve | ask | ...` on the packages that lie beside this file."""

import runpy
import sys
from pathlib import Path

APP = Path(__file__).resolve().parent / "_app"


def main() -> None:
    """Run the service's command line; site-packages itself receives no package named `models` or `store`."""
    sys.path.insert(0, str(APP))
    sys.argv[0] = "pointsman"
    runpy.run_module("service", run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    main()
