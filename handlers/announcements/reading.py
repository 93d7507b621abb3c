"""Looking at announcements: those that were sent, and for the coordinator those to come."""

from collections.abc import Sequence

from markupsafe import Markup

from handlers.announcements.progress import progress_options, say_progress
from handlers.announcements.wording import say_group, say_schedule
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.dates import say_moment
from handlers.dialogue.fields import is_id
from handlers.dialogue.files import get_ref
from handlers.dialogue.message import MAX_OPTIONS, Option, Outgoing
from handlers.dialogue.router import menu_option
from storage import announcements, deliveries
from storage.announcements import Announcement, PastRun
from storage.runs import UNDER_WAY

SHOWN_TO_COME = 4


def show_announcements(ctx: Context, arguments: str) -> None:
    """Show the newest announcement that was sent, or the one before the run whose number is given."""
    if arguments and not is_id(arguments):
        raise UserError(ctx.t("There is no such announcement."), menu_option(ctx))
    before = int(arguments) if arguments else None
    runs = announcements.list_past_runs(ctx.session, ctx.person, limit=2, before=before)
    if not runs:
        ctx.revise(ctx.t("There are no announcements yet."), *_ways_on(ctx, runs, before), menu_option(ctx))
        return
    run = runs[0]
    moment = Markup("<b>{}</b>").format(say_moment(run.due_at, ctx.now, ctx.t))
    parts = [moment, Markup(run.text)]  # noqa: S704 - cleaned before it was stored
    options = _ways_on(ctx, runs, before)
    if ctx.person.coordinates:
        counts = deliveries.count_states(ctx.session, [run.id])[run.id]
        parts.append(say_progress(ctx, run, counts))
        options = [*progress_options(ctx, run, counts), *options]
    options = [*options[: MAX_OPTIONS - 1], menu_option(ctx)]
    file = get_ref(ctx.session, run.file_id)
    ctx.show(Outgoing(Markup("\n\n").join(parts), tuple(options), file=file))


def _ways_on(ctx: Context, runs: Sequence[PastRun], before: int | None) -> list[Option]:
    """Return the ways from the first of these runs to others, and for the coordinator to those to come."""
    t, here = ctx.t, f"/announcements {before}" if before is not None else "/announcements"
    options = list[Option]()
    if ctx.person.coordinates and runs and runs[0].state in UNDER_WAY:
        options.append(Option(str(t("Refresh")), here))
    if len(runs) > 1:
        options.append(Option(str(t("Older")), f"/announcements {runs[0].id}"))
    if before is not None:
        options.append(Option(str(t("Newest")), "/announcements"))
    if ctx.person.coordinates:
        options.append(Option(str(t("To come")), "/scheduled"))
        options.append(Option(str(t("Write an announcement")), "/new_announcement"))
    return options


def show_scheduled(ctx: Context, _arguments: str) -> None:
    """Show the coordinator the announcements that are still to be sent, with a way to cancel each."""
    coming = announcements.list_coming_announcements(ctx.session, SHOWN_TO_COME)
    if not coming:
        new = Option(str(ctx.t("Write an announcement")), "/new_announcement")
        ctx.revise(ctx.t("Nothing is to be sent."), new, menu_option(ctx))
        return
    parts = [ctx.t("<b>Announcements to come</b>")]
    parts += [_describe_coming(ctx, number, one) for number, one in enumerate(coming, 1)]
    options = [
        Option(str(ctx.t("Cancel number {number}", number=number)), f"/cancel_announcement {one.id}")
        for number, one in enumerate(coming, 1)
    ]
    ctx.revise(Markup("\n\n").join(parts), *options, menu_option(ctx))


def _describe_coming(ctx: Context, number: int, announcement: Announcement) -> Markup:
    """Return an announcement to come: its number in the list, when, to whom, its text, its file's name."""
    head = Markup("<b>{}. {}</b>, {}").format(
        number,
        say_schedule(ctx, announcement.next_at or announcement.first_at, announcement.rule),
        say_group(ctx, announcement.audience, announcement.meeting_id),
    )
    lines = [head, Markup(announcement.text)]  # noqa: S704 - cleaned when stored
    file = get_ref(ctx.session, announcement.file_id)
    if file is not None:
        lines.append(ctx.t("Attached: {name}", name=file.name))
    return Markup("\n").join(lines)
