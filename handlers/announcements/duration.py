"""How long it takes to send an announcement: the platforms limit how fast the bot may write."""

from collections.abc import Mapping
from datetime import timedelta

from markupsafe import Markup

from handlers.dialogue.context import Context
from handlers.dialogue.dates import say_day, say_duration, say_time
from storage import backlog
from storage.announcements import PastRun
from storage.runs import RunState

WORTH_SAYING = 60.0
"""What takes no longer (seconds) is as good as at once."""


def say_how_long(ctx: Context, counts: Mapping[str, int]) -> Markup | None:
    """Return how long it takes to send so many messages, by channel; None when hardly any time."""
    seconds = _seconds(ctx, counts)
    if seconds <= WORTH_SAYING:
        return None
    return ctx.t("Sending takes about {duration}.", duration=say_duration(seconds, ctx.t))


def say_end(ctx: Context, run: PastRun) -> Markup | None:
    """Return when a run will be sent to everybody; None when at once or when that is not known."""
    if run.state is not RunState.FILLED:
        return None
    seconds = _seconds(ctx, backlog.count_ahead(ctx.session, run.id))
    if seconds <= WORTH_SAYING:
        return None
    end, zone = ctx.now + timedelta(seconds=seconds), ctx.site.zone
    if end.astimezone(zone).date() == ctx.now.astimezone(zone).date():
        return ctx.t("It will be done at about {time}.", time=say_time(end, ctx.t))
    day = say_day(end, ctx.now, ctx.t)
    return ctx.t("It will be done on {day}, at about {time}.", day=day, time=say_time(end, ctx.t))


def _seconds(ctx: Context, counts: Mapping[str, int]) -> float:
    """Return how long it takes to send so many messages: the channels send side by side."""
    paces = ctx.site.paces
    return max((count / paces[channel] for channel, count in counts.items() if channel in paces), default=0.0)
