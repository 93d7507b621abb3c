"""What the coordinator does with meetings: plan, change and call off."""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from handlers.dialogue.command import Role
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.dates import say_moment
from handlers.dialogue.fields import is_id, line_field, read_moment, read_paragraphs, show_moment, show_text
from handlers.dialogue.form import Field, Form, Values
from handlers.dialogue.forms import open_form, show_values
from handlers.dialogue.message import Option, Outgoing
from handlers.dialogue.texts import LOCALES, N_, Texts, texts_for
from handlers.meetings.card import YOUR_ANSWER, coming_meeting, describe, list_option, rsvp_options
from storage import announcements, meetings
from storage.meetings import Answer, Draft, Meeting
from storage.people import Person

MAX_TITLE, MAX_PLACE, MAX_AGENDA = 120, 200, 1_500
MAX_CAPACITY = 100_000


def new_meeting(ctx: Context, _arguments: str) -> None:
    """Begin to plan a meeting."""
    open_form(ctx, MEETING_FORM)


def edit_meeting(ctx: Context, arguments: str) -> None:
    """Begin to change the meeting whose number is given."""
    meeting = coming_meeting(ctx, arguments)
    known = _values_of(meeting)
    open_form(ctx, MEETING_FORM, {**known, "meeting": meeting.id, "was": known})


def cancel_meeting(ctx: Context, arguments: str) -> None:
    """Call off the meeting whose number is given, "NUMBER yes" after asking back.

    Who replied is told, and announcements about it that are still to come are cancelled.
    """
    number, _, sure = arguments.partition(" ")
    meeting = coming_meeting(ctx, number)
    if sure != "yes":
        text = ctx.t("Call off “{title}”? Everybody who replied will be told.", title=meeting.title)
        yes = Option(str(ctx.t("Yes, call it off")), f"/cancel_meeting {meeting.id} yes")
        ctx.revise(text, yes, Option(str(ctx.t("No, keep it")), f"/manage_meeting {meeting.id}"))
        return
    meetings.set_meeting_cancelled(ctx.session, meeting, ctx.now)
    announcements.set_meeting_announcements_cancelled(ctx.session, meeting.id, ctx.now)
    told = _tell_of_end(ctx, meeting)
    ctx.revise(
        ctx.t.plural("Called off. {count} person was told.", "Called off. {count} people were told.", told),
        list_option(ctx.t),
    )


def _read_capacity(ctx: Context, text: str) -> int:
    """Return a number of places; raises UserError for anything else."""
    if is_id(text) and 0 < int(text) <= MAX_CAPACITY:
        return int(text)
    raise UserError(ctx.t("Please write a number from 1 to {most}, for example 30.", most=MAX_CAPACITY))


def _submit(ctx: Context, values: Values) -> None:
    """Store a new or changed meeting."""
    changed = coming_meeting(ctx, str(values["meeting"])) if "meeting" in values else None
    values = values if changed is None else _merged(values, _values_of(changed))
    draft = Draft(
        title=values["title"],
        starts_at=datetime.fromisoformat(values["when"]),
        place=values["place"],
        agenda=values.get("agenda") or "",
        capacity=values.get("capacity"),
    )
    if draft.starts_at <= ctx.now:
        raise UserError(ctx.t("That time is past by now. Choose “Change” and set a later one."))
    if changed is not None:
        _change(ctx, changed, draft)
        return
    meeting = meetings.add_meeting(ctx.session, draft, ctx.person.id)
    _show_saved(ctx, meeting, ctx.t("Saved. Everybody can see the meeting under Meetings now."))


def _values_of(meeting: Meeting) -> Values:
    """Return a meeting as the answers of its form."""
    return {
        "title": meeting.title,
        "when": meeting.starts_at.isoformat(),
        "place": meeting.place,
        "agenda": meeting.agenda or None,
        "capacity": meeting.capacity,
    }


def _merged(values: Values, current: Values) -> Values:
    """Return the current values with what was changed in the form: others may have changed the rest."""
    was = values.get("was", {})
    return {**current, **{name: values[name] for name in current if values[name] != was.get(name)}}


def _change(ctx: Context, meeting: Meeting, draft: Draft) -> None:
    """Change a meeting and tell who replied; when nothing is different nobody needs to be told."""
    before = _values_of(meeting)
    meetings.set_meeting(ctx.session, meeting, draft)
    told = 0
    if _values_of(meeting) != before:
        told = _tell_of_change(ctx, meeting)
    text = ctx.t.plural("Saved. {count} person was told.", "Saved. {count} people were told.", told)
    _show_saved(ctx, meeting, text)


def _show_saved(ctx: Context, meeting: Meeting, text: Markup) -> None:
    """Show a meeting as it is now, and what comes next."""
    card = describe(ctx.session, ctx.t, meeting, ctx.now)
    announce = Option(str(ctx.t("Announce it")), f"/new_announcement {meeting.id}")
    manage = Option(str(ctx.t("For the coordinator")), f"/manage_meeting {meeting.id}")
    ctx.revise(Markup("\n\n").join([text, card]), announce, manage, list_option(ctx.t))


def _tell_of_change(ctx: Context, meeting: Meeting) -> int:
    """Tell everybody who replied, but not who did it, about a changed meeting; return how many."""
    repliers = meetings.list_repliers(ctx.session, meeting.id)
    answers = {person.id: answer for person, answer in repliers}
    cards = {
        locale: describe(ctx.session, texts_for(locale, ctx.site.zone), meeting, ctx.now)
        for locale in LOCALES
    }

    def compose(person: Person, t: Texts) -> Outgoing:
        head = t(
            "A meeting has changed. {answer} Does that still hold?", answer=t(YOUR_ANSWER[answers[person.id]])
        )
        options = (*rsvp_options(t, meeting.id), list_option(t))
        return Outgoing(Markup("\n\n").join([head, cards[t.locale]]), options)

    return ctx.tell_all(_others(ctx, repliers), compose)


def _tell_of_end(ctx: Context, meeting: Meeting) -> int:
    """Tell everybody who replied, but not who did it, that a meeting is called off; return how many."""

    def compose(_person: Person, t: Texts) -> Outgoing:
        moment = say_moment(meeting.starts_at, ctx.now, t)
        text = t("Called off: “{title}”, {moment}.", title=meeting.title, moment=moment)
        return Outgoing(text, (list_option(t),))

    return ctx.tell_all(_others(ctx, meetings.list_repliers(ctx.session, meeting.id)), compose)


def _others(ctx: Context, repliers: Sequence[tuple[Person, Answer]]) -> list[Person]:
    """Return who replied without the person who speaks."""
    return [person for person, _ in repliers if person.id != ctx.person.id]


MEETING_FORM = Form(
    name="meeting",
    role=Role.COORDINATOR,
    title=N_("The meeting"),
    fields=(
        line_field("title", N_("Title"), N_("What is the meeting called?"), MAX_TITLE),
        Field(
            name="when",
            label=N_("When"),
            ask=lambda ctx, _: ctx.t("When does it start? For example: Tuesday 17:00, or 12.12 at 9."),
            read=read_moment,
            show=show_moment,
        ),
        line_field("place", N_("Place"), N_("Where is it?"), MAX_PLACE),
        Field(
            name="agenda",
            label=N_("Agenda"),
            ask=lambda ctx, _: ctx.t("What is on the agenda?"),
            read=lambda ctx, text: read_paragraphs(ctx, text, MAX_AGENDA),
            show=show_text,
            optional=True,
        ),
        Field(
            name="capacity",
            label=N_("Number of places"),
            ask=lambda ctx, _: ctx.t("How many people can come? Skip this if there is room for everybody."),
            read=_read_capacity,
            show=show_text,
            optional=True,
        ),
    ),
    summarise=show_values,
    submit=_submit,
)
