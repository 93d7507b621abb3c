"""`make texts`: brings the Polish catalogue in line with the messages that the sources say."""

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from handlers.dialogue.texts import CATALOGUES

ROOT = Path(__file__).parent.parent
SOURCES = ("handlers", "bot")
KEYWORDS = {"t": None, "plural": (1, 2), "N_": None}
HEADER = r"""# Polish texts of the bot. The ids are the English texts.
msgid ""
msgstr ""
"Language: pl\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\n"

"""

Message = str | tuple[str, ...]


def said() -> set[Message]:
    """Return every message of the sources: its id, or the pair of ids of one with a plural."""
    found: set[Message] = set()
    for source in SOURCES:
        for _file, _line, message, _comments, _context in extract_from_dir(ROOT / source, keywords=KEYWORDS):
            found.add(message)
    return found


def read_catalogue() -> Catalog:
    """Return the Polish catalogue."""
    with (CATALOGUES / "pl.po").open("rb") as source:
        return read_po(source, locale="pl")


def main() -> None:
    """Write the catalogue anew and tell which messages have no translation."""
    old, new = read_catalogue(), Catalog(locale="pl")
    for message in sorted(said(), key=str):
        known = old.get(message)
        empty: Message = "" if isinstance(message, str) else ("", "", "")
        new.add(message, known.string if known else empty)
        if known is None:
            print("to translate:", message)
    written = io.BytesIO()
    write_po(written, new, omit_header=True, width=100, sort_output=True)
    (CATALOGUES / "pl.po").write_bytes(HEADER.encode() + written.getvalue())


if __name__ == "__main__":
    main()
