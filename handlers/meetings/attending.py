"""What everybody does with meetings: look at them and say whether they come."""

from collections.abc import Sequence

from markupsafe import Markup

from handlers.dialogue.context import Context, UserError
from handlers.dialogue.dates import say_day
from handlers.dialogue.fields import is_id
from handlers.dialogue.forms import open_form
from handlers.dialogue.message import Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import N_
from handlers.meetings.card import YOUR_ANSWER, coming_meeting, describe, list_option, rsvp_options
from handlers.profile import NAME_FORM
from storage import meetings
from storage.meetings import Answer, Meeting

PAGED = 20
"""How many coming meetings can be paged through."""

CONFIRMED = {
    Answer.YES: N_("Saved: you are coming."),
    Answer.MAYBE: N_("Saved: you may come."),
    Answer.NO: N_("Saved: you are not coming."),
}


def show_meetings(ctx: Context, arguments: str) -> None:
    """Show the next meeting, or the one whose number is given, with ways to those before and after it."""
    coming = meetings.list_coming_meetings(ctx.session, ctx.now, PAGED)
    if not coming:
        text = ctx.t("No meeting is planned at the moment. When one is, it will be shown here.")
        new = Option(str(ctx.t("Plan a meeting")), "/new_meeting")
        ctx.revise(text, *([new] if ctx.person.coordinates else []), menu_option(ctx))
        return
    shown = coming[0]
    if arguments:
        shown = coming_meeting(ctx, arguments)
    _show(ctx, shown, coming)


def rsvp(ctx: Context, arguments: str) -> None:
    """Record whether the person comes: "NUMBER yes", "NUMBER maybe" or "NUMBER no"."""
    number, _, word = arguments.partition(" ")
    if word not in set(Answer) or not is_id(number):
        raise UserError(ctx.t("Please answer with the buttons under a meeting."), list_option(ctx.t))
    meeting, answer = coming_meeting(ctx, number), Answer(word)
    if answer is Answer.YES and _is_full_for(ctx, meeting):
        text = ctx.t("No places are left. You can still say “Maybe”: then the coordinator knows.")
        raise UserError(text, *rsvp_options(ctx.t, meeting.id))
    meetings.set_answer(ctx.session, meeting.id, ctx.conversation.account, answer, ctx.now)
    coming = meetings.list_coming_meetings(ctx.session, ctx.now, PAGED)
    _show(ctx, meeting, coming, ctx.t(CONFIRMED[answer]))
    nameless = not ctx.person.name and answer is not Answer.NO
    if nameless and ctx.incoming.private and not ctx.conversation.form:
        open_form(ctx, NAME_FORM)


def manage_meeting(ctx: Context, arguments: str) -> None:
    """Show the coordinator what can be done about a meeting."""
    meeting = coming_meeting(ctx, arguments)
    ctx.revise(
        describe(ctx.session, ctx.t, meeting, ctx.now),
        Option(str(ctx.t("Attendance list")), f"/attendance {meeting.id}"),
        Option(str(ctx.t("Change")), f"/edit_meeting {meeting.id}"),
        Option(str(ctx.t("Call off")), f"/cancel_meeting {meeting.id}"),
        Option(str(ctx.t("Plan another one")), "/new_meeting"),
        Option(str(ctx.t("Back")), f"/meetings {meeting.id}"),
    )


def _show(ctx: Context, meeting: Meeting, coming: Sequence[Meeting], confirmed: Markup | None = None) -> None:
    """Show a meeting with the person's own reply, or what was just saved as such."""
    answer = meetings.get_answer(ctx.session, meeting.id, ctx.person.id)
    card = describe(ctx.session, ctx.t, meeting, ctx.now)
    if not ctx.incoming.private:
        parts = [card]  # one person's answer is nothing for the others
    else:
        parts = [confirmed, card] if confirmed else [card, ctx.t(YOUR_ANSWER[answer])]
    options = rsvp_options(ctx.t, meeting.id) + _ways_on(ctx, meeting, coming)
    ctx.revise(Markup("\n\n").join(parts), *options)


def _ways_on(ctx: Context, meeting: Meeting, coming: Sequence[Meeting]) -> list[Option]:
    """Return the ways to the meetings before and after one, and to what a coordinator can do."""
    ids = [other.id for other in coming]
    here = ids.index(meeting.id) if meeting.id in ids else 0
    options = []
    if here > 0:
        day = say_day(coming[here - 1].starts_at, ctx.now, ctx.t)
        options.append(Option(str(ctx.t("Earlier: {day}", day=day)), f"/meetings {ids[here - 1]}"))
    if here + 1 < len(ids):
        day = say_day(coming[here + 1].starts_at, ctx.now, ctx.t)
        options.append(Option(str(ctx.t("Later: {day}", day=day)), f"/meetings {ids[here + 1]}"))
    if ctx.person.coordinates and ctx.incoming.private:
        options.append(Option(str(ctx.t("For the coordinator")), f"/manage_meeting {meeting.id}"))
    else:
        options.append(menu_option(ctx))
    return options


def _is_full_for(ctx: Context, meeting: Meeting) -> bool:
    """Return whether all places are taken by others."""
    if meeting.capacity is None:
        return False
    taken = meetings.count_answers(ctx.session, [meeting.id], Answer.YES).get(meeting.id, 0)
    mine = meetings.get_answer(ctx.session, meeting.id, ctx.person.id) is Answer.YES
    return taken - mine >= meeting.capacity
