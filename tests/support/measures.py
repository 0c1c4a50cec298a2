"""Measure the code base by reading it: `python -m tests.support.measures [FOLDER] [--commits A..B] [--verbose]`.

Nothing of the measured tree is imported, so that one version of this script can measure any commit:
`git worktree add ../before COMMIT`, then pass ../before as FOLDER. The shape of a definition decides, not its name:

- table: a class with `table=True`. Its abstract bases count once, where they are written
- event: a class with `type="service.fact.v1"`, its bases and subclasses. It is read, not published, by another service
- schema: any other pydantic class in services/ or gateway/ except settings
- operation: a function under `@feature.get/post/put/patch/delete("/...", scope=...)`
- event handler: a function under `@feature.on/on_batch(Event)`

"Files to open" for an operation: the modules of its service that are reachable by imports from the module that defines
it, and the chassis modules that define names imported directly by those. For an event: the same for the operations that
publish it (they use the class, or import a module that does) together with the handlers of each service that reads it.
"""

import argparse
import ast
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.support.row_accesses import RowAccesses, vars_calls
from tests.support.source_tree import GENERATED, PRODUCT, Definition, Function, Module, SourceTree, fields_of

SIZED = {"product": PRODUCT, "chassis": ("chassis",)}
VERBS = ("get", "post", "put", "patch", "delete")
COMMON_COLUMNS = {"tenant_id", "id", "version", "created_at", "updated_at"}
HAND_WRITTEN_REVISIONS = {"gateway": 1, "analytics": 2, "customers": 3, "interactions": 3, "loyalty": 4}
"""The last revision of each history that was written by hand, before migrations were generated."""
NOUN_CLAUSE = r"is|was|are|were|has|have|had|comes?|came|goes|makes?|made|must|may|can"
MARKERS = {
    "what": rf"(?:^|[.!:]\s+|\n\n)(?:What|Who|Whether)\b(?![^.!?]*\?)|\b[Ww]hat (?:{NOUN_CLAUSE})\b(?![^.!?]*\?)",
    "one": r"(?i)\bones?\b",
    "nobody": r"(?i)\b(?:nobody|somebody|whoever|anybody)\b",
    "stand": r"(?i)\bstands?\b",
    "tell": r"(?i)\b(?:told|tells?)\b",
    ";": ";",
    "anew": r"(?i)\banew\b",
    "by now": r"(?i)\bby now\b",
}
PROSE_TARGETS = {"httpx": "0.1 1.3 0 0 0 0.5 - -", "polar": "0.4 3.3 0.1 0.1 0 3.3 - -"}
"""The table of the review, in which `tell` counts only "told"."""
OPERATIONS = ("POST /v1/memberships", "POST /v1/customers")
EVENT = "interactions.purchase_recorded.v1"
TEXT_SUFFIXES = {".py", ".md", ".json", ".toml", ".yml", ".yaml", ".sql", ".patch", ".sh", ".html"}
Row = Sequence[object]


def percentile(values: Iterable[int], share: float) -> int:
    """Return the value below which the given share of values lies."""
    ordered = sorted(values) or [0]
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def functions_in(module: Module) -> list[Function]:
    """Return every function of a module, including nested functions."""
    return [node for node in module.nodes if isinstance(node, Function)]


def arguments_of(function: Function) -> list[ast.arg]:
    """Return the parameters of a function."""
    given = function.args
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]


def is_annotated(function: Function) -> bool:
    """Return whether every parameter except self and cls, and the result, are annotated."""
    arguments = [argument for argument in arguments_of(function) if argument.arg not in ("self", "cls")]
    return function.returns is not None and all(argument.annotation for argument in arguments)


def public_definitions(body: Iterable[ast.stmt]) -> Iterator[ast.ClassDef | Function]:
    """Yield public classes, functions and methods. Special methods count as public."""
    for node in body:
        if isinstance(node, ast.ClassDef | Function) and (not node.name.startswith("_") or node.name.endswith("__")):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body)


def sizes(modules: list[Module]) -> Row:
    """Return the figures of the review's table of sizes. Shares of lines refer to all lines, including blank lines."""
    lines = [len(module.text.splitlines()) for module in modules]
    functions = [function for module in modules for function in functions_in(module)]
    spans = [(function.end_lineno or 0) - function.lineno + 1 for function in functions]
    public = [node for module in modules for node in public_definitions(module.tree.body)]
    return (
        len(modules),
        f"{statistics.median(lines):.0f} / {max(lines)}",
        " / ".join(str(percentile(spans, share)) for share in (0.5, 0.9, 0.99)) + f" / {max(spans)}",
        f"{sum(len(module.docstring_lines) for module in modules) / sum(lines):.1%}",
        f"{sum(len(module.comments) for module in modules) / sum(lines):.1%}",
        f"{sum(map(is_annotated, functions)) / len(functions):.0%}",
        f"{sum(ast.get_docstring(node) is not None for node in public) / len(public):.0%}",
    )


def routes_in(module: Module) -> Iterator[tuple[str, str]]:
    """Yield a verb and a path for each operation, and "on" and the event class for each event handler."""
    for decorator in (decorator for function in functions_in(module) for decorator in function.decorator_list):
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.args:
            name, first = decorator.func.attr, decorator.args[0]
            if name in VERBS and isinstance(first, ast.Constant) and any(k.arg == "scope" for k in decorator.keywords):
                yield name.upper(), str(first.value)
            elif name in ("on", "on_batch") and not isinstance(first, ast.Constant):
                yield "on", ast.unparse(first)


def capabilities(tree: SourceTree, kinds: dict[Definition, str]) -> Row:
    """Return the size of services/ and of the gateway modules with a feature, a table, an event or a schema."""
    declaring = {module for module, _ in kinds}
    modules = tree.under("services", migrations=False) + [
        module
        for module in tree.under("gateway", migrations=False)
        if module.name in declaring or any(True for _ in routes_in(module))
    ]
    written = [module for module in modules if not module.is_generated]
    counts = Counter("on" if verb == "on" else "operation" for module in written for verb, _ in routes_in(module))
    statements = sum(len(module.statement_lines) for module in written)
    code = sum(len(module.statement_lines - module.docstring_lines) for module in written)
    per_capability, per_operation = code / counts.total(), statements / counts["operation"]
    return (counts["operation"], counts["on"], code, f"{per_capability:.1f}", statements, f"{per_operation:.1f}")


def class_kinds(tree: SourceTree) -> dict[Definition, str]:
    """Return "table", "event", "incoming", "schema" or "record" for the classes that declare data."""
    lineages = {definition: set(tree.lineage(definition)) for definition in tree.classes}
    types = {d: value for d, node in tree.classes.items() if (value := str(keyword(node, "type"))).count(".") == 2}
    tables = {definition for definition, node in tree.classes.items() if keyword(node, "table") is True}
    kinds = {}
    for definition, lineage in lineages.items():
        owner = tree.modules[definition[0]].owner.rpartition(".")[2]
        related = [types[other] for other in types if other in lineage or definition in lineages[other]]
        if any(definition in lineages[table] for table in tables):
            kinds[definition] = "table"
        elif owner in PRODUCT and owner != "gateway":
            continue
        elif related:
            kinds[definition] = "event" if related[0].startswith(f"{owner}.") else "incoming"
        elif "BaseModel" in lineage and "BaseSettings" not in lineage:
            kinds[definition] = "schema"
        elif "TypedDict" in lineage or "dataclass" in str(
            [ast.unparse(d) for d in tree.classes[definition].decorator_list]
        ):
            kinds[definition] = "record"
    return kinds


def keyword(node: ast.ClassDef, name: str) -> object:
    """Return the literal that a class statement passes for a keyword, or None."""
    values = [keyword.value for keyword in node.keywords if keyword.arg == name]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def is_hand_written(module: Module) -> bool:
    """Return whether a migration was typed by hand: it is part of the first histories, or names no generator."""
    revision = re.match(r"\d+", module.path.rpartition("/")[2])
    last = HAND_WRITTEN_REVISIONS.get(module.owner.rpartition(".")[2], 0)
    return not module.is_generated or (revision is not None and int(revision[0]) <= last)


def declarations(tree: SourceTree, kinds: dict[Definition, str]) -> dict[str, list[str]]:
    """Return the names of hand-written declarations by kind.

    A migration column is a call of `Column` in a hand-written migration. A call in a loop counts once. The fields of
    the chassis' table bases (COMMON_COLUMNS) are part of "table", because they are written once. Fields of nested
    models of an event are "schema", as in the review. "record" (dataclasses, TypedDicts), "incoming" and columns of
    generated migrations are listed but are not part of the ratio.
    """
    names: dict[str, list[str]] = {
        kind: [] for kind in ("table", "migration", "schema", "event", "incoming", "record", "generated")
    }
    for definition, kind in kinds.items():
        names[kind] += fields_of(tree.classes[definition])
    for module in (module for module in tree.modules.values() if "/migrations/versions/" in module.path):
        calls = [node for node in module.nodes if isinstance(node, ast.Call) and node.args]
        columns = [call.args[0] for call in calls if ast.unparse(call.func).rpartition(".")[2] == "Column"]
        kind = "migration" if is_hand_written(module) else "generated"
        names[kind] += [str(getattr(column, "value", "")) for column in columns]
    return names


def tutorial_lines(folder: Path) -> int:
    """Return the lines that the tutorial's feature costs: its Python blocks, without blank lines and tests."""
    page = folder / "docs" / "adding-a-feature.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text() if page.exists() else "", re.S)
    return sum(1 for block in blocks if "def test_" not in block for line in block.splitlines() if line.strip())


def stored_fields(tree: SourceTree, kinds: dict[Definition, str]) -> dict[str, list[str]]:
    """Return the declarations of stored fields: table fields, and schema and event fields named like a column.

    The figures of a report are schema fields that are not stored. They are excluded, and so are the migrations.
    """
    columns: dict[str, set[str]] = {}
    for definition, kind in kinds.items():
        if kind == "table":
            columns.setdefault(tree.modules[definition[0]].owner, set()).update(fields_of(tree.classes[definition]))
    names: dict[str, list[str]] = {kind: [] for kind in ("table", "migration", "schema", "event")}
    for definition, kind in kinds.items():
        if kind in names:
            known = columns.get(tree.modules[definition[0]].owner, set())
            names[kind] += [name for name in fields_of(tree.classes[definition]) if name in known]
    return names


def ratio(names: dict[str, list[str]]) -> float:
    """Return hand-written declarations per table field."""
    written = sum(len(names[kind]) for kind in ("table", "migration", "schema", "event"))
    return written / max(len(names["table"]), 1)


def prose_of(modules: Iterable[Module]) -> str:
    """Return the docstrings and comments of modules."""
    return "\n\n".join(text for m in modules for text in [*(str(doc.value) for doc in m.docstrings), *m.comments])


def markdown_in(folder: Path) -> str:
    """Return the prose of the documentation: no code blocks, no changelog, no generated page."""
    visible = [path for path in folder.rglob("*.md") if not any(p[0] == "." for p in path.relative_to(folder).parts)]
    pages = [path.read_text() for path in sorted(visible) if path.name != "CHANGELOG.md"]
    return "\n\n".join(re.sub(r"(?ms)^ *```.*?^ *```", "", page) for page in pages if not GENERATED.search(page[:200]))


def prose_markers(text: str) -> Row:
    """Return the number of words and the occurrences of each marker per 1,000 words. Inline code counts as a word."""
    text = re.sub(r"`[^`\n]*`", "code", text)
    words = len(re.findall(r"[A-Za-z][\w'-]*", text))
    return (words, *(f"{1000 * len(re.findall(marker, text)) / max(words, 1):.1f}" for marker in MARKERS.values()))


def files_to_open(tree: SourceTree, starts: set[str]) -> tuple[set[str], set[str]]:
    """Return the modules of the starts' service that are reachable from them, and the chassis modules these import."""
    own = {name for start in starts for name in tree.reachable({start}, tree.modules[start].owner)}
    return own, {name for module in own for name in tree.imported(module) if tree.modules[name].owner == "chassis"}


def operation_row(tree: SourceTree, operation: str) -> Row:
    """Return the number of files to open for an operation such as "POST /v1/customers"."""
    verb, _, path = operation.partition(" /v1")
    modules = tree.under("services", "gateway")
    own, chassis = files_to_open(tree, {module.name for module in modules if (verb, path) in routes_in(module)})
    return operation, len(own), len(chassis), len(own | chassis), " ".join(sorted(own))


def event_rows(tree: SourceTree, type_: str) -> Iterator[Row]:
    """Yield the number of files to open for an event: at its publisher, and with each of its readers."""
    classes = [d for d, node in tree.classes.items() if keyword(node, "type") == type_]
    sides = {tree.modules[definition[0]].owner.rpartition(".")[2]: definition for definition in classes}
    publisher = type_.partition(".")[0]
    own, chassis = files_to_open(tree, _publishing(tree, sides[publisher]))
    yield f"{type_}: publisher", len(own), len(chassis), len(own | chassis), " ".join(sorted(own))
    for reader in sorted(sides.keys() - {publisher}):
        handlers = [
            (m.name, name) for m in tree.under("services", "gateway") for verb, name in routes_in(m) if verb == "on"
        ]
        read, used = files_to_open(tree, {m for m, name in handlers if tree.resolve(m, name) == sides[reader]})
        total = len(own | read | chassis | used)
        yield f"  with {reader}", len(own) + len(read), len(chassis | used), total, " ".join(sorted(read))


def _publishing(tree: SourceTree, event: Definition) -> set[str]:
    users = {
        name for name, module in tree.modules.items() for used in module.imports if tree.resolve(name, used) == event
    }
    users |= {event[0]}
    return {
        m.name
        for m in tree.under("services", "gateway")
        if any(v != "on" for v, _ in routes_in(m))
        if m.name in users or tree.imported(m.name) & users
    }


def files_naming(folder: Path, text: str) -> int:
    """Return the number of text files that contain a text, without hidden folders and this file."""
    visible = [path for path in folder.rglob("*") if not any(p[0] == "." for p in path.relative_to(folder).parts)]
    files = [path for path in visible if path.suffix in TEXT_SUFFIXES and path.name != Path(__file__).name]
    return sum(text in path.read_text(errors="replace") for path in files if path.stat().st_size < 1_000_000)


def commits(folder: Path, range_: str) -> Row:
    """Return the figures of the commit messages in a range."""
    command = ["git", "-C", str(folder), "log", "--format=%s%x1f%b%x1e", range_]
    log = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    messages = [message.strip().partition("\x1f") for message in log.split("\x1e") if message.strip()]
    lengths = [len(subject) for subject, _, _ in messages]
    without_body = sum(not body.strip() for _, _, body in messages) / len(messages)
    too_long = sum(length > 60 for length in lengths)
    return len(messages), percentile(lengths, 0.5), max(lengths), too_long, f"{without_body:.0%}"


def show(title: str, header: str, rows: Iterable[Row]) -> None:
    """Print rows below a title, in aligned columns. Columns of the header are separated by commas."""
    table = [[str(cell) for cell in row] for row in [header.split(", "), *rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    print(f"\n{title}")
    for row in table:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_code(folder: Path, tree: SourceTree, kinds: dict[Definition, str]) -> None:
    """Print sizes, lines per capability and declarations."""
    header = "tree, files, lines p50/max, function p50/p90/p99/max, docstrings, comments, annotated, public docstrings"
    show("1. Sizes", header, [(name, *sizes(tree.under(*areas))) for name, areas in SIZED.items()])
    title = "2. Lines per capability (services/, and the gateway modules that declare something)"
    header = "operations, handlers, code lines, per capability, code and docstring lines, per operation"
    show(title, header, [capabilities(tree, kinds)])
    names = declarations(tree, kinds)
    rest = {kind: [name for name in names[kind] if name not in COMMON_COLUMNS] for kind in names}
    frozen = names | {"migration": []}
    stored = {kind: list[str]() for kind in names} | stored_fields(tree, kinds)
    counts = {
        "all": names,
        "without common columns": rest,
        "without the migrations": frozen,
        "stored fields alone, without the migrations": stored,
    }
    rows = [(title, *map(len, counted.values()), f"{ratio(counted):.2f}") for title, counted in counts.items()]
    lines = tutorial_lines(folder)
    title = "3. Hand-written declarations per stored field (target: at most 2.5)"
    show(title, f"count, {', '.join(names)}, per field", rows)
    print(f"  the feature of docs/adding-a-feature.md: {lines} lines of Python, tests not counted")


def show_row_accesses(tree: SourceTree, kinds: dict[Definition, str], *, verbose: bool) -> None:
    """Print the number of untyped row accesses, and each of them if asked to."""
    finder = RowAccesses(tree, kinds)
    modules = tree.under("services", "gateway", migrations=False)
    accesses = [(module, node) for module in modules for node in finder.of(module)]
    calls = [(module, node) for module in modules for node in vars_calls(module)]
    plain = sum(ast.unparse(node.value) == "row" for _, node in accesses)
    show("4. Untyped row accesses", 'accesses, of which row["..."], vars(...)', [(len(accesses), plain, len(calls))])
    for module, node in [*accesses, *calls] if verbose else []:
        print(f"  {module.path}:{node.lineno}: {ast.unparse(node)}")


def show_prose(folder: Path) -> None:
    """Print the prose markers of each area and the values of other projects."""
    texts = {area: prose_of(SourceTree(folder, (area,)).modules.values()) for area in (*PRODUCT, "tests")}
    texts["docs"] = markdown_in(folder)
    texts["all"] = "\n\n".join(texts.values())
    rows: list[Row] = [(area, *prose_markers(text)) for area, text in texts.items()]
    rows += [(name, "target", *values.split()) for name, values in PROSE_TARGETS.items()]
    show("5. Prose markers per 1,000 words", "area, words, " + ", ".join(MARKERS), rows)


def show_files_to_open(tree: SourceTree, *, verbose: bool) -> None:
    """Print the number of files to open, and their names if asked to."""
    rows = [*(operation_row(tree, operation) for operation in OPERATIONS), *event_rows(tree, EVENT)]
    header = "of, own, chassis, total" + (", modules" if verbose else "")
    show("6. Files to open", header, [row if verbose else row[:4] for row in rows])
    print(f"  files naming {EVENT}: {files_naming(tree.folder, EVENT)}")


def main() -> None:
    """Print every measure."""
    summary, _, details = __doc__.partition("\n")
    parser = argparse.ArgumentParser(
        "python -m tests.support.measures", None, summary, details, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--commits", metavar="A..B", help="measure the commit messages of this range as well")
    parser.add_argument("--verbose", action="store_true", help="list untyped row accesses and files to open")
    arguments = parser.parse_args()
    tree = SourceTree(arguments.folder)
    kinds = class_kinds(tree)
    show_code(arguments.folder, tree, kinds)
    show_row_accesses(tree, kinds, verbose=arguments.verbose)
    show_prose(arguments.folder)
    show_files_to_open(tree, verbose=arguments.verbose)
    if arguments.commits:
        row = commits(arguments.folder, arguments.commits)
        show("7. Commits", "commits, subject p50, max, over 60, without body", [row])


if __name__ == "__main__":
    main()
