"""``shopkeeper init``: a settings file that explains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shopkeeper.apps.cli.context import out
from shopkeeper.core.errors import SettingsError
from shopkeeper.core.settings import FILE_NAME, Settings, load_settings


def init(
    folder: Annotated[Path, typer.Argument(help="Folder of the new shop.")] = Path(),
    name: Annotated[str, typer.Option("--name", help="Name of the shop.")] = "My shop",
    currency: Annotated[str, typer.Option("--currency", help="ISO 4217 code.")] = "CNY",
    time_zone: Annotated[str, typer.Option("--time-zone", help="IANA name.")] = "Asia/Shanghai",
) -> None:
    """Write shopkeeper.toml with every setting, its meaning and its value."""
    file = folder / FILE_NAME
    if file.exists():
        raise SettingsError(
            f"{file} exists", next_step="Edit it, or remove it first", path=str(file)
        )
    settings = load_settings(
        flags={"shop.name": name, "shop.currency": currency, "shop.time_zone": time_zone}
    )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(as_toml(settings), encoding="utf-8")
    out.print(f"Wrote {file}. Next: shopkeeper collect PATH", highlight=False)


def as_toml(settings: Settings) -> str:
    """Settings as a commented TOML file.

    Parameters
    ----------
    settings
        What to write.
    """
    lines: list[str] = []
    for section, part in settings.model_dump(mode="json").items():
        model = type(getattr(settings, section))
        lines += ["", f"# {model.__doc__}", f"[{section}]"]
        for key, value in part.items():
            lines.append(f"# {model.model_fields[key].description}")
            lines.append(f"{key} = {_value(value)}")
    return "\n".join(lines).lstrip() + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
