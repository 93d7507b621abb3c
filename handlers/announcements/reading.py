"""Looking at announcements: those that were sent, and for the coordinator those to come."""

from markupsafe import Markup

from handlers.announcements.wording import say_group, say_schedule
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.dates import say_moment
from handlers.dialogue.fields import is_id
from handlers.dialogue.message import Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import N_
from storage import announcements, deliveries
from storage.announcements import Announcement, PastRun
from storage.deliveries import State
from storage.runs import RunState

SHOWN_TO_COME = 4

OUTCOMES = (
    (N_("delivered: {count}"), (State.SENT,)),
    (N_("failed: {count}"), (State.FAILED,)),
    (N_("unreachable: {count}"), (State.UNREACHABLE,)),
    (N_("not known: {count}"), (State.UNKNOWN,)),
    (N_("on the way: {count}"), (State.PENDING, State.CLAIMED, State.SENDING)),
)


def show_announcements(ctx: Context, arguments: str) -> None:
    """Show the newest announcement that was sent, or the one before the run whose number is given."""
    if arguments and not is_id(arguments):
        raise UserError(ctx.t("There is no such announcement."), menu_option(ctx))
    before = int(arguments) if arguments else None
    runs = announcements.list_past_runs(ctx.session, ctx.person, limit=2, before=before)
    options = [Option(str(ctx.t("Older")), f"/announcements {runs[0].id}")] if len(runs) > 1 else []
    if before is not None:
        options.append(Option(str(ctx.t("Newest")), "/announcements"))
    if ctx.person.coordinates:
        options.append(Option(str(ctx.t("To come")), "/scheduled"))
        options.append(Option(str(ctx.t("Write an announcement")), "/new_announcement"))
    text = _describe_run(ctx, runs[0]) if runs else ctx.t("There are no announcements yet.")
    ctx.revise(text, *options, menu_option(ctx))


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


def _describe_run(ctx: Context, run: PastRun) -> Markup:
    """Return an announcement that was sent; for the coordinator with what became of its deliveries."""
    t = ctx.t
    moment = Markup("<b>{}</b>").format(say_moment(run.due_at, ctx.now, t))
    parts = [moment, Markup(run.text)]  # noqa: S704 - cleaned before it was stored
    if ctx.person.coordinates:
        parts.append(_outcomes(ctx, run))
    return Markup("\n\n").join(parts)


def _outcomes(ctx: Context, run: PastRun) -> Markup:
    """Return how many deliveries of a run came to what; those that came to nothing are left out."""
    if run.state is RunState.SKIPPED:
        return ctx.t("Not sent: the bot was not running at that time.")
    counts = deliveries.count_states(ctx.session, [run.id])[run.id]
    lines = [
        str(ctx.t(message, count=total))
        for message, states in OUTCOMES
        if (total := sum(counts.get(state, 0) for state in states)) or State.SENT in states
    ]
    return Markup("{}.").format(", ".join(lines)).capitalize()


def _describe_coming(ctx: Context, number: int, announcement: Announcement) -> Markup:
    """Return an announcement to come: its number in the list, when, to whom, and its text."""
    head = Markup("<b>{}. {}</b>, {}").format(
        number,
        say_schedule(ctx, announcement.next_at or announcement.first_at, announcement.rule),
        say_group(ctx, announcement.audience, announcement.meeting_id),
    )
    return Markup("\n").join([head, Markup(announcement.text)])  # noqa: S704 - cleaned when stored
