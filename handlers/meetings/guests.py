"""The attendance list: who comes, by organisation, with totals."""

from collections import Counter
from itertools import groupby

from markupsafe import Markup

from handlers.dialogue.context import Context
from handlers.dialogue.dates import say_moment
from handlers.dialogue.message import MAX_OPTIONS, Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import N_, Texts
from handlers.meetings.card import day_label, known_meeting
from storage import meetings
from storage.meetings import Answer, Guest

ANSWERS = {Answer.YES: N_("is coming"), Answer.MAYBE: N_("maybe"), Answer.NO: N_("is not coming")}


def show_attendance(ctx: Context, arguments: str) -> None:
    """Show the list of the meeting whose number is given, of the only coming one, or ask for which."""
    coming = meetings.list_coming_meetings(ctx.session, ctx.now, MAX_OPTIONS - 1)
    if not arguments and not coming:
        ctx.revise(ctx.t("No meeting is planned at the moment."), menu_option(ctx))
    elif not arguments and len(coming) > 1:
        options = [
            Option(day_label(meeting, ctx.now, ctx.t), f"/attendance {meeting.id}") for meeting in coming
        ]
        ctx.revise(ctx.t("Which meeting’s list?"), *options, menu_option(ctx))
    else:
        _show_list(ctx, arguments or str(coming[0].id))


def _show_list(ctx: Context, number: str) -> None:
    """Show the list of one meeting."""
    meeting = known_meeting(ctx, number)
    guests = meetings.list_guests(ctx.session, meeting.id)
    head = [
        Markup("<b>{}</b>").format(meeting.title),
        say_moment(meeting.starts_at, ctx.now, ctx.t),
        _totals(ctx.t, guests),
    ]
    options = [menu_option(ctx)]
    if meeting.starts_at > ctx.now and meeting.cancelled_at is None:
        options.insert(0, Option(str(ctx.t("Back")), f"/manage_meeting {meeting.id}"))
    ctx.revise(Markup("\n\n").join([Markup("\n").join(head), *_groups(ctx.t, guests)]), *options)


def _totals(t: Texts, guests: list[Guest]) -> Markup:
    """Return how many said what."""
    count = Counter(guest.answer for guest in guests)
    return t(
        "Coming: {yes}, maybe: {maybe}, not coming: {no}.",
        yes=count[Answer.YES],
        maybe=count[Answer.MAYBE],
        no=count[Answer.NO],
    )


def _groups(t: Texts, guests: list[Guest]) -> list[Markup]:
    """Return the lines of each organisation."""
    return [
        Markup("\n").join([_heading(t, name, members), *(_line(t, guest) for guest in members)])
        for name, members in (
            (name, list(group)) for name, group in groupby(guests, key=lambda guest: guest.organisation)
        )
    ]


def _heading(t: Texts, organisation: str, members: list[Guest]) -> Markup:
    """Return an organisation's name with the number of those who come."""
    coming = sum(guest.answer is Answer.YES for guest in members)
    name = organisation or t("Without an organisation")
    return t("<b>{name}</b>, coming: {count}", name=name, count=coming)


def _line(t: Texts, guest: Guest) -> Markup:
    """Return a person's name and answer."""
    return t("{name}: {answer}", name=guest.name or t("no name given"), answer=t(ANSWERS[guest.answer]))
