"""Sending announcements when they are due: the rows that the clock writes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup

from handlers.announcements.wording import announcements_option, compose
from handlers.dialogue.context import Site, notify
from handlers.dialogue.dates import say_moment
from handlers.dialogue.message import Outgoing
from handlers.dialogue.recurrence import next_after
from handlers.dialogue.texts import LOCALES, Texts, texts_for
from storage import announcements, people
from storage.announcements import Announcement, Run, RunState
from storage.database import Session
from storage.people import Person

LATEST = timedelta(hours=6)
"""How late an announcement is still sent; later it is skipped and the coordinators are told."""


def publish_due(session: Session, now: datetime, site: Site) -> bool:
    """Turn due announcements into runs; return whether there may be more to do at once."""
    due = announcements.list_due_announcements(session, now)
    for announcement in due:
        _publish(session, announcement, now, site)
    return bool(due)


def fill_runs(session: Session, now: datetime, _site: Site) -> bool:
    """Write a page of the deliveries of a run which is being filled; return whether there is more."""
    filling = announcements.list_filling_runs(session)
    if not filling:
        return False
    announcements.add_run_deliveries(session, filling[0].id, now)
    return True


def _publish(session: Session, announcement: Announcement, now: datetime, site: Site) -> None:
    """Claim one due announcement as a run with its message in every language."""
    due_at = announcement.next_at or now
    late = now - due_at > LATEST
    state = RunState.SKIPPED if late else RunState.FILLING
    run = announcements.claim_run(session, announcement, _following(announcement, now), state)
    if run is None:
        return
    if late:
        _tell_skipped(session, run, now, site)
        return
    text = Markup(announcement.text)  # noqa: S704 - cleaned before it was stored
    bodies = {
        locale: compose(text, texts_for(locale, site.zone), announcement.meeting_id).to_json()
        for locale in LOCALES
    }
    announcements.add_contents(session, run.id, bodies)


def _following(announcement: Announcement, now: datetime) -> datetime | None:
    """Return when a repeated announcement is due next."""
    if announcement.rule is None:
        return None
    zone = ZoneInfo(announcement.zone)
    local = announcement.first_at.astimezone(zone).replace(tzinfo=None)
    return next_after(announcement.rule, local, zone, max(now, announcement.next_at or now).astimezone(UTC))


def _tell_skipped(session: Session, run: Run, now: datetime, site: Site) -> None:
    """Tell the coordinators that an announcement was not sent."""

    def compose_notice(_person: Person, t: Texts) -> Outgoing:
        text = t(
            "An announcement was not sent: the bot was not running at its time, {moment}.",
            moment=say_moment(run.due_at, now, t),
        )
        return Outgoing(text, (announcements_option(t),))

    notify(session, people.list_coordinators(session), compose_notice, site, now)
