"""All measurements in one run, written to docs/benchmarks.md.

    python -m benchmarks.run [--lines 200000] [--work DIR] [--only sql,pandas,sync,pages,customers,reruns,browser,finder] [--load-client st_load.py]
        [--survey-rig planted_survey.py --surveys 10 --answers 2000000]

Without `--lines` small enough for a look; `--lines 10000000` is the full size (about 40 GB of temporary space is not needed: 3 GB are).
The company and its data directory stay in the work folder and are used again by the next run of the same size.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from pathlib import Path

from benchmarks import answers, browser, company, finder, measure, serving, surveys, syncing
from metrics.period import Period

ROOT = Path(__file__).parent.parent
YEAR = Period(dt.date(2025, 7, 1), dt.date(2026, 7, 1), dt.date(2026, 7, 1))
PARTS = ("sync", "sql", "pandas", "pages", "customers", "reruns", "browser", "finder")
WITHOUT_COMPANY = ("finder",)


def main() -> None:
    args = _parser().parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    needs_company = {*args.only} - {*WITHOUT_COMPANY}
    folder, database = _companies(args.work, company.Size(args.lines)) if needs_company else (None, None)
    sections: list[measure.Section] = []
    for part in args.only:  # written part by part: hours may lie behind those that are done
        sections += _measured(part, args, folder, database)
        if args.write:
            args.write.parent.mkdir(parents=True, exist_ok=True)
            args.write.write_text(report(args.lines, sections), encoding="utf-8")
    print(report(args.lines, sections))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200_000, help="invoice lines of the company")
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks"), help="where the company and its data directory are kept")
    parser.add_argument("--only", type=_parts, default=PARTS, help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--load-client", type=Path, default=Path("../shared/rigs/st_load.py"), help="a client that speaks Streamlit's websocket")
    parser.add_argument("--survey-rig", type=Path, default=surveys.RIG, help="a generator of surveys with planted low areas")
    parser.add_argument("--surveys", type=int, default=3, help="surveys of each kind and size")
    parser.add_argument("--answers", type=int, default=200_000, help="answers of the largest survey")
    parser.add_argument("--write", type=Path, help="the report's file, e.g. docs/benchmarks.md")
    return parser


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return parts


def _companies(work: Path, size: company.Size) -> tuple[Path, Path]:
    """The company as files, and again with its invoices in SQLite; made once per size."""
    folders = work / f"files-{size.lines}", work / f"sqlite-{size.lines}"
    for folder, database in zip(folders, (None, f"sqlite:///{folders[1].resolve()}/erp.sqlite"), strict=True):
        if not (folder / "sources.toml").exists():
            company.make(folder, size, database)
    return folders


def _measured(part: str, args, folder: Path | None, database: Path | None) -> list[measure.Section]:
    if part == "finder":
        return finder.sections(args.survey_rig, args.surveys, args.answers)
    data = args.work / f"data-{folder.name}"
    if part != "sync" and not data.exists():
        measure.run(syncing.command(folder / "sources.toml", data))
    client = serving.Client(args.load_client)
    if part in ("pages", "customers", "reruns") and not args.load_client.exists():
        return [measure.Section(part.capitalize(), "–", ("page",), [], (f"not measured: no load client at {args.load_client}; name one with --load-client",))]
    measurements: dict[str, Callable[[], measure.Section | None]] = {
        "sync": lambda: syncing.section({"files": folder, "files and SQLite": database}, args.work),
        "sql": lambda: answers.against_sql(data, YEAR),
        "pandas": lambda: answers.against_pandas(data, folder, YEAR),
        "pages": lambda: serving.pages(data, client),
        "customers": lambda: serving.customers(data, client),
        "reruns": lambda: serving.reruns(data, client),
        "browser": lambda: browser.section(data),
    }
    section = measurements[part]()
    return [section] if section else []


def report(lines: int, sections: list[measure.Section]) -> str:
    """The page docs/benchmarks.md."""
    head = [
        "# Benchmarks", "",
        f"Written by `python -m benchmarks.run --lines {lines} --write docs/benchmarks.md` on {dt.date.today()}: {measure.machine()}.", "",
        "Read the ratios: both sides of each were measured in the same run, on the same machine. Absolute times move with its load.", "",
    ]  # fmt: skip
    return "\n".join([*head, *(section.markdown() for section in sections)])


if __name__ == "__main__":
    main()
