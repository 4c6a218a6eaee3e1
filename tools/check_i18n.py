"""Check the texts of the console: complete in every language, all used, none in the code.

The rules live in ``console/i18n.rules.json``; ``console/scripts/i18n.mjs`` keeps the same
ones, so that a build needs Node alone and ``make check`` needs Python alone.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONSOLE = Path(__file__).resolve().parent.parent / "console"


def flatten(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield ``dotted.key, text`` for every leaf of a language file."""
    for name, value in tree.items():
        key = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict):
            yield from flatten(value, key)
        else:
            yield key, str(value)


class Texts:
    """The language files, and what the code asks of them."""

    def __init__(self, console: Path) -> None:
        self.console = console
        self.rules: dict[str, Any] = json.loads((console / "i18n.rules.json").read_text("utf-8"))
        self.languages: list[str] = self.rules["languages"]
        folder = console / self.rules["folder"]
        self.tables = {
            lang: dict(flatten(json.loads((folder / f"{lang}.json").read_text("utf-8"))))
            for lang in self.languages
        }
        plural = re.compile(self.rules["plural"])
        self.stems = {
            lang: {plural.sub("", key) for key in table} for lang, table in self.tables.items()
        }
        self.used: set[str] = set()
        self.families: set[str] = set()

    def sources(self) -> Iterator[tuple[str, str]]:
        """Yield the name and text of every source file that people wrote."""
        for folder in self.rules["sources"]:
            for path in sorted((self.console / folder).rglob("*")):
                name = path.relative_to(self.console).as_posix()
                if path.suffix in self.rules["extensions"] and name not in self.rules["generated"]:
                    yield name, path.read_text("utf-8")

    def code_problems(self) -> Iterator[str]:
        """Yield what is wrong in the code, and remember the keys that it uses."""
        for name, text in self.sources():
            yield from self.key_problems(name, text)
            yield from self.dotted_problems(name, text)
            chinese = re.search(self.rules["cjk"], text)
            if chinese:
                where = f"{name}:{line_of(text, chinese.start())}"
                yield f"{where} Chinese text belongs in {self.rules['folder']}"
            for pattern in self.rules["bare_text"]:
                for match in re.finditer(pattern, text):
                    where = f"{name}:{line_of(text, match.start())}"
                    yield f"{where} text in the code: {match[0].strip()[:60]}"

    def key_problems(self, name: str, text: str) -> Iterator[str]:
        """Take every literal key, and the fixed beginning of every composed one."""
        for match in found(self.rules["key_uses"], text):
            self.used.add(match[1])
            for lang in self.languages:
                if match[1] not in self.stems[lang]:
                    where = f"{name}:{line_of(text, match.start())}"
                    yield f'{where} key "{match[1]}" is missing in {lang}.json'
        for match in found(self.rules["family_uses"], text):
            family = match[1] if match[1].endswith(".") else f"{match[1]}."
            self.families.add(family)
            for lang in self.languages:
                if not any(key.startswith(family) for key in self.stems[lang]):
                    where = f"{name}:{line_of(text, match.start())}"
                    yield f'{where} no key begins with "{family}" in {lang}.json'

    def dotted_problems(self, name: str, text: str) -> Iterator[str]:
        """Take a dotted word of a known section as a key, or as a family of keys."""
        stems = set().union(*self.stems.values())
        sections = {key.split(".")[0] for key in stems}
        for match in re.finditer(self.rules["dotted"], text):
            word = match[1]
            if word.split(".")[0] not in sections:
                continue
            if word in stems:
                self.used.add(word)
            elif any(key.startswith(f"{word}.") for key in stems):
                self.families.add(f"{word}.")
            else:
                where = f"{name}:{line_of(text, match.start())}"
                yield f'{where} key "{word}" is in no language'

    def file_problems(self) -> Iterator[str]:
        """Yield keys missing in one language, unused, or unequal in their placeholders."""
        for key in sorted(set().union(*self.stems.values())):
            for lang in self.languages:
                if key not in self.stems[lang]:
                    yield f'{lang}.json lacks "{key}"'
                elif key not in self.tables[lang]:
                    for form in self.rules["plural_forms"][lang]:
                        if f"{key}_{form}" not in self.tables[lang]:
                            yield f'{lang}.json lacks "{key}_{form}"'
            if key not in self.used and not any(key.startswith(f) for f in self.families):
                yield f'"{key}" is used nowhere'
            places = [self.placeholders(lang, key) for lang in self.languages]
            if len(set(places)) > 1:
                yield f'"{key}" has different placeholders: {" / ".join(places)}'

    def placeholders(self, lang: str, key: str) -> str:
        """Return the sorted placeholders of one text, comma separated."""
        table = self.tables[lang]
        text = table.get(key, table.get(f"{key}_other", ""))
        found = {m[1] or m[2] for m in re.finditer(self.rules["placeholder"], text)}
        return ",".join(sorted(found))


def found(patterns: list[str], text: str) -> Iterator[re.Match[str]]:
    """Yield every match of any pattern."""
    for pattern in patterns:
        yield from re.finditer(pattern, text)


def line_of(text: str, index: int) -> int:
    """Return the one-based line of a character."""
    return text.count("\n", 0, index) + 1


def main() -> int:
    """Print every problem; return 1 when there is one."""
    console = Path(sys.argv[1]) if len(sys.argv) > 1 else CONSOLE
    texts = Texts(console)
    problems = list(dict.fromkeys([*texts.code_problems(), *texts.file_problems()]))
    if problems:
        print("\n".join(problems))
        print(f"{len(problems)} problems in the texts of the console")
        return 1
    count = len(set().union(*texts.stems.values()))
    print(f"{count} texts in {' and '.join(texts.languages)}: complete")
    return 0


if __name__ == "__main__":
    sys.exit(main())
