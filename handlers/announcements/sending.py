"""A coordinator's hand on the sending of an announcement: pausing it, going on, ending it, sending again."""

from handlers.announcements.progress import WAITING, count_in
from handlers.announcements.reading import show_announcements
from handlers.announcements.wording import announcements_option
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.fields import is_id
from handlers.dialogue.message import Option
from storage import announcements, deliveries, runs
from storage.runs import Run, RunState


def pause_sending(ctx: Context, arguments: str) -> None:
    """Let nothing more of a run leave until it is resumed; one that is over stays as it is."""
    run = _get_run(ctx, arguments)
    if run.is_under_way and run.paused_at is None:
        runs.set_run_paused(ctx.session, run, ctx.now)
    _show(ctx, run)


def resume_sending(ctx: Context, arguments: str) -> None:
    """Let a paused run go on."""
    run = _get_run(ctx, arguments)
    if run.is_under_way:
        runs.set_run_resumed(ctx.session, run)
        ctx.stirred = True
    _show(ctx, run)


def end_sending(ctx: Context, arguments: str) -> None:
    """End a run, "NUMBER yes" after asking back: who has not got it by then does not get it any more."""
    number, _, sure = arguments.partition(" ")
    run = _get_run(ctx, number)
    if run.is_under_way and sure != "yes":
        _ask_whether_to_end(ctx, run)
        return
    if run.is_under_way:
        runs.set_run_stopped(ctx.session, run)
    _show(ctx, run)


def send_again(ctx: Context, arguments: str) -> None:
    """Send a run once more to those of whom it is not known whether they got it."""
    run = _get_run(ctx, arguments)
    may = run.is_under_way or run.state is RunState.DONE
    if may and deliveries.set_unknown_pending(ctx.session, run.id, ctx.now):
        runs.set_run_reopened(ctx.session, run)
        ctx.stirred = True
    _show(ctx, run)


def _get_run(ctx: Context, number: str) -> Run:
    """Return the run with this number, locked."""
    found = runs.get_run(ctx.session, int(number)) if is_id(number) else None
    if found is None:
        raise UserError(ctx.t("There is no such announcement."), announcements_option(ctx.t))
    return found


def _show(ctx: Context, run: Run) -> None:
    """Show what has become of a run."""
    show_announcements(ctx, _place(ctx, run))


def _place(ctx: Context, run: Run) -> str:
    """Return the arguments with which `show_announcements` shows a run."""
    newest = announcements.list_past_runs(ctx.session, ctx.person, limit=1)[0]
    return "" if newest.id == run.id else str(run.id + 1)


def _ask_whether_to_end(ctx: Context, run: Run) -> None:
    """Ask back, with the number of those who will not get the announcement."""
    counts = deliveries.count_states(ctx.session, [run.id])[run.id]
    question = ctx.t.plural(
        "End the sending? {count} person has not got the announcement yet and will not get it.",
        "End the sending? {count} people have not got the announcement yet and will not get it.",
        count_in(counts, *WAITING),
    )
    ctx.revise(
        question,
        Option(str(ctx.t("Yes, end it")), f"/end_sending {run.id} yes"),
        Option(str(ctx.t("No, back")), f"/announcements {_place(ctx, run)}".strip()),
    )
