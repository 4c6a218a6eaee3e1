"""Open a source and find the mapping it will be loaded by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from shopkeeper.collect.guess import Guess, first_rows, guess_mapping, settled
from shopkeeper.collect.lexicon import is_known
from shopkeeper.collect.mapping import SourceMapping, read_mapping
from shopkeeper.collect.remembered import mapping_beside, saved_mapping
from shopkeeper.collect.sources.base import ReadOptions, Source
from shopkeeper.collect.sources.open import open_source
from shopkeeper.core.errors import MappingError, SourceError
from shopkeeper.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """A source with the mapping it will be loaded by.

    Parameters
    ----------
    location
        What the person gave.
    source
        Opened.
    mapping
        To use.
    origin
        ``given``, ``beside``, ``saved`` or ``guessed``.
    guess
        How it was guessed; None unless it was.
    """

    location: str
    source: Source
    mapping: SourceMapping
    origin: str
    guess: Guess | None = None


def prepare(
    location: str,
    *,
    settings: Settings,
    engine: Engine | None = None,
    table: str | None = None,
    mapping_file: Path | None = None,
    source_name: str | None = None,
) -> Prepared:
    """Open one source and find its mapping.

    The mapping is, in this order: the file given, the one lying beside the
    source, the one saved for the same headers, or guessed.

    Parameters
    ----------
    location
        One address as ``locate`` gives them.
    settings
        The shop's zone and currency.
    engine
        The shop's state; None looks up nothing.
    table
        Which table it is; None finds out.
    mapping_file
        A mapping that overrides everything.
    source_name
        Name of the system the rows come from.

    Returns
    -------
    Prepared

    Raises
    ------
    SourceError
        If it cannot be read, or holds nothing but a header nobody can place.
    MappingError
        If the mapping given is wrong, or no table fits.
    """
    given = read_mapping(mapping_file) if mapping_file else mapping_beside(location)
    if given is not None and (mapping_file or table in {None, given.table}):
        source = open_source(location, given.file, known=is_known)
        origin = "given" if mapping_file else "beside"
        return Prepared(location, source, _named(given, source_name), origin)
    source = open_source(location, known=is_known)
    if engine is not None and source.has_header:
        saved = saved_mapping(engine, source.columns)
        if saved is not None and table in {None, saved.table}:
            if saved.file.to_dict():
                source = open_source(location, saved.file, known=is_known)
            return Prepared(location, source, _named(saved, source_name), "saved")
    guess = guessed(source, settings, table)
    return Prepared(location, source, _named(guess.mapping, source_name), "guessed", guess)


def guessed(source: Source, settings: Settings, table: str | None) -> Guess:
    """Guess the mapping of a source, reading on where its first rows leave a question open.

    Parameters
    ----------
    source
        Opened.
    settings
        The shop's zone and currency.
    table
        Which table it is; None finds out.

    Returns
    -------
    Guess

    Raises
    ------
    MappingError
        If no table fits.
    SourceError
        If it holds nothing but a header nobody can place.
    """
    sample = first_rows(source)
    options = ReadOptions()
    try:
        guess = guess_mapping(sample, settings=settings, table=table, options=options)
    except MappingError as error:
        if sample.num_rows:
            raise
        raise SourceError(
            f"{source.name} has a header and no row, and the header fits no table: "
            f"{', '.join(source.columns[:20])}",
            next_step="Export it again; an empty export often means an empty selection",
            path=source.name,
        ) from error
    return settled(source, guess)


def _named(mapping: SourceMapping, source_name: str | None) -> SourceMapping:
    return replace(mapping, source=source_name) if source_name else mapping
