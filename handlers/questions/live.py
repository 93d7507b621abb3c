"""Answers computed from the store: the next meeting, who comes, the newest announcement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from handlers.dialogue.dates import say_moment, say_soon
from handlers.dialogue.message import Option
from handlers.dialogue.texts import Texts
from handlers.meetings.card import YOUR_ANSWER, describe, list_option, rsvp_options
from storage import announcements, meetings
from storage.database import Session
from storage.meetings import Answer, Meeting
from storage.people import Person


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks and when: `person` is None where nobody is known, `now` an aware UTC time."""

    person: Person | None
    t: Texts
    now: datetime


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with the options that go with it."""

    text: Markup
    options: tuple[Option, ...] = ()


Live = Callable[[Session, Asker], Said | None]
"""Answers from the store, or returns None when the store has nothing to say: the entry's answer stands."""


def _next_meeting(session: Session, asker: Asker) -> Said | None:
    """Say when the next meeting is, and what else is known of it."""
    meeting = _next(session, asker)
    if meeting is None:
        return None
    t = asker.t
    first = t("The next meeting: {moment}.", moment=say_soon(meeting.starts_at, asker.now, t))
    card = describe(session, t, meeting, asker.now)
    return Said(Markup("\n\n").join([first, card]), _options(asker, meeting))


def _place(session: Session, asker: Asker) -> Said | None:
    """Say where the next meeting is."""
    meeting = _next(session, asker)
    if meeting is None:
        return None
    text = asker.t(
        "Place: {place}. That is where “{title}” is, {moment}.",
        place=meeting.place,
        title=meeting.title,
        moment=say_soon(meeting.starts_at, asker.now, asker.t),
    )
    return Said(text, _options(asker, meeting))


def _agenda(session: Session, asker: Asker) -> Said | None:
    """Say what the next meeting is about."""
    meeting = _next(session, asker)
    if meeting is None:
        return None
    t, moment = asker.t, say_soon(meeting.starts_at, asker.now, asker.t)
    if not meeting.agenda:
        text = t("“{title}”, {moment}: no agenda was given yet.", title=meeting.title, moment=moment)
    else:
        text = t(
            "The agenda of “{title}”, {moment}:\n{agenda}",
            title=meeting.title,
            moment=moment,
            agenda=meeting.agenda,
        )
    return Said(text, _options(asker, meeting))


def _attendees(session: Session, asker: Asker) -> Said | None:
    """Say how many come to the next meeting; names are the coordinator's."""
    meeting = _next(session, asker)
    if meeting is None:
        return None
    count = meetings.count_answers(session, [meeting.id], Answer.YES).get(meeting.id, 0)
    lines = [
        asker.t.plural(
            "{count} person has confirmed for “{title}”.",
            "{count} people have confirmed for “{title}”.",
            count,
            title=meeting.title,
        ),
        asker.t("I do not tell who: the attendance list is the coordinator’s."),
    ]
    return Said(Markup(" ").join(lines), _options(asker, meeting))


def _my_rsvp(session: Session, asker: Asker) -> Said | None:
    """Say what the person answered to the next meeting."""
    meeting = _next(session, asker)
    if meeting is None or asker.person is None:
        return None
    answer = meetings.get_answer(session, meeting.id, asker.person.id)
    moment = say_moment(meeting.starts_at, asker.now, asker.t)
    head = Markup("<b>{}</b>, {}").format(meeting.title, moment)
    return Said(Markup("\n").join([asker.t(YOUR_ANSWER[answer]), head]), _options(asker, meeting))


def _announcements(session: Session, asker: Asker) -> Said | None:
    """Show the newest announcement that the person may see."""
    if asker.person is None:
        return None
    runs = announcements.list_past_runs(session, asker.person, limit=1)
    if not runs:
        return None
    moment = say_moment(runs[0].due_at, asker.now, asker.t)
    head = asker.t("The newest announcement, {moment}:", moment=moment)
    text = Markup(runs[0].text)  # noqa: S704 - cleaned before it was stored
    option = Option(str(asker.t("Announcements")), "/announcements")
    return Said(Markup("\n\n").join([head, text]), (option,))


def _next(session: Session, asker: Asker) -> Meeting | None:
    """Return the next meeting, if one is planned."""
    coming = meetings.list_coming_meetings(session, asker.now, limit=1)
    return coming[0] if coming else None


def _options(asker: Asker, meeting: Meeting) -> tuple[Option, ...]:
    """Return the answers to the meeting and the way to all of them."""
    return (*rsvp_options(asker.t, meeting.id), list_option(asker.t))


LIVE: Mapping[str, Live] = {
    "meeting_next": _next_meeting,
    "meeting_place": _place,
    "meeting_agenda": _agenda,
    "meeting_attendees": _attendees,
    "my_rsvp": _my_rsvp,
    "announcements": _announcements,
}
"""The live topics, by the name of the knowledge entry that stands in when the store has nothing."""
