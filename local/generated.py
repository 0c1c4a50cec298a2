"""Files that are made from the code: the contracts, and the pages of docs/ that list what the code holds."""

from collections.abc import Iterable
from pathlib import Path

from pydantic_settings import BaseSettings

from chassis import contracts
from chassis.events import Event
from chassis.service import Service, load
from local import PROCESSES
from local.places import LocalSettings, StackError

ROOT = Path(__file__).parent.parent
BANNER = "<!-- Made by `make contracts` from the code: change that, not this. -->\n\n"


def services() -> list[Service]:
    """All five."""
    return [load(name) for name in PROCESSES]


def write() -> None:
    """Makes every generated file. Raises StackError when an event would break its readers."""
    loaded = services()
    files = contracts.files_of(loaded)
    broken = contracts.broken_events(files, ROOT / "contracts")
    if broken:
        raise StackError("Readers rely on these; publish a new version beside the old one:\n" + "\n".join(broken))
    contracts.write(files, ROOT / "contracts")
    for path, text in pages(loaded).items():
        (ROOT / path).write_text(text)


def stale() -> list[str]:
    """The generated files that are not what the code says."""
    loaded = services()
    found = [f"contracts/{path}" for path in contracts.differences(contracts.files_of(loaded), ROOT / "contracts")]
    for path, text in pages(loaded).items():
        if not (ROOT / path).exists() or (ROOT / path).read_text() != text:
            found.append(path)
    return found


def pages(loaded: Iterable[Service]) -> dict[str, str]:
    """The generated pages by path."""
    loaded = list(loaded)
    return {"docs/events.md": events_page(loaded), "docs/settings.md": settings_page(loaded)}


def events_page(loaded: list[Service]) -> str:
    """Every event: what it tells, its fields, who reads it."""
    readers: dict[str, list[str]] = {}
    for service in loaded:
        for reaction in service.reactions:
            readers.setdefault(reaction.incoming.event_type, []).append(f"{service.name} ({reaction.feature})")
    lines = [BANNER, "# Events\n\n"]
    lines.append(
        "Each is a CloudEvents 1.0 event in binary mode on the topic `rapport.<publisher>`; its JSON Schema stands in\n"
        "`contracts/events/`. Readers rely on the fields that they name and ignore the rest.\n"
    )
    for type, event in sorted(Event.published.items()):
        lines.append(f"\n## {type}\n\n{(event.__doc__ or '').strip()}\n\n")
        lines.append(
            f"Key: `{event.key_field}`. Read by: {', '.join(sorted(readers.get(type, []))) or 'nobody yet'}.\n"
        )
        lines.append("\n| field | type |\n|---|---|\n")
        lines += [f"| `{name}` | {_type_name(field.annotation)} |\n" for name, field in event.model_fields.items()]
    return "".join(lines)


def settings_page(loaded: list[Service]) -> str:
    """Every setting with its sentence."""
    from chassis.settings import Settings

    lines = [BANNER, "# Settings\n\nThey come from the environment. A setting without a default must be given.\n"]
    common = list(Settings.model_fields)
    lines += _settings_table("Every service", Settings, common)
    for service in loaded:
        own = [name for name in service.settings_class.model_fields if name not in common]
        if own:
            lines += _settings_table(service.name, service.settings_class, own)
    lines += _settings_table("The local stack", LocalSettings, list(LocalSettings.model_fields))
    return "".join(lines)


def _settings_table(title: str, kind: type[BaseSettings], names: list[str]) -> list[str]:
    lines = [f"\n## {title}\n\n| setting | default | what it does |\n|---|---|---|\n"]
    for name in names:
        field = kind.model_fields[name]
        default = "" if field.is_required() else _relative(field.default)
        lines.append(f"| `{name.upper()}` | {default} | {field.description} |\n")
    return lines


def _relative(default: object) -> str:
    """A default as the page shows it: never a path of the machine that made the page."""
    if default is None:
        return "none"
    if isinstance(default, Path) and default.is_absolute():
        default = default.relative_to(ROOT)
    return f"`{default}`"


def _type_name(annotation: object) -> str:
    text = getattr(annotation, "__name__", None) if isinstance(annotation, type) else None
    plain = text or str(annotation)
    for long in ("datetime.", "uuid.", "typing."):
        plain = plain.replace(long, "")
    if "[" in plain and "." in plain:
        head, _, inner = plain.partition("[")
        plain = f"{head}[{inner.rsplit('.', 1)[-1]}"
    return f"`{plain}`".replace("|", "\\|")
