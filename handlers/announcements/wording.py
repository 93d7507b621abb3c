"""How an announcement's audience and time are put into words, and what its message looks like."""

from datetime import datetime

from markupsafe import Markup

from handlers.dialogue.context import Context
from handlers.dialogue.dates import say_moment
from handlers.dialogue.message import Option, Outgoing
from handlers.dialogue.recurrence import describe
from handlers.dialogue.texts import N_, Texts
from handlers.meetings.card import rsvp_options
from storage import meetings
from storage.announcements import Audience

AUDIENCES = {
    Audience.EVERYONE: N_("everyone"),
    Audience.MEMBERS: N_("members"),
    Audience.MEETING: N_("those coming to a meeting"),
}


HEAD = N_("<b>Announcement of Klaster „Aglomeracja”</b>")


def say_title(t: Texts, title: str) -> Markup:
    """Return a room's name as people read it."""
    return Markup.escape(title) if title else t("room without a name")


def say_group(ctx: Context, audience: Audience, meeting_id: int | None) -> Markup:
    """Return to whom an announcement goes."""
    concerned = meeting_id if audience is Audience.MEETING else None
    meeting = meetings.get_meeting(ctx.session, concerned) if concerned is not None else None
    if meeting is None:
        return ctx.t(AUDIENCES[audience])
    return ctx.t("those coming to “{title}”", title=meeting.title)


def say_schedule(ctx: Context, moment: datetime, rule: str | None) -> Markup:
    """Return when an announcement goes out next and, if it is repeated, how often."""
    said = say_moment(moment, ctx.now, ctx.t)
    if rule is None:
        return said
    local = moment.astimezone(ctx.site.zone).replace(tzinfo=None)
    return ctx.t("{moment}, then {rule}", moment=said, rule=describe(rule, local, ctx.t))


def announcements_option(t: Texts) -> Option:
    """Return the way to the announcements."""
    return Option(str(t("Announcements")), "/announcements")


def compose(text: Markup, t: Texts, meeting_id: int | None) -> Outgoing:
    """Return the message that a recipient gets, in their language but for the text itself.

    One that is about a meeting carries the answers to it.
    """
    head = t(HEAD)
    foot = t("<i>You can turn announcements off in your profile: /profile</i>")
    answers = rsvp_options(t, meeting_id) if meeting_id is not None else []
    options = (*answers, Option(str(t("Profile")), "/profile"), Option(str(t("Menu")), "/help"))
    return Outgoing(Markup("\n\n").join([head, text, foot]), options)


def compose_for_room(text: Markup, t: Texts, meeting_id: int | None) -> Outgoing:
    """Return the message that a room gets: for all who are there, so without anybody's own settings."""
    answers = rsvp_options(t, meeting_id) if meeting_id is not None else []
    return Outgoing(Markup("\n\n").join([t(HEAD), text]), tuple(answers), rings=True)
