"""``docs/reference/settings.md``, written from the fields themselves so that it cannot drift."""

from __future__ import annotations

from pydantic import SecretStr

from resources.settings.model import Settings


def render_reference() -> str:
    """Every setting as Markdown, by section, in the order of the class."""
    lines = [
        "# Settings",
        "",
        "Read from the environment when a process starts. All are optional: the defaults run the whole platform on one machine.",
    ]
    section = ""
    for info in Settings.model_fields.values():
        extra = info.json_schema_extra
        assert isinstance(extra, dict)
        if extra["section"] != section:
            section = str(extra["section"])
            lines += ["", f"## {section}", "", "| variable | default | what it is |", "|---|---|---|"]
        value = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
        shown = f"`{value}`" if str(value) else "empty"
        lines.append(f"| `{info.validation_alias}` | {shown} | {info.description} |")
    return "\n".join(lines) + "\n"
