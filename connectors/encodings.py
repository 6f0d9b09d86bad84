"""In which encoding a text file is, judged from the whole file, and the file as UTF-8.

Known: UTF-8 (with and without a mark), UTF-16, GB18030 (and so GBK and GB2312), Latin-1 as Windows writes it. Any other is
named with `read = { encoding = "…" }`.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from connectors.errors import SourceError

CHUNK = 1 << 20  # bytes
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a mark (BOM)", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
         "gb18030": "GB18030", "cp1252": "Latin-1", "latin-1": "Latin-1"}  # fmt: skip
IN_PAIRS = 0.7  # share of the bytes above ASCII that come in pairs, from which on a text is taken for Chinese


def detected(path: Path) -> str:
    """The Python name of the file's encoding. Raises SourceError for UTF-8 with a few broken bytes, naming the line."""
    head = _head(path)
    for mark, encoding in MARKS:
        if head.startswith(mark):
            return encoding
    if (wide := _wide(head)) and decodes(path, wide):
        return wide
    if b"\0" in head:
        raise SourceError(f"{path.name} is not a text file; expected CSV, Excel, Parquet or JSON by the ending of its name, not compressed")
    if decodes(path, "utf-8"):
        return "utf-8"
    if _nearly_utf8(path):
        raise SourceError(
            f"{path.name}: line {_broken_line(path)} holds bytes that are not UTF-8, the rest of the file is; mend it or say read = {{ encoding = … }}"
        )
    if _in_pairs(path) >= IN_PAIRS and decodes(path, "gb18030"):
        return "gb18030"
    return "cp1252" if decodes(path, "cp1252") else "latin-1"


def decodes(path: Path, encoding: str) -> bool:
    """Whether the whole file is valid in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def checked(path: Path, encoding: str) -> str:
    """An encoding that was named by hand. Raises SourceError if there is no such, or the file is not in it."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise SourceError(f"{path.name}: there is no encoding {encoding!r}; common ones are utf-8, gb18030, latin-1, utf-16") from None
    if not decodes(path, encoding):
        raise SourceError(f"{path.name}: the file is not {encoding}; leave read.encoding out to have it detected")
    return encoding


def as_utf8(path: Path, encoding: str, folder: Path) -> Path:
    """The file itself if it is UTF-8, else a copy that is, in `folder`."""
    if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig", "ascii"):
        return path
    copy = folder / f"{len(list(folder.iterdir()))}-{path.stem}.csv"
    with path.open(encoding=encoding, newline="") as read, copy.open("w", encoding="utf-8", newline="") as write:
        while text := read.read(CHUNK):
            write.write(text)
    return copy


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(CHUNK)


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: of Latin text every second byte is zero."""
    start = head[:4096]
    zeros = [start[offset::2].count(0) / max(1, len(start) // 2) for offset in (0, 1)]
    return "utf-16-be" if zeros[0] > 0.3 > zeros[1] else "utf-16-le" if zeros[1] > 0.3 > zeros[0] else None


def _nearly_utf8(path: Path) -> bool:
    text = _head(path).decode("utf-8", "replace")
    beyond, broken = sum(c > "\x7f" for c in text), text.count("�")
    if beyond == 0:  # the broken bytes come later than the first chunk
        return True
    return broken / beyond < 0.02 and beyond > broken + 20


def _broken_line(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _in_pairs(path: Path) -> float:
    runs = [len(run) for run in re.findall(rb"[\xa1-\xfe]+", _head(path))]
    return sum(run for run in runs if run % 2 == 0) / max(1, sum(runs))
