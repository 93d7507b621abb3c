"""Writing an announcement: text, audience, time; an exact preview; and cancelling one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from handlers.announcements.duration import say_how_long
from handlers.announcements.wording import (
    AUDIENCES,
    announcements_option,
    compose,
    excess_beside_file,
    say_group,
    say_schedule,
    say_title,
)
from handlers.dialogue import recurrence
from handlers.dialogue.command import Role
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.fields import is_id, read_moment, read_paragraphs, show_moment
from handlers.dialogue.files import get_ref, take_file
from handlers.dialogue.form import Field, Form, Values
from handlers.dialogue.forms import open_form
from handlers.dialogue.markup import plain
from handlers.dialogue.message import Attached, FileRef, Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import N_
from handlers.meetings.card import coming_meeting, day_label, describe
from storage import announcements, broadcasts, meetings, rooms
from storage.announcements import Audience, Draft, Group

MAX_TEXT = 3_500
"""So long (characters) may a text be that it fits with its head and foot into one Telegram message."""

NOW = "now"
ONCE, WEEKLY, MONTHLY = "once", "weekly", "monthly"
REPEATS = {ONCE: N_("Once"), WEEKLY: N_("Every week"), MONTHLY: N_("Every month")}

OFFERED_MEETINGS = 4


def new_announcement(ctx: Context, arguments: str) -> None:
    """Begin an announcement; with a meeting's number its text is the meeting's description."""
    if not arguments:
        open_form(ctx, ANNOUNCEMENT_FORM)
        return
    meeting = coming_meeting(ctx, arguments)
    text = str(describe(ctx.session, ctx.t, meeting, ctx.now, with_numbers=False))
    values = {
        "text": text,
        "file": None,
        "audience": Audience.EVERYONE,
        "about": str(meeting.id),
        "when": NOW,
    }
    open_form(ctx, ANNOUNCEMENT_FORM, values)


def cancel_announcement(ctx: Context, arguments: str) -> None:
    """Cancel the announcement whose number is given, "NUMBER yes" after asking back."""
    number, _, sure = arguments.partition(" ")
    found = announcements.get_announcement(ctx.session, int(number)) if is_id(number) else None
    to_come = Option(str(ctx.t("To come")), "/scheduled")
    if found is None or found.next_at is None:
        raise UserError(ctx.t("That announcement is not waiting to be sent."), to_come)
    if sure != "yes":
        schedule = say_schedule(ctx, found.next_at, found.rule)
        yes = Option(str(ctx.t("Yes, cancel it")), f"/cancel_announcement {found.id} yes")
        ctx.revise(
            ctx.t("Cancel this announcement ({schedule})? Nobody will get it.", schedule=schedule),
            yes,
            Option(str(ctx.t("No, keep it")), "/scheduled"),
        )
        return
    announcements.set_announcement_cancelled(ctx.session, found, ctx.now)
    ctx.revise(ctx.t("Cancelled: it will not be sent."), to_come, menu_option(ctx))


def _read_text(ctx: Context, text: str) -> str:
    """Return the text with the formatting it was typed with, as clean markup."""
    read_paragraphs(ctx, text, MAX_TEXT)
    markup = ctx.incoming.markup if ctx.incoming.markup is not None else Markup.escape(text)
    if ctx.conversation.form["values"].get("file") is not None:
        _check_length(ctx, markup)
    return str(markup)


def _read_file(ctx: Context, file: Attached) -> int:
    """Return the id of the file that was sent, stored; the text must be short enough to go with it."""
    _check_length(ctx, Markup(ctx.conversation.form["values"]["text"]))  # noqa: S704 - cleaned when it was read
    return take_file(ctx, file).id


def _check_length(ctx: Context, text: Markup) -> None:
    """Raise UserError when a text is too long to go with a file."""
    excess = excess_beside_file(text, ctx.site.zone)
    if excess:
        raise UserError(
            ctx.t.plural(
                "With a file the text is {count} character too long. Shorten it or do without the file.",
                "With a file the text is {count} characters too long. Shorten it or do without the file.",
                excess,
            )
        )


def _show_file(ctx: Context, value: int) -> Markup:
    """Return the name of a file."""
    file = get_ref(ctx.session, value)
    return Markup.escape(file.name) if file is not None else ctx.t("none")


def _enclosed(ctx: Context, values: Values) -> FileRef | None:
    """Return the file that was chosen."""
    return get_ref(ctx.session, values.get("file"))


def _meeting_choices(ctx: Context, _values: Values) -> Sequence[tuple[Markup, str]]:
    """Return the coming meetings as choices."""
    coming = meetings.list_coming_meetings(ctx.session, ctx.now, OFFERED_MEETINGS)
    return [(Markup.escape(day_label(meeting, ctx.now, ctx.t)), str(meeting.id)) for meeting in coming]


def _audience_choices(ctx: Context, values: Values) -> Sequence[tuple[Markup, str]]:
    """Return the audiences; that of a meeting only when one is coming."""
    known = [
        audience for audience in Audience if audience is not Audience.MEETING or _meeting_choices(ctx, values)
    ]
    return [(ctx.t(AUDIENCES[audience]).capitalize(), audience.value) for audience in known]


def _group(values: Values) -> Group:
    """Return the audience that was chosen, with the meeting that the announcement is about."""
    meeting = _meeting_of(values)
    return Group(Audience(values["audience"]), int(meeting) if meeting is not None else None)


def _meeting_of(values: Values) -> str | None:
    """Return the number of the meeting that was chosen, or that the announcement was begun from."""
    return values.get("meeting") or values.get("about")


def _schedule(ctx: Context, values: Values) -> tuple[datetime, str | None]:
    """Return when the announcement goes out first, and the rule by which it is repeated."""
    if values["when"] == NOW:
        return ctx.now, None
    first_at = datetime.fromisoformat(values["when"])
    local = first_at.astimezone(ctx.site.zone).replace(tzinfo=None)
    rules = {ONCE: None, WEEKLY: recurrence.weekly(local), MONTHLY: recurrence.monthly(local)}
    return first_at, rules[values.get("repeat") or ONCE]


def _summarise(ctx: Context, _form: Form, values: Values) -> Markup:
    """Return the exact message, to how many people it goes, when, and how long that takes."""
    group = _group(values)
    counts = broadcasts.count_recipients(ctx.session, group)
    first_at, rule = _schedule(ctx, values)
    when = ctx.t("at once") if values["when"] == NOW else say_schedule(ctx, first_at, rule)
    file = _enclosed(ctx, values)
    lines = [
        ctx.t("To: {group}", group=say_group(ctx, group.audience, group.meeting_id)),
        *_reached_lines(ctx, group, sum(counts.values())),
        ctx.t("When: {when}", when=when),
        *([ctx.t("Attached: {name}", name=file.name)] if file is not None else []),
    ]
    if (how_long := say_how_long(ctx, counts)) is not None:
        lines.append(how_long)
    preview = compose(Markup(values["text"]), ctx.t, group.meeting_id).text  # noqa: S704 - cleaned when it was read
    rule_line = Markup("— — —")
    return Markup("\n\n").join(
        [Markup("\n").join(lines), ctx.t("This is what they see:"), rule_line, preview, rule_line]
    )


def _reached_lines(ctx: Context, group: Group, count: int) -> list[Markup]:
    """Return how many people get an announcement of their own, and in which rooms it is said for all."""
    announcing = rooms.list_announcing_rooms(ctx.session) if group.audience is Audience.EVERYONE else ()
    people = ctx.t.plural("{count} person gets it.", "{count} people get it.", count)
    said = [
        ctx.t("The room “{title}”: one message for all there.", title=say_title(ctx.t, room.title))
        for room in announcing
    ]
    return [*said, *([people] if count or not announcing else [])]


def _submit(ctx: Context, values: Values) -> None:
    """Store the announcement; the clock sends it."""
    first_at, rule = _schedule(ctx, values)
    if first_at < ctx.now - timedelta(minutes=1):
        raise UserError(ctx.t("That time is past by now. Choose “Change” and set a later one."))
    group = _group(values)
    if group.meeting_id is not None:
        coming_meeting(ctx, str(group.meeting_id))  # it may have been cancelled meanwhile
    file = _enclosed(ctx, values)
    if file is None and values.get("file") is not None:  # the form lay about for days
        raise UserError(ctx.t("The file is not here any more. Choose “Change” and send it again."))
    draft = Draft(values["text"], group, first_at, rule, ctx.site.zone.key, values.get("file"))
    announcements.add_announcement(ctx.session, draft, ctx.person.id, ctx.now)
    ctx.stirred = True
    if values["when"] == NOW:
        text = ctx.t("It is being sent. How many got it is shown under Announcements.")
        ctx.revise(text, announcements_option(ctx.t), menu_option(ctx))
    else:
        text = ctx.t("Saved. It goes out: {when}.", when=say_schedule(ctx, first_at, rule))
        ctx.revise(text, Option(str(ctx.t("To come")), "/scheduled"), menu_option(ctx))


ANNOUNCEMENT_FORM = Form(
    name="announcement",
    role=Role.COORDINATOR,
    title=N_("The announcement"),
    fields=(
        Field(
            name="text",
            label=N_("Text"),
            ask=lambda ctx, _: ctx.t("What do you want to announce? Bold, italics and links are kept."),
            read=_read_text,
            show=lambda _ctx, value: Markup.escape(plain(Markup(value))),  # noqa: S704
        ),
        Field(
            name="file",
            label=N_("Picture or file"),
            ask=lambda ctx, _: ctx.t(
                "Is a picture or a file to go with it? Send it here, for example a poster or a PDF."
            ),
            read_file=_read_file,
            show=_show_file,
            optional=True,
            offer=N_("Add a picture or a file"),
        ),
        Field(
            name="audience",
            label=N_("To whom"),
            ask=lambda ctx, _: ctx.t("Who is to get it?"),
            choices=_audience_choices,
            show=lambda ctx, value: ctx.t(AUDIENCES[Audience(value)]),
        ),
        Field(
            name="meeting",
            label=N_("Meeting"),
            ask=lambda ctx, _: ctx.t("Those coming to which meeting?"),
            choices=_meeting_choices,
            show=lambda ctx, value: say_group(ctx, Audience.MEETING, int(value)),
            applies=lambda values: values.get("audience") == Audience.MEETING,
        ),
        Field(
            name="when",
            label=N_("When"),
            ask=lambda ctx, _: ctx.t("When? Choose “Now” or write a time, for example: Friday 9:00."),
            read=read_moment,
            choices=lambda ctx, _: [(ctx.t("Now"), NOW)],
            show=lambda ctx, value: ctx.t("at once") if value == NOW else show_moment(ctx, value),
        ),
        Field(
            name="repeat",
            label=N_("How often"),
            ask=lambda ctx, _: ctx.t("Once, or again and again at the same time?"),
            choices=lambda ctx, _: [(ctx.t(label), value) for value, label in REPEATS.items()],
            show=lambda ctx, value: ctx.t(REPEATS[value]),
            # An invitation is not repeated: it would go on after the meeting is over.
            applies=lambda values: values.get("when") != NOW and _meeting_of(values) is None,
        ),
    ),
    summarise=_summarise,
    enclose=_enclosed,
    submit=_submit,
    confirm=lambda values: N_("Send the announcement") if values["when"] == NOW else N_("Schedule it"),
)
