"""Joining the cluster: how one does, the application, and the coordinator's decision."""

import re
from datetime import timedelta

from markupsafe import Markup

from handlers.dialogue.command import Command, Role
from handlers.dialogue.context import Context, UserError
from handlers.dialogue.fields import is_id, line_field, name_field, read_line, show_text
from handlers.dialogue.form import Field, Form, Values
from handlers.dialogue.forms import open_form, show_values
from handlers.dialogue.message import Option
from handlers.dialogue.router import menu_option
from handlers.dialogue.texts import N_, Texts
from handlers.dialogue.trace import Effect
from handlers.questions.answers import ACCEPTED
from storage import applications, limits, links, organisations, people
from storage.applications import Application, Decision, Draft
from storage.limits import Rate

MAX_LINE = 120

TOGETHER = Rate(burst=20, interval=timedelta(minutes=1))
"""How fast applications may come in all: each is put before every coordinator."""

EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]{2,}")
# What people leave out when they ask for a firm.
LEGAL_FORM = re.compile(r",?\s*(?:sp\.? ?z ?o\.? ?o\.?|s\. ?a\.|SA|sp\. ?[jkp]\.)$", re.IGNORECASE)
PHONE = re.compile(r"\+?(?:[\s()/-]*[0-9]){9,15}")


def join(ctx: Context, _arguments: str) -> None:
    """Say what the cluster is and how one joins."""
    waiting = applications.get_waiting_application(ctx.session, ctx.person.id)
    if waiting is not None and ctx.incoming.private:
        text = ctx.t("Your application for {name} is waiting for the coordinator.", name=waiting.organisation)
        ctx.revise(text, menu_option(ctx))
        return
    text = ctx.t(
        "Membership is open: whoever wants to join is welcome.\n\n"
        "The Cluster is a network of permanent co-operation, technical and organisational, in the public "
        "services of Częstochowa and its region: transport, water, power, gas, heat, internet, waste, "
        "environment. It is co-ordinated by Regionalna Izba Przemysłowo-Handlowa w Częstochowie.\n\n"
        "To join, fill in a short application here (four questions) or contact the Chamber’s office."
    )
    ctx.revise(text, Option(str(ctx.t("Fill in the application")), "/apply"), menu_option(ctx))


def apply(ctx: Context, _arguments: str) -> None:
    """Begin an application, unless one is waiting already."""
    if applications.get_waiting_application(ctx.session, ctx.person.id) is not None:
        join(ctx, "")
    else:
        open_form(ctx, APPLICATION_FORM)


def list_applications(ctx: Context, _arguments: str) -> None:
    """Show the coordinator the applications that wait, each with its options."""
    waiting = applications.list_waiting_applications(ctx.session)
    if not waiting:
        ctx.revise(ctx.t("No application is waiting."), menu_option(ctx))
    for application in waiting:
        ctx.reply(_describe(ctx, application, ctx.t), *_decision_options(ctx.t, application))


def tell_of_waiting(ctx: Context) -> None:
    """Tell a new coordinator about the applications that wait."""
    if applications.list_waiting_applications(ctx.session, 1):
        option = Option(str(ctx.t("Applications")), "/applications")
        ctx.reply(ctx.t("Applications to join are waiting for you."), option)


def accept(ctx: Context, arguments: str) -> None:
    """Make the applicant a member of the organisation named in the application with this number."""
    application = _waiting(ctx, arguments)
    name = application.organisation
    aliases = dict.fromkeys((name, LEGAL_FORM.sub("", name).strip() or name))
    organisation = organisations.ensure_organisation(ctx.session, name, ACCEPTED, tuple(aliases))
    applicant = people.get_person(ctx.session, application.person_id)
    if applicant is not None:
        applicant.organisation_id = organisation.id
        links.keep_membership(ctx.session, application.account_id, organisation.id)
        applicant.name = applicant.name or application.contact_person
    _decide(ctx, application, Decision.ACCEPTED)
    _show_decided(ctx, application, ctx.t("Accepted. The applicant was told."))


def refuse(ctx: Context, arguments: str) -> None:
    """Refuse the application with this number, "NUMBER yes" after asking back."""
    number, _, sure = arguments.partition(" ")
    application = _waiting(ctx, number)
    if sure != "yes":
        yes = Option(str(ctx.t("Yes, refuse")), f"/refuse {application.id} yes")
        accept_instead = Option(str(ctx.t("No, accept it")), f"/accept {application.id}")
        later = Option(str(ctx.t("Decide later")), "/applications")
        text = ctx.t(
            "Refuse the application of {name}? The applicant will be told.", name=application.organisation
        )
        ctx.revise(text, yes, accept_instead, later)
        return
    _decide(ctx, application, Decision.REFUSED)
    _show_decided(ctx, application, ctx.t("Refused. The applicant was told."))


def _show_decided(ctx: Context, application: Application, decided: Markup) -> None:
    """Show what was decided, and the application with its contact still below."""
    options = (Option(str(ctx.t("Applications")), "/applications"), menu_option(ctx))
    ctx.revise(Markup("\n\n").join([decided, _describe(ctx, application, ctx.t)]), *options)


def _waiting(ctx: Context, number: str) -> Application:
    """Return the application with this number; raises UserError when it does not wait any more."""
    application = applications.get_application(ctx.session, int(number)) if is_id(number) else None
    if application is None or application.decision is not Decision.WAITING:
        more = Option(str(ctx.t("Applications")), "/applications")
        raise UserError(ctx.t("There is no such application waiting; perhaps it was decided already."), more)
    return application


def _decide(ctx: Context, application: Application, decision: Decision) -> None:
    """Record a decision and tell the applicant."""
    applications.set_decision(ctx.session, application, decision, by=ctx.person.id, now=ctx.now)
    applicant = people.get_person(ctx.session, application.person_id)
    name = application.organisation

    def say(t: Texts) -> Markup:
        if decision is Decision.ACCEPTED:
            return t(
                "Your application was accepted: you now belong to the Cluster with {name}. Welcome!",
                name=name,
            )
        return t(
            "Your application for {name} was not accepted. The Chamber’s office will gladly say why.",
            name=name,
        )

    if applicant is not None:
        ctx.tell(
            applicant,
            say,
            lambda t: [Option(str(t("Meetings")), "/meetings"), Option(str(t("Menu")), "/help")],
        )


def _describe(ctx: Context, application: Application, t: Texts) -> Markup:
    """Return an application as the coordinator reads it."""
    known = organisations.get_organisation_called(ctx.session, application.organisation)
    lines = [
        t("<b>An application to join: {name}</b>", name=application.organisation),
        t("Contact person: {name}", name=application.contact_person),
        t("Contact: {contact}", contact=application.contact),
        t("Area: {area}", area=application.area),
    ]
    if known is not None and application.decision is Decision.WAITING:
        lines.append(t("This organisation is in the directory already: check that the person speaks for it."))
    return Markup("\n").join(lines)


def _decision_options(t: Texts, application: Application) -> list[Option]:
    """Return what a coordinator can do with an application."""
    return [
        Option(str(t("Accept")), f"/accept {application.id}"),
        Option(str(t("Refuse")), f"/refuse {application.id}"),
    ]


def _read_contact(ctx: Context, text: str) -> str:
    """Return an e-mail address or a telephone number; raises UserError for anything else."""
    contact = read_line(ctx, text, MAX_LINE)
    if EMAIL.fullmatch(contact) or PHONE.fullmatch(contact):
        return contact
    raise UserError(ctx.t("Please write an e-mail address or a telephone number with at least nine digits."))


def _submit(ctx: Context, values: Values) -> None:
    """Store an application and put it before the coordinators."""
    if values["consent"] != "yes" or applications.get_waiting_application(ctx.session, ctx.person.id):
        raise UserError(ctx.t("An application of yours is waiting already."), menu_option(ctx))
    if not limits.take(ctx.session, "applications", TOGETHER, ctx.now):
        raise UserError(
            ctx.t("Many applications are coming in just now. Please send yours in a few minutes.")
        )
    draft = Draft(values["organisation"], values["contact_person"], values["contact"], values["area"])
    application = applications.add_application(ctx.session, draft, ctx.conversation.account, ctx.now)
    for coordinator in people.list_coordinators(ctx.session):
        ctx.tell(
            coordinator,
            lambda t: _describe(ctx, application, t),
            lambda t: _decision_options(t, application),
        )
    ctx.revise(
        ctx.t("Thank you, the application is saved. I will write when it is decided."),
        menu_option(ctx),
    )


APPLICATION_FORM = Form(
    name="application",
    title=N_("Application to join the Cluster"),
    fields=(
        name_field(
            "organisation",
            N_("Organisation"),
            N_("Which organisation wants to join? Please write its full name."),
            MAX_LINE,
        ),
        name_field(
            "contact_person",
            N_("Contact person"),
            N_("Who is the contact person? First and last name, please."),
            MAX_LINE,
        ),
        Field(
            name="contact",
            label=N_("E-mail or telephone"),
            ask=lambda ctx, _: ctx.t("Which e-mail address or telephone number can the office use?"),
            read=_read_contact,
            show=show_text,
        ),
        line_field(
            "area",
            N_("Area of interest"),
            N_("Which area interests you most? For example: water, energy, transport, waste."),
            MAX_LINE,
        ),
        Field(
            name="consent",
            label=N_("Consent"),
            ask=lambda ctx, _: ctx.t(
                "May the Chamber keep these data to deal with the application? "
                "What is kept and why is written under /privacy."
            ),
            choices=lambda ctx, _: [(ctx.t("I agree"), "yes")],
            show=lambda ctx, _: ctx.t("given"),
        ),
    ),
    summarise=show_values,
    submit=_submit,
    confirm=lambda _: N_("Send the application"),
)

COMMANDS = (
    Command("dolacz", "join", join, N_("How to join the Cluster"), in_groups=True),
    Command("zglos", "apply", apply),
    Command("zgloszenia", "applications", list_applications, N_("Applications to join"), Role.COORDINATOR),
    Command("przyjmij", "accept", accept, role=Role.COORDINATOR, effect=Effect.LASTS),
    Command("odmow", "refuse", refuse, role=Role.COORDINATOR, effect=Effect.LASTS),
)

FORMS = (APPLICATION_FORM,)
