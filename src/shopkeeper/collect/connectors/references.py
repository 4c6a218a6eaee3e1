"""Secrets by reference: a definition names where a secret is, never the secret itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shopkeeper.core.errors import InputError

REFERENCE = re.compile(r"\$\{(?:(file):([^}]+)|([A-Za-z_][A-Za-z0-9_]*))\}")
"""``${NAME}`` for a variable of the environment, ``${file:/path}`` for a file's content."""
SECRET_KEYS = frozenset({"secret", "token", "password", "api_key"})
_IN_URL = re.compile(r"^[a-z][a-z0-9+.\-]*://[^/@:]*:([^/@]+)@", re.IGNORECASE)


def refuse_literals(config: Mapping[str, Any], *, where: str) -> None:
    """Refuse a definition that spells a secret out.

    Parameters
    ----------
    config
        As a person wrote it.
    where
        Name of the connector.

    Raises
    ------
    InputError
        If a key that holds a secret is no reference, or an address carries a password.

    Examples
    --------
    >>> refuse_literals({"url": "postgresql://shop:${PW}@db/crm"}, where="crm")
    >>> refuse_literals({"secret": "abc"}, where="web")
    Traceback (most recent call last):
    ...
    shopkeeper.core.errors.InputError: web: secret is written out. Next: Put it into a ...
    """
    for key, value in config.items():
        if isinstance(value, Mapping):
            refuse_literals(value, where=f"{where}.{key}")
            continue
        if not isinstance(value, str):
            continue
        bare = REFERENCE.sub("", value)
        inside = _IN_URL.match(REFERENCE.sub("$", value))
        if key in SECRET_KEYS and bare.strip():
            raise _written_out(where, key)
        if inside and inside.group(1) != "$":
            raise _written_out(where, f"the password in {key}")


def _written_out(where: str, what: str) -> InputError:
    return InputError(
        f"{where}: {what} is written out",
        next_step="Put it into a variable or a file and write ${NAME} or ${file:/path}",
        connector=where,
        field=what,
    )


def resolved(
    config: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    read: Callable[[Path], str],
    where: str,
) -> dict[str, Any]:
    """The definition with every reference replaced by what it names.

    Parameters
    ----------
    config
        With references.
    environment
        Variables.
    read
        Gives the content of a file.
    where
        Name of the connector.

    Returns
    -------
    dict
        To be used and forgotten; never stored or shown.

    Raises
    ------
    InputError
        If a variable is not set or a file cannot be read.

    Examples
    --------
    >>> resolved({"url": "x://${H}/a"}, environment={"H": "db"}, read=Path.read_text, where="crm")
    {'url': 'x://db/a'}
    """

    def one(match: re.Match[str]) -> str:
        if match.group(1):
            path = Path(match.group(2))
            try:
                return read(path).strip()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(
                    f"{where}: the file {path} with its secret cannot be read",
                    next_step="Check path and rights",
                    connector=where,
                ) from error
        name = match.group(3)
        if not environment.get(name):
            raise InputError(
                f"{where}: the variable {name} is not set",
                next_step=f"Set it where Shopkeeper runs: export {name}=…",
                connector=where,
                variable=name,
            )
        return environment[name]

    def value_of(value: Any) -> Any:
        if isinstance(value, str):
            return REFERENCE.sub(one, value)
        if isinstance(value, Mapping):
            return {k: value_of(v) for k, v in value.items()}
        if isinstance(value, list):
            return [value_of(x) for x in value]
        return value

    return {key: value_of(value) for key, value in config.items()}
