"""Our messages as Matrix shows them."""

from markupsafe import Markup

from bot.channels.matrix.render import message_content, reaction_contents
from handlers.dialogue.message import FileRef, Option, Outgoing

RSVP = (Option("Będę", "/rsvp 1 yes"), Option("Może & nie", "/rsvp 1 maybe"))


def test_a_text_is_formatted_and_plain_and_mentions_nobody() -> None:
    content = message_content(Outgoing(Markup("<b>Rada</b> &amp; woda\n<s>jutro</s>")))
    assert content == {
        "msgtype": "m.text",
        "body": "Rada & woda\njutro",
        "format": "org.matrix.custom.html",
        "formatted_body": "<b>Rada</b> &amp; woda<br><del>jutro</del>",
        "m.mentions": {},
    }


def test_commands_are_shown_with_an_exclamation_mark() -> None:
    text = Markup(
        "<code>/polacz ABC-DEF</code>\n/profil, (/help), i/lub ul. Polna 7 /parter https://x.pl/profil"
    )
    content = message_content(Outgoing(text, (Option("/spotkania", "/meetings"),)))
    assert content["body"] == (
        "!polacz ABC-DEF\n!profil, (!help), i/lub ul. Polna 7 /parter https://x.pl/profil\n\n1. !spotkania"
    )
    assert content["formatted_body"] == (
        "<code>!polacz ABC-DEF</code><br>!profil, (!help), i/lub ul. Polna 7 /parter https://x.pl/profil"
        "<ol><li>!spotkania</li></ol>"
    )


def test_line_breaks_of_preformatted_text_stay() -> None:
    content = message_content(Outgoing(Markup("a\n<pre>b\nc</pre>\nd")))
    assert content["formatted_body"] == "a<br><pre>b\nc</pre><br>d"


def test_options_are_a_numbered_list() -> None:
    content = message_content(Outgoing(Markup("Kiedy?"), RSVP))
    assert content["body"] == "Kiedy?\n\n1. Będę\n2. Może & nie"
    assert content["formatted_body"] == "Kiedy?<ol><li>Będę</li><li>Może &amp; nie</li></ol>"
    keys = [one["m.relates_to"]["key"] for one in reaction_contents(Outgoing(Markup("x"), RSVP), "$1")]
    assert keys == ["1️⃣", "2️⃣"]


def test_an_edit_holds_the_new_text_and_a_fallback() -> None:
    content = message_content(Outgoing(Markup("nowe"), replaces="$1", thread="$0"))
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$1"}
    assert content["body"] == "* nowe"
    assert content["m.new_content"] == message_content(Outgoing(Markup("nowe")))


def test_an_answer_in_a_thread_stays_there() -> None:
    relation = message_content(Outgoing(Markup("x"), thread="$0"))["m.relates_to"]
    assert relation["rel_type"] == "m.thread"
    assert relation["event_id"] == relation["m.in_reply_to"]["event_id"] == "$0"


POSTER = FileRef(7, "token", "plakat.png", "image/png", 900, 60, 40)
AGENDA = FileRef(8, "token", "program.pdf", "application/pdf", 800)


def test_the_text_is_the_caption_of_a_file() -> None:
    content = message_content(Outgoing(Markup("<b>Festyn</b>"), RSVP, file=POSTER), {"url": "mxc://hs/1"})
    assert (content["msgtype"], content["filename"], content["url"]) == (
        "m.image",
        "plakat.png",
        "mxc://hs/1",
    )
    assert content["body"] == "Festyn\n\n1. Będę\n2. Może & nie"
    assert content["formatted_body"].startswith("<b>Festyn</b><ol>")
    assert content["info"] == {"mimetype": "image/png", "size": 900, "w": 60, "h": 40}
    content = message_content(Outgoing(Markup("Program"), file=AGENDA), {"file": {"url": "mxc://hs/2"}})
    assert (content["msgtype"], content["file"]) == ("m.file", {"url": "mxc://hs/2"})
    assert content["info"] == {"mimetype": "application/pdf", "size": 800}


def test_an_edit_keeps_the_file() -> None:
    message = Outgoing(Markup("nowe"), replaces="$1", file=POSTER)
    content = message_content(message, {"url": "mxc://hs/1"})
    assert content["m.new_content"] == message_content(
        Outgoing(Markup("nowe"), file=POSTER), {"url": "mxc://hs/1"}
    )
    assert content["m.new_content"]["msgtype"] == "m.image"
