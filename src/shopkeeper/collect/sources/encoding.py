"""Which encoding a file is in, and which of its lines are not."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from charset_normalizer import from_bytes

from shopkeeper.core.errors import SourceError

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
"""Encodings whose line feed is not one byte; they are transcoded before lines are cut."""
OTHERS = ("big5", "shift_jis", "euc_kr", "cp1252", "cp1250", "cp1251", "latin_1")
"""What else shops' exports come in."""
SHARE_TO_ACCEPT = 0.5
_CJK_LETTERS = re.compile(r"[\u4e00-\u9fff]")
_CJK_ONLY = re.compile(r"[\x00-\x7f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]*")


@dataclass(frozen=True, slots=True)
class Found:
    """An encoding and how sure it is.

    Parameters
    ----------
    name
        Codec name.
    share
        Share of non-ASCII lines of the sample that decode.
    bom
        Bytes of the mark at the start.
    """

    name: str
    share: float
    bom: int = 0


def detect(sample: bytes) -> Found:
    r"""Encoding of the start of a file.

    Strict decoding line by line decides between UTF-8 and GB18030; only where
    neither fits half of the lines is the statistical guess of
    charset-normalizer asked.

    Parameters
    ----------
    sample
        First bytes; a cut last line is left out.

    Returns
    -------
    Found

    Examples
    --------
    >>> detect("订单号,金额\n甲,1\n".encode("gb18030")).name
    'gb18030'
    >>> detect(b"a,b\n1,2\n")
    Found(name='utf-8', share=1.0, bom=0)
    """
    for bom, name in BOMS:
        if sample.startswith(bom):
            return Found(name, 1.0, len(bom) if name == "utf-8" else 0)
    wide = _wide_without_bom(sample)
    if wide:
        return Found(wide, 1.0)
    whole = sample[: sample.rfind(b"\n") + 1] or sample
    lines = [x for x in whole.split(b"\n") if not x.isascii()]
    if not lines:
        return Found("utf-8", 1.0)
    candidates = [Found(name, _share(lines, name)) for name in ("utf-8", "gb18030")]
    best = max(candidates, key=lambda x: (x.share, x.name == "utf-8"))
    if best.name == "gb18030" and _share_of_utf8(lines) > SHARE_TO_ACCEPT:
        best = candidates[0]
    if best.share < SHARE_TO_ACCEPT or (best.name == "gb18030" and not _looks_chinese(lines)):
        guess = from_bytes(b"\n".join(lines), cp_isolation=list(OTHERS)).best()
        if guess is not None and (share := _share(lines, guess.encoding)) >= best.share:
            return Found(codecs.lookup(guess.encoding).name, share)
    return best


def check_codec(name: str) -> str:
    """Python's name of an encoding somebody wrote.

    Raises
    ------
    SourceError
        If there is no such encoding.
    """
    try:
        found = codecs.lookup("gb18030" if name.lower() in {"gbk", "gb2312"} else name).name
    except LookupError as error:
        raise SourceError(
            f"there is no encoding {name!r}",
            next_step="Use utf-8, gb18030, utf-16, big5 or another codec name",
            encoding=name,
        ) from error
    return "utf-8" if found == "utf-8-sig" else found


def decode_lines(
    block: bytes, encoding: str, mark: Callable[[int], bytes]
) -> tuple[bytes, list[bytes]]:
    """UTF-8 bytes of a block in which a marker stands for every line that does not decode.

    Parameters
    ----------
    block
        Whole lines; already UTF-8 where the encoding is one of ``WIDE``.
    encoding
        As :func:`detect` named it.
    mark
        Gives the marker (without line feed) of the n-th bad line.

    Returns
    -------
    tuple
        The block and the bad lines as they were.
    """
    if encoding in WIDE:
        good = b"\xef\xbf\xbd" not in block
        return (block, []) if good else _line_by_line(block, encoding, mark)
    try:
        text = block.decode(encoding)
    except UnicodeDecodeError:
        return _line_by_line(block, encoding, mark)
    if encoding == "utf-8" or block.isascii():
        return block, []
    if encoding == "gb18030" and any(
        _is_utf8_chinese(x) for x in block.split(b"\n") if not x.isascii()
    ):
        return _line_by_line(block, encoding, mark)
    return text.encode("utf-8", errors="replace"), []


def _line_by_line(
    block: bytes, encoding: str, mark: Callable[[int], bytes]
) -> tuple[bytes, list[bytes]]:
    good: list[bytes] = []
    bad: list[bytes] = []
    for line in block.split(b"\n"):
        text = _decoded(line, encoding)
        if text is None:
            good.append(mark(len(bad)))
            bad.append(line)
        else:
            good.append(text)
    return b"\n".join(good), bad


def _decoded(line: bytes, encoding: str) -> bytes | None:
    if line.isascii():
        return line
    if encoding in WIDE:
        return None if b"\xef\xbf\xbd" in line else line
    if encoding == "gb18030" and _is_utf8_chinese(line):
        return None
    try:
        return line.decode(encoding).encode("utf-8", errors="replace")
    except UnicodeDecodeError:
        return None


def _share(lines: list[bytes], encoding: str) -> float:
    good = 0
    for line in lines:
        try:
            line.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        good += 1
    return good / len(lines)


def _share_of_utf8(lines: list[bytes]) -> float:
    return sum(_is_utf8_chinese(x) for x in lines) / len(lines)


def _is_utf8_chinese(line: bytes) -> bool:
    """Whether bytes read as UTF-8 give nothing but Chinese and ASCII, twice over.

    Short GBK text is now and then valid UTF-8; it then reads as Latin or Greek
    letters, hardly ever as two Chinese ones.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(_CJK_LETTERS.findall(text)) > 1 and _CJK_ONLY.fullmatch(text) is not None


def _looks_chinese(lines: list[bytes]) -> bool:
    """Whether most two-byte codes fall in the common part of GB 2312."""
    text = b"\n".join(lines).decode("gb18030", errors="ignore")
    letters = [x for x in text if ord(x) > 127]
    if not letters:
        return False
    common = 0
    for letter in letters:
        code = letter.encode("gb18030")
        common += len(code) == 2 and (0xA1 <= code[0] <= 0xF7) and code[1] >= 0xA1
    return common / len(letters) > 0.8


def _wide_without_bom(sample: bytes) -> str | None:
    head = sample[:4096]
    if len(head) < 4 or b"\x00" not in head:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) / 2
    if odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.3 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None
