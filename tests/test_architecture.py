"""Who may import whom, and the few shapes that keep the code readable. Read from the source, never by importing it."""

import ast
import os
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("access", "charts", "connectors", "locales", "metrics", "notify", "pages", "records", "ui", "warehouse", "benchmarks")
FILES = ("app.py", "asgi.py")
OURS = {*FOLDERS, "app", "asgi", "tests", "examples"} - {"benchmarks"}

# module or package → what of ours it may import; the longest name that fits a module decides
MAY_IMPORT = {
    "warehouse.contract": (),
    "connectors": ("connectors", "warehouse.contract"),
    "connectors.__main__": ("connectors", "warehouse", "records"),
    "warehouse": ("warehouse", "records", "access.scope", "connectors.base", "connectors.mapping", "connectors.sources"),
    "warehouse.sync": ("warehouse", "records", "access.scope", "connectors"),
    "warehouse.marts": ("warehouse.marts", "warehouse.contract"),
    "warehouse.marts.__init__": ("warehouse",),
    "warehouse.marts.churn": ("warehouse.marts", "metrics"),  # a model is learned by metrics and stored like any other mart
    "warehouse.marts.health": ("warehouse.marts", "metrics"),  # the rules of a record are the metric's
    "metrics": ("metrics",),
    "metrics.__main__": ("metrics", "warehouse", "access", "records"),
    "metrics.audit_command": ("metrics", "warehouse", "records"),
    "charts": ("charts", "metrics.metric", "metrics.result"),
    "locales": ("locales",),
    "records": ("records",),
    "access": ("access", "records", "warehouse"),
    "access.scope": (),
    "ui": ("ui", "metrics", "charts", "locales", "access", "warehouse", "records", "connectors.errors"),
    "ui.syncing": ("ui", "access", "warehouse", "connectors.errors", "connectors.sources"),
    "notify": (
        "notify",
        "metrics",
        "warehouse",
        "access",
        "records",
        "locales",
        "connectors.sources",
        "connectors.secrets",
        "connectors.redaction",
        "connectors.errors",
    ),
    "pages": ("ui", "metrics", "charts", "locales", "access", "warehouse", "records", "connectors.errors"),
    "app": ("ui", "metrics", "charts", "locales", "access", "warehouse", "records"),
    "asgi": ("ui", "metrics", "charts", "locales", "access", "warehouse", "records", "app", "connectors.redaction"),
    "benchmarks": ("benchmarks", "connectors", "warehouse", "metrics", "ui", "pages", "access", "records", "charts", "locales"),
}

# package of others → where it may be imported
ONLY_IN = {
    "streamlit": ("app", "asgi", "pages", "ui", "access.guard", "access.identity", "access.noted"),
    "sqlalchemy": ("connectors", "records"),
    "alembic": ("records",),
    "duckdb": ("connectors", "warehouse"),
    "deltalake": ("warehouse",),
    "pyspark": ("warehouse.spark",),
    "plotly": ("charts", "asgi"),
    "httpx": ("connectors",),
    "scipy": ("metrics",),
    "statsmodels": ("metrics",),
    "sklearn": ("metrics",),
    "holidays": ("metrics",),
    "rjieba": ("metrics.phrases",),
    "apprise": ("notify.delivery",),
    "splink": ("warehouse.identity.likeness",),
    "rapidfuzz": ("warehouse.identity.likeness",),
    "phonenumbers": ("warehouse.identity.keys",),
    "opencc": ("warehouse.identity.names",),
    "jinja2": ("ui.audit_files",),
    "typst": ("ui.audit_files",),
}
METRICS_NEED = {"narwhals", "pandas", "numpy", "pydantic", "scipy", "statsmodels", "sklearn", "rjieba", "threadpoolctl", "holidays", "metrics"}

LONGEST_FUNCTION, LONGEST_FILE = 40, 300  # lines
LONG_FILES = {
    "warehouse/contract.py": "the contract is one list of columns; cut in two it would be read twice",
    "pages/nps.py": "a page is read from top to bottom, one short part after the other",
    "pages/funnel.py": "a page is read from top to bottom, one short part after the other",
    "pages/segments.py": "a page is read from top to bottom, one short part after the other",
    "pages/journey.py": "a page is read from top to bottom, one short part after the other",
    "pages/retention.py": "a page is read from top to bottom, one short part after the other",
    "pages/customer.py": "a page is read from top to bottom, one short part after the other",
}
MACHINE_PATHS = re.compile(r"(?<![\w.:])/(?:work|root|home/\w+|Users/\w+)/\w|[A-Z]:\\\\?Users")
TEXTS = {".py", ".md", ".toml", ".sql", ".txt", ".in", ".yml", ".yaml", ".sh", ".json", ".js", ""}
NOT_OURS = {".venv", ".git", "data", "node_modules", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", "dist", "build"}


@cache
def sources() -> dict[str, Path]:
    """Module name → file, of the whole product."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))] + [ROOT / name for name in FILES if (ROOT / name).exists()]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files if "__pycache__" not in path.parts}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(module: str) -> set[str]:
    """The modules a module imports, anywhere in it. `from warehouse import contract` imports warehouse.contract.

    What is only for the type checker counts as well: knowing a name is knowing a neighbour.
    """
    found = set()
    for node in ast.walk(tree(sources()[module])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively; write the whole name"
            found |= {f"{node.module}.{alias.name}" if _is_module(f"{node.module}.{alias.name}") else node.module for alias in node.names}
    return found


def _is_module(name: str) -> bool:
    return name in sources() or f"{name}.__init__" in sources()


def covers(rule: str, module: str) -> bool:
    return module == rule or module.startswith(rule + ".") or f"{module}.__init__" == rule


def rule_of(module: str) -> str:
    return max((rule for rule in MAY_IMPORT if covers(rule, module)), key=len)


every_module = pytest.mark.parametrize("module", sorted(sources()))


# imports


@every_module
def test_a_module_imports_only_what_its_place_allows(module):
    allowed = MAY_IMPORT[rule_of(module)]
    wrong = [name for name in imported(module) if name.split(".")[0] in OURS and not any(covers(rule, name) for rule in allowed)]
    assert not wrong, f"{module} may import {', '.join(allowed) or 'nothing of ours'}, not {', '.join(sorted(wrong))}"


@every_module
def test_other_peoples_packages_stay_where_they_belong(module):
    top = {name.split(".")[0] for name in imported(module)}
    wrong = [name for name, places in ONLY_IN.items() if name in top and not any(covers(place, module) for place in (*places, "benchmarks"))]
    assert not wrong, f"{', '.join(wrong)} in {module}; it belongs to {', '.join(p for name in wrong for p in ONLY_IN[name])}"


@pytest.mark.parametrize("module", [m for m in sorted(sources()) if m.startswith("metrics.") and m not in ("metrics.__main__", "metrics.audit_command")])
def test_a_metric_knows_no_engine_and_no_screen(module):
    assert {name.split(".")[0] for name in imported(module)} <= METRICS_NEED | set(sys.stdlib_module_names)


def test_the_table_of_imports_would_notice():
    """The rules themselves: a page may not see a connector's insides, a metric may not see the warehouse."""
    assert not any(covers(rule, "connectors.sql") for rule in MAY_IMPORT["pages"])
    assert not any(covers(rule, "warehouse.engine") for rule in MAY_IMPORT[rule_of("metrics.nps")])
    assert rule_of("metrics.__main__") == "metrics.__main__" and rule_of("warehouse.marts.scores") == "warehouse.marts"
    assert "duckdb" in imported("warehouse.duck") and "warehouse.contract" in imported("warehouse.schema")


# shapes


def functions():
    for module, path in sources().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield module, path, node


def test_no_function_needs_a_scroll():
    """Over 40 lines, its docstring not counted, only with a comment `# long: …` above it that says why."""
    long = []
    for module, path, node in functions():
        above = path.read_text(encoding="utf-8").splitlines()[node.lineno - 2] if node.lineno > 1 else ""
        if (lines := body_lines(node)) > LONGEST_FUNCTION and not above.strip().startswith("# long:"):
            long.append(f"{module}.{node.name}: {lines} lines")
    assert not long


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return node.end_lineno - first.lineno + 1


def test_no_file_is_longer_than_it_has_a_reason_to_be():
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources().values()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE and name not in LONG_FILES} == {}


@pytest.mark.parametrize("module", [m for m in sorted(sources()) if not m.endswith(("__init__", "env")) or sources()[m].stat().st_size])
def test_a_module_says_what_it_is(module):
    assert ast.get_docstring(tree(sources()[module])), f"{module} has no docstring"


def test_no_module_is_a_drawer_for_everything():
    assert not [m for m in sources() if re.search(r"util|helper|manager|misc|common", m.rsplit(".", 1)[-1])]


# pages

pages = pytest.mark.parametrize("module", [m for m in sorted(sources()) if m.startswith("pages.") and not m.endswith("__init__")])


@pages
def test_a_page_begins_with_its_guard(module):
    """Streamlit may run a page's file without app.py: nothing but imports and definitions may come before the guard."""
    body = [node for node in tree(sources()[module]).body if not isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))]
    body = body[1:] if ast.get_docstring(tree(sources()[module])) else body
    first = next(node for node in body if not (isinstance(node, ast.Assign) and _is_literal(node.value)))
    call = first.value if isinstance(first, (ast.Expr, ast.Assign)) else None
    assert isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] == "guard", f"{module} begins with {ast.unparse(first)}"
    assert [ast.literal_eval(a) for a in call.args] == [module.split(".")[-1]], "the guard is told the page's name"


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


@every_module
def test_a_fragment_asks_who_is_looking(module):
    """A fragment runs without app.py: `ui.page.fragment` looks whether the reader is still the one the page was drawn for."""
    bare = [ast.unparse(node) for node in ast.walk(tree(sources()[module])) if isinstance(node, ast.Attribute) and ast.unparse(node) == "st.fragment"]
    assert not bare or module in ("ui.page", "ui.printing"), f"{module} uses st.fragment; use page.fragment or page.part"


def test_only_one_place_opens_tables_for_readers():
    """`warehouse.open` without a scope shows everything: on screen only `ui.data` calls it, with the reader's own."""
    calls = [
        (module, len(node.args)) for module, path in sources().items() if module.split(".")[0] in ("ui", "pages", "app")
        for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and ast.unparse(node.func) in ("warehouse.open", "engine.open")
    ]  # fmt: skip
    assert calls and all(call == ("ui.data", 3) for call in calls), calls


ADDING = {"sum", "mean", "median", "cumsum", "diff", "pct_change", "round", "std", "quantile", "groupby", "agg", "div", "mul", "sub"}


@pages
def test_a_page_computes_nothing(module):
    """Joining texts and lists is not arithmetic; everything else that adds, divides or rounds belongs to a metric or to `ui.numbers`."""
    found = [ast.unparse(node) for node in ast.walk(tree(sources()[module])) if _computes(node)]
    assert not found, f"{module} computes: {'; '.join(found)}"


def _computes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in ADDING
    if isinstance(node, ast.BinOp):
        return not isinstance(node.op, (ast.BitOr, ast.BitAnd)) and not any(_joins(side) for side in (node.left, node.right))
    return isinstance(node, ast.AugAssign) and not isinstance(node.op, ast.BitOr) and not _joins(node.value)


def _joins(node: ast.expr) -> bool:
    """Texts and lists, which `+` joins; and what was joined from them."""
    if isinstance(node, ast.BinOp):
        return _joins(node.left) or _joins(node.right)
    if isinstance(node, ast.IfExp):
        return _joins(node.body) or _joins(node.orelse)
    return isinstance(node, (ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize(
    ("code", "computes"),
    [
        ("a / b", True), ("100 * x", True), ("x - 1", True), ("total += n", True), ("rows.sum()", True), ("round(x)", True), ("a + b", True),
        ("'n = ' + text", False), ("[a] + more", False), ("names += [name]", False),
        ("said += tail if more else ''", False), ("one | two", False), ("f'{n} rows' + tail", False),
        ("max(names)", False),
    ],
)  # fmt: skip
def test_what_counts_as_arithmetic(code, computes):
    assert any(_computes(node) for node in ast.walk(ast.parse(code))) == computes


# the tree


def test_nothing_names_a_machine():
    found = []
    for path in _texts():
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE_PATHS.search(line) and path != Path(__file__):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert not found


def _texts():
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        yield from (path for path in (Path(folder) / name for name in files) if path.suffix in TEXTS and path.stat().st_size < 1_000_000)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("open('/ro" + "ot/x')", True), ("/ho" + "me/ann/data", True), ("C:\\Us" + "ers", True), ("https://a.b/root/x", False), ("framework/x", False),
    ],
)  # fmt: skip
def test_what_counts_as_a_machines_path(line, names):
    assert bool(MACHINE_PATHS.search(line)) == names


# what parts tell is kept: it may rest on the answers alone

DRAWS = {"st", "may", "may_open", "admitted_now", "reader_now", "ledger", "database", "cases", "reviewing", "pairs", "plans", "under_used"}
CHANGES = {"now", "today", "utcnow", "monotonic", "known"}  # `known` of modules about records: what was decided


def told():
    """Functions under `data.told`, each with the names that it and those of its own file that it calls look up, and the methods they call."""
    for module, path in sources().items():
        known = {node.name: node for node in tree(path).body if isinstance(node, ast.FunctionDef)}
        for name, node in known.items():
            if any(ast.unparse(one) in ("data.told", "told") for one in node.decorator_list):
                yield pytest.param(*reached(known, name), id=f"{module}.{name}")


def reached(known: dict[str, ast.FunctionDef], name: str) -> tuple[set[str], set[str]]:
    seen, wanted, names, methods = set(), [name], set(), set()
    while wanted:
        if (one := wanted.pop()) in seen:
            continue
        seen.add(one)
        parts = [part for statement in known[one].body for part in ast.walk(statement)]
        own = {part.arg for part in ast.walk(known[one]) if isinstance(part, ast.arg)} | {
            part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
        }
        looked_up = {part.id for part in parts if isinstance(part, ast.Name)} - own
        names |= looked_up - known.keys()
        called = [part.func for part in parts if isinstance(part, ast.Call)]  # `change.now` is a row, `dt.datetime.now()` the clock
        methods |= {part.attr for part in called if isinstance(part, ast.Attribute)}
        wanted += looked_up & known.keys()
    return names, methods


@pytest.mark.parametrize(("names", "methods"), list(told()))
def test_what_is_kept_of_a_part_rests_on_no_session_no_records_and_no_clock(names, methods):
    assert not names & DRAWS
    assert not methods & CHANGES
