"""Files in conversations: only the form that asks for one takes it, and everybody gets it who is meant to."""

from pathlib import Path

import pytest

from handlers.dialogue.files import MAX_NAME_BYTES, safe_name
from handlers.dialogue.message import FileRef, Outgoing
from handlers.dialogue.pictures import UNKNOWN, recognise
from storage import files
from storage.files import MAX_FILE_BYTES, UNUSED_KEPT, File
from tests.handlers.test_meetings import plan
from tests.pictures import PDF, png
from tests.talk import House, Somebody

WORDS_ONLY = "Umiem czytać tylko tekst"


ADD = "Dodaj obraz lub plik"


def write(house: House, text: str = "Zapraszamy na festyn") -> Somebody:
    """Return a coordinator who sees an announcement's summary."""
    ewa = house.coordinator()
    ewa.says("/nowe_ogloszenie")
    ewa.says(text)
    ewa.presses("Wszyscy")
    ewa.presses("Teraz", "Odbiorcy: wszyscy")
    return ewa


def begin(house: House, text: str = "Zapraszamy na festyn") -> Somebody:
    """Return a coordinator who is asked for a picture or a file."""
    ewa = write(house, text)
    ewa.presses(ADD, "obraz albo plik")
    return ewa


def stored(house: House) -> list[str]:
    """Return the names of the files in the store."""
    return house.database.read(lambda session: [file.name for file in session.query(File)])


def file_of(message: Outgoing) -> FileRef:
    """Return the file of a message, which must have one."""
    assert message.file is not None
    return message.file


@pytest.mark.stores("sqlite", "postgresql")
def test_a_poster_goes_out_to_everybody(house: House) -> None:
    anna, jan = house.person("Anna"), house.person("Jan", language="en")
    for one in (anna, jan):
        one.says("/start")
    ewa = begin(house)
    assert ewa.seen[-1].takes_file
    ewa.sends_file("plakat.png", png(60, 40), "Załącznik: plakat.png", "Zapraszamy na festyn")
    assert ewa.labels() == ["Wyślij ogłoszenie", "Zmień", "Anuluj"]
    assert file_of(ewa.seen[-1]).name == "plakat.png"
    ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")
    house.tick()
    poster = file_of(anna.heard[0])
    assert (poster.mimetype, poster.size, poster.width, poster.height) == ("image/png", len(png()), 60, 40)
    assert poster == file_of(jan.heard[0])
    assert house.database.read(lambda session: files.get_data(session, poster.id)) == png(60, 40)
    anna.says("/ogloszenia", "Zapraszamy na festyn")
    assert anna.seen[-1].file == poster


def test_without_a_file_everything_is_as_before(house: House) -> None:
    ewa = begin(house)
    assert "Załącznik" not in ewa.presses("Pomiń", "Odbiorcy: wszyscy")
    assert ewa.labels() == ["Wyślij ogłoszenie", ADD, "Zmień", "Anuluj"]
    assert ewa.seen[-1].file is None
    ewa.presses(ADD, "obraz albo plik")
    ewa.presses("Wstecz", "Odbiorcy: wszyscy")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    assert [message.file for message in ewa.heard] == [None]


def test_a_file_that_nobody_asked_for_is_never_fetched(house: House) -> None:
    anna, ewa = house.person("Anna"), house.coordinator()
    anna.sends_file("film.mp4", b"x" * 10, WORDS_ONLY, size=100_000_000)
    ewa.says("/nowe_ogloszenie")
    ewa.sends_file("plakat.png", png(), WORDS_ONLY, "Co chcesz ogłosić?")
    assert (anna.fetched, ewa.fetched, stored(house)) == (0, 0, [])


def test_what_is_too_big_is_not_fetched_when_the_platform_says_so_and_not_kept_when_it_does_not(
    house: House,
) -> None:
    ewa = begin(house)
    too_big = "Ten plik jest za duży. Wyślij, proszę, najwyżej 5 MB."
    ewa.sends_file("film.bin", b"", too_big, "obraz albo plik", size=MAX_FILE_BYTES + 1)
    assert ewa.fetched == 0
    ewa.sends_file("film.bin", b"x" * (MAX_FILE_BYTES + 1), too_big, "obraz albo plik", size=10)
    ewa.sends_file("film.bin", b"", "Ten plik jest pusty.", "obraz albo plik")
    ewa.sends_file("film.bin", OSError("reset"), "Plik do mnie nie dotarł.", "obraz albo plik")
    assert stored(house) == []
    ewa.sends_file("film.bin", b"x" * MAX_FILE_BYTES, "Załącznik: film.bin")


def test_at_the_question_for_a_file_words_and_other_things_are_explained(house: House) -> None:
    ewa = begin(house)
    ewa.says("nie mam", "Wyślij, proszę, obraz albo plik, albo wybierz jeden z przycisków.")
    ewa.sends("voice", "Wyślij, proszę, obraz albo plik")
    ewa.sends("unreadable", "klucz", "obraz albo plik")
    ewa.says("pomiń", "Odbiorcy: wszyscy")


@pytest.mark.parametrize("letter", ["a", "ż", "🎉"])
def test_beside_a_file_the_text_must_fit_a_caption(house: House, letter: str) -> None:
    units = len(letter.encode("utf-16-le")) // 2
    ewa = begin(house, letter * (1_000 // units))
    ewa.sends_file("plakat.png", png(), "Z plikiem treść jest o", "za długa. Skróć ją albo zrezygnuj")
    assert stored(house) == []
    ewa.presses("Wstecz", "Odbiorcy: wszyscy")
    ewa.presses("Zmień")
    ewa.presses("Treść", "Co chcesz ogłosić?")
    ewa.says(letter * (900 // units))
    ewa.presses(ADD)
    ewa.sends_file("plakat.png", png(), "Załącznik: plakat.png")
    ewa.presses("Zmień")
    ewa.presses("Treść")
    ewa.says(letter * (1_000 // units), "za długa", "Co chcesz ogłosić?")
    ewa.presses("Wstecz")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    for message in ewa.heard:
        assert len(str(message.text.striptags()).encode("utf-16-le")) // 2 <= 1_024


def test_a_file_can_be_changed_and_left_out_again(house: House) -> None:
    ewa = begin(house)
    ewa.sends_file("plakat.png", png(), "Załącznik: plakat.png")
    ewa.presses("Zmień")
    ewa.presses("Obraz lub plik")
    ewa.sends_file("program.pdf", PDF, "Załącznik: program.pdf")
    assert file_of(ewa.seen[-1]).mimetype == "application/pdf"
    ewa.presses("Zmień")
    ewa.presses("Obraz lub plik")
    assert "Załącznik" not in ewa.presses("Pomiń", "Odbiorcy: wszyscy")
    assert ewa.seen[-1].file is None


def test_a_message_keeps_its_file_when_it_is_answered_and_another_one_is_shown_below(house: House) -> None:
    anna = house.person("Anna")
    anna.says("/start")
    plan(ewa := house.coordinator())
    ewa.presses("Ogłoś to spotkanie", "Rada Klastra")
    ewa.presses("Zmień")
    ewa.presses("Obraz lub plik")
    ewa.sends_file("program.pdf", PDF, "Załącznik: program.pdf")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    agenda = file_of(anna.heard[0])
    ref = anna.ref_of("Ogłoszenie Klastra")
    anna.presses("Będę", "Twoja odpowiedź: będę", ref=ref)
    assert (anna.seen[-1].file, anna.seen[-1].replaces) == (agenda, ref)
    begin(house)
    ewa.says("/anuluj")
    ewa.says("/nowe_ogloszenie")
    ewa.says("Bez pliku")
    ewa.presses("Wszyscy")
    ewa.presses("Teraz")
    ewa.presses("Wyślij ogłoszenie")
    house.tick()
    anna.says("/ogloszenia", "Bez pliku")
    ref = anna.ref_of("Bez pliku")
    anna.presses("Starsze", "Rada Klastra", ref=ref)
    assert (anna.seen[-1].file, anna.seen[-1].replaces) == (agenda, None)
    ref = str(anna.ref_of("Rada Klastra"))
    anna.presses("Najnowsze", "Bez pliku", ref=ref)
    assert (anna.seen[-1].file, anna.seen[-1].replaces) == (None, None)


def test_a_coming_announcement_names_its_file(house: House) -> None:
    ewa = begin(house)
    ewa.sends_file("plakat.png", png())
    ewa.presses("Zmień")
    ewa.presses("Kiedy")
    ewa.says("jutro 9:00")
    ewa.presses("Raz")
    ewa.presses("Zaplanuj")
    ewa.says("/zaplanowane", "Zapraszamy na festyn", "Załącznik: plakat.png")


def test_a_file_is_gone_when_its_form_was_left_for_days(house: House) -> None:
    ewa = begin(house)
    ewa.sends_file("plakat.png", png())
    house.now += UNUSED_KEPT * 2
    house.database.write(lambda session: files.delete_unused_files(session, house.now))
    ewa.presses("Wyślij ogłoszenie", "Pliku już tu nie ma.")
    ewa.presses("Zmień")
    ewa.presses("Obraz lub plik")
    ewa.sends_file("plakat.png", png(), "Załącznik: plakat.png")
    ewa.presses("Wyślij ogłoszenie", "Ogłoszenie jest wysyłane.")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("plakat.png", "plakat.png"),
        ("Plakat – żółty (2).PDF", "Plakat – żółty (2).PDF"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.txt", "a.txt"),
        ("a/b/..", ""),
        (".htaccess", "htaccess"),
        ('x"; filename="y.exe', "x filename= y.exe"),
        ("a\r\nSet-Cookie: b.png", "a Set-Cookie b.png"),
        ("faktura\u202egnp.exe", "fakturagnp.exe"),
        ("a\0b\x7fc.png", "abc.png"),
        ("\ud800.png", "png"),
        ("   ", ""),
    ],
)
def test_names_are_made_harmless(told: str, kept: str) -> None:
    assert safe_name(told) == kept


@pytest.mark.parametrize("name", ["ż" * 300 + ".pdf", "a" * 500, "x." + "y" * 400, "e\u0301\u0323" * 200])
def test_long_names_keep_their_ending(name: str) -> None:
    short = safe_name(name)
    assert 0 < len(short.encode()) <= MAX_NAME_BYTES
    assert not name.endswith(".pdf") or short.endswith(".pdf")


def test_a_file_without_a_name_gets_one(house: House) -> None:
    ewa = begin(house)
    ewa.sends_file("", png())
    assert stored(house) == ["plik.png"]


LOSSY = b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a\x40\x01\x3c\x00"
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + ((319) | (59 << 14)).to_bytes(4, "little") + b"\0\0"
EXTENDED = (
    b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + (319).to_bytes(3, "little") + (59).to_bytes(3, "little")
)
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b08003c0140010111000000")


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (png(320, 60), ("image/png", (320, 60))),
        (b"GIF89a\x40\x01\x3c\x00rest", ("image/gif", (320, 60))),
        (JPEG, ("image/jpeg", (320, 60))),
        (LOSSY, ("image/webp", (320, 60))),
        (LOSSLESS, ("image/webp", (320, 60))),
        (EXTENDED, ("image/webp", (320, 60))),
        (PDF, ("application/pdf", None)),
        (b"<svg onload=alert(1)>", (UNKNOWN, None)),
        (b"<html><script>", (UNKNOWN, None)),
        (b"", (UNKNOWN, None)),
    ],
)
def test_the_bytes_say_what_a_file_is(data: bytes, known: tuple[str, object]) -> None:
    assert recognise(data) == known
    for cut in range(len(data)):
        recognise(data[:cut])  # a broken header breaks nothing


def test_real_pictures_are_recognised() -> None:
    pictures = sorted((Path(__file__).parent.parent.parent / ".github").glob("*.png"))
    for picture in pictures:
        mimetype, size = recognise(picture.read_bytes())
        assert mimetype == "image/png"
        assert size is not None
    assert pictures
