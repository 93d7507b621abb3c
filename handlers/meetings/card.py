"""How a meeting is shown, and how one is found by its number."""

from datetime import datetime

from markupsafe import Markup

from handlers.dialogue.context import Context, UserError
from handlers.dialogue.dates import say_day, say_moment
from handlers.dialogue.fields import is_id
from handlers.dialogue.message import Option
from handlers.dialogue.texts import N_, Texts
from storage import meetings
from storage.database import Session
from storage.meetings import Answer, Meeting

MAX_LABEL = 40
"""How many characters of a button a phone shows."""

ANSWER_LABELS = {
    Answer.YES: N_("I’ll come"),
    Answer.MAYBE: N_("Maybe"),
    Answer.NO: N_("I won’t come"),
}

YOUR_ANSWER = {
    Answer.YES: N_("Your reply: you are coming."),
    Answer.MAYBE: N_("Your reply: you may come."),
    Answer.NO: N_("Your reply: you are not coming."),
    None: N_("You have not replied yet."),
}


def describe(
    session: Session, t: Texts, meeting: Meeting, now: datetime, *, with_numbers: bool = True
) -> Markup:
    """Return what there is to know about a meeting: title, time, place, agenda and, as of now, places."""
    lines = [
        Markup("<b>{}</b>").format(meeting.title),
        say_moment(meeting.starts_at, now, t),
        t("Place: {place}", place=meeting.place),
    ]
    if meeting.agenda:
        lines.append(t("Agenda: {agenda}", agenda=meeting.agenda))
    if not with_numbers:
        return Markup("\n").join(lines)
    coming = meetings.count_answers(session, [meeting.id], Answer.YES).get(meeting.id, 0)
    lines.append(t.plural("{count} person is coming.", "{count} people are coming.", coming))
    if meeting.capacity is not None:
        left = max(meeting.capacity - coming, 0)
        lines.append(t.plural("{count} place is left.", "{count} places are left.", left))
    return Markup("\n").join(lines)


def day_label(meeting: Meeting, now: datetime, t: Texts) -> str:
    """Return a meeting's day and title, cut to what fits on a button."""
    return cut_label(f"{say_day(meeting.starts_at, now, t)}: {meeting.title}")


def cut_label(label: str) -> str:
    """Return a label cut to what fits on a button."""
    return label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1].rstrip()}…"


def rsvp_options(t: Texts, meeting_id: int) -> list[Option]:
    """Return the three answers to an invitation to a meeting."""
    return [Option(str(t(label)), f"/rsvp {meeting_id} {answer}") for answer, label in ANSWER_LABELS.items()]


def coming_meeting(ctx: Context, number: str) -> Meeting:
    """Return the coming meeting with this number, locked; raises UserError when it is none."""
    meeting = known_meeting(ctx, number)
    if meeting.cancelled_at is not None:
        raise UserError(ctx.t("That meeting was cancelled."), list_option(ctx.t))
    if meeting.starts_at <= ctx.now:
        raise UserError(ctx.t("That meeting has already started."), list_option(ctx.t))
    return meeting


def known_meeting(ctx: Context, number: str) -> Meeting:
    """Return the meeting with this number, locked; raises UserError when there is none."""
    meeting = meetings.get_meeting(ctx.session, int(number)) if is_id(number) else None
    if meeting is None:
        raise UserError(ctx.t("There is no such meeting."), list_option(ctx.t))
    return meeting


def list_option(t: Texts) -> Option:
    """Return the way to the coming meetings."""
    return Option(str(t("Meetings")), "/meetings")
