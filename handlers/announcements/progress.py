"""How far the sending of an announcement has come: in words, and what a coordinator may do about it."""

from collections.abc import Mapping

from markupsafe import Markup

from handlers.announcements.duration import say_end
from handlers.dialogue.context import Context
from handlers.dialogue.message import Option
from handlers.dialogue.texts import N_
from storage.announcements import PastRun
from storage.deliveries import State
from storage.runs import UNDER_WAY, RunState

Counts = Mapping[State, int]
"""How many deliveries of a run are in which state."""

WAITING = (State.PENDING, State.CLAIMED, State.SENDING)

OUTCOMES = (
    (N_("delivered: {count}"), (State.SENT,)),
    (N_("failed: {count}"), (State.FAILED,)),
    (N_("unreachable: {count}"), (State.UNREACHABLE,)),
    (N_("arrival not known: {count}"), (State.UNKNOWN,)),
)


def say_progress(ctx: Context, run: PastRun, counts: Counts) -> Markup:
    """Return how far a run has come, how many deliveries came to what, and about when it will be done.

    What none came to is left out.
    """
    if run.state is RunState.SKIPPED:
        return ctx.t("Not sent: the bot was not running at that time.")
    said, waiting = _say_state(run)
    lines = [
        str(ctx.t(message, count=total))
        for message, states in (*OUTCOMES, (waiting, WAITING))
        if (total := count_in(counts, *states)) or State.SENT in states
    ]
    numbers = Markup("{}.").format(", ".join(lines)).capitalize()
    parts = [Markup("<b>{}</b>").format(ctx.t(said)), numbers, say_end(ctx, run)]
    return Markup(" ").join(part for part in parts if part is not None)


def count_in(counts: Counts, *states: State) -> int:
    """Return how many deliveries are in any of these states."""
    return sum(counts.get(state, 0) for state in states)


def progress_options(ctx: Context, run: PastRun, counts: Counts) -> list[Option]:
    """Return what a coordinator may do about a run now; nothing when all is said and done."""
    t, options = ctx.t, list[Option]()
    if run.state in UNDER_WAY and run.paused_at is None:
        options.append(Option(str(t("Pause")), f"/pause_sending {run.id}"))
    elif run.state in UNDER_WAY:
        options.append(Option(str(t("Resume")), f"/resume_sending {run.id}"))
    if run.state in UNDER_WAY:
        options.append(Option(str(t("End sending")), f"/end_sending {run.id}"))
    unknown = count_in(counts, State.UNKNOWN)
    if unknown and run.state is not RunState.STOPPED:
        label = t("Send again ({count})", count=unknown)
        options.append(Option(str(label), f"/send_again {run.id}"))
    return options


def _say_state(run: PastRun) -> tuple[str, str]:
    """Return the message ids that say how far a run has come, and what those not yet sent do meanwhile."""
    if run.state is RunState.DONE:
        return N_("Sent."), N_("on the way: {count}")
    if run.state is RunState.STOPPED:
        return N_("Ended early."), N_("not sent: {count}")
    if run.paused_at is not None:
        return N_("Paused."), N_("waiting: {count}")
    return N_("Being sent."), N_("on the way: {count}")
