"""`python -m connectors.demo --out DIR [--seed 7] [--until YYYY-MM] [--scale 1.0] [--without STORY …]`"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from connectors.demo import write


def main(arguments: list[str] | None = None) -> int:
    """Write the demo company and say what was written; 2 on misuse."""
    parser = argparse.ArgumentParser(prog="python -m connectors.demo", description="Write a fictional company's CRM, ERP and surveys.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--until", help="last month, YYYY-MM; default: the last full month")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 3,000 customers")
    parser.add_argument("--without", nargs="+", default=(), metavar="STORY", help="planted stories to leave out, to see that nothing is found then")
    options = parser.parse_args(arguments)
    try:
        truth = write(options.out, options.seed, options.until, options.scale, options.without)
    except (ValueError, OSError) as fault:
        print(fault, file=sys.stderr)
        return 2
    print(f"{options.out}: {sum(truth.rows.values()):,} rows in {len(truth.rows)} tables and files, {truth.begins_on} to {truth.until}")
    print(f"next: python -m connectors sync --sources {options.out / 'sources.toml'} --data DIR")
    return 0


if __name__ == "__main__":
    sys.exit(main())
