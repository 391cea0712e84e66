"""A domain with mailboxes becomes another name of another domain: what becomes of each of its addresses, before anything is written.

mailboxes/domain_joining.py writes it.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from aliases.access import CLOSED, MEMBERS
from aliases.access_rules import refuse_name_it_moved_to
from aliases.models import Alias
from aliases.refusals import refuse_role_address, refuse_taken
from aliases.targets import MAX_BYTES
from domains.services import check_new_alias_domain
from mailboxes.forwarding import is_away
from mailboxes.join_limits import errors_of_limits
from mailboxes.join_rows import Rows
from mailboxes.models import Mailbox
from mailboxes.services import set_name
from panel.addresses import MAX_ADDRESS, normalise_local_part, split_address, without_extension
from panel.changes import collected, refuse
from panel.formats import number

# Addresses: other changes wait for RoutingLock meanwhile.
MOST = 500
MOST_OF_A_REQUEST = 200
MOST_ASKED = 100  # names that a page asks about
NAMED = 10  # in an error
LEAVE, ADD, NAME = "leave", "add", "name"  # what becomes of an address whose name is taken


@dataclass
class Move:
    """``row``, a Mailbox or an Alias, gets the address of ``new``, which has no row yet. ``stays``: its old address is an alias afterwards."""

    row: Mailbox | Alias
    new: Mailbox | Alias
    stays: bool = False
    takes_over: bool = False


@dataclass
class Clash:
    """``row`` cannot have its name in the other domain: ``there`` has it. ``choices`` are what may become of it."""

    row: Mailbox | Alias
    there: Mailbox | Alias
    choices: tuple

    @property
    def name(self):
        return split_address(self.row.pk)[0]


@dataclass
class Plan:
    domain: object
    target: object
    mailboxes: list = field(default_factory=list)  # of Move
    aliases: list = field(default_factory=list)  # of Move
    same: list = field(default_factory=list)  # aliases that the alias domain replaces
    added: list = field(default_factory=list)  # (alias, the one that gets its recipients)
    left: list = field(default_factory=list)  # aliases that stay as they are
    catch_all: Alias | None = None
    clashes: list = field(default_factory=list)

    @property
    def moves(self):
        return [*self.mailboxes, *self.aliases]


def check_joining(*, actor, domain, target, names=None, add=(), leave=(), most=MOST, lock=False):
    """Return the Plan. Raises all errors at once; both Domains come with their counters. ``lock``: in a transaction that writes it.

    Where a name is taken there, ``names`` has another local part for it; of an alias, ``add`` has the names whose recipients are added to
    the alias there, and ``leave`` those that stay addresses of their own.
    """
    _check_domains(domain, target, most)
    rows = Rows(domain, target, lock=lock)
    plan = plan_of(rows, domain, target)
    errors, answers = {}, _answers(names, add, leave)
    with collected(errors):
        _settle(plan, actor, answers)
    with collected(errors):
        check_room(plan)
    with collected(errors):
        _check_rows(plan, rows)
    refuse(errors)
    return plan


def clashes_of(domain, target, *, most=MOST):
    """The names that are taken there. Raises what speaks against the two domains."""
    _check_domains(domain, target, most)
    return plan_of(Rows(domain, target), domain, target).clashes


def _check_domains(domain, target, most):
    errors = {}
    with collected(errors):
        check_new_alias_domain(alias_domain=domain, target_domain=target)
    if "alias_domain" in errors:
        found = errors.pop("alias_domain")
        if any(error.code == "chain" for error in found):
            text = _("Alias domains lead to %(domain)s. Make them domains of their own first: what leads there goes on doing so.")  # fmt: skip
            found = [ValidationError(text, "alias_domains", {"domain": domain})]
        errors["__all__"] = found
    for field_name, row in (("__all__", domain), ("target_domain", target)):
        if not row.active:
            text = _("%(domain)s is off. Switch it on first.")
            errors.setdefault(field_name, []).append(ValidationError(text, "off", {"domain": row}))
        if not row.ends_here:
            text = _("Mail for %(domain)s is handed on to another server, so its addresses cannot be joined with others. Deliver it here first.")  # fmt: skip
            errors.setdefault(field_name, []).append(
                ValidationError(text, "handed_on", {"domain": row})
            )
    if max(domain.usage.mailboxes, domain.usage.alias_rows) > most:
        errors.setdefault("__all__", []).append(_too_many(domain, most))
    refuse(errors)


def _too_many(domain, most):
    text = ngettext(
        "%(domain)s has more than %(n)s address, which is all that joins another domain at once.",
        "%(domain)s has more than %(n)s addresses, which is all that join another domain at once.",
        most,
    )
    if most < MOST:
        text = _("%(domain)s has more than %(n)s addresses, which takes long: use the command “domain join”.")  # fmt: skip
    return ValidationError(text, "too_many", {"domain": domain, "n": number(most)})


def plan_of(rows, domain, target):
    """The Plan without answers."""
    plan = Plan(domain, target)
    for mailbox in rows.mailboxes:
        _plan_mailbox(plan, rows, mailbox)
    for alias in rows.aliases:
        _plan_alias(plan, rows, alias)
    return plan


def _plan_mailbox(plan, rows, mailbox):
    new = f"{split_address(mailbox.pk)[0]}@{plan.target.pk}"
    there = rows.there(new)
    over = there is not None and _leads_to(there, mailbox) and not rows.ends(there)
    if there is not None and not over:
        plan.clashes.append(Clash(mailbox, there, (NAME,)))
    else:
        named = _named(mailbox, plan.target, mailbox.local_part)
        plan.mailboxes.append(Move(mailbox, named, takes_over=over))


def _leads_to(there, mailbox):
    """Whether ``there`` is an alias that is nothing but another name of it: the mailbox can have this name."""
    return (
        isinstance(there, Alias)
        and mailbox.receives  # else the alias takes mail that the mailbox refuses
        and there.active
        and not there.access
        and [target.lower() for target in there.targets] == [mailbox.pk]
    )


def _named(mailbox, target, local_part):
    address = f"{local_part}@{target.pk}"
    return Mailbox(username=address, local_part=local_part, domain=target, quota=mailbox.quota)


def _plan_alias(plan, rows, alias):
    if alias.is_catch_all:
        plan.catch_all = alias
        return
    new = _renamed(alias, plan.target, split_address(alias.pk)[0])
    there = rows.there(new.pk)
    if there is None:
        # The extension of a name that is somebody else's there is theirs, too.
        bare = without_extension(new.pk)
        fits = _may_have(alias, new) and (bare == new.pk or rows.there(bare) is None)
        (plan.aliases if fits else plan.left).append(Move(alias, new) if fits else alias)
    elif _is_same(alias, there) and not rows.ends(alias, there):
        plan.same.append(alias)
    else:
        joins = _takes_recipients(alias, there) and not rows.ends(alias, there)
        plan.clashes.append(Clash(alias, there, (LEAVE, *((ADD,) if joins else ()), NAME)))


def _takes_recipients(alias, there):
    return (
        isinstance(there, Alias) and there.active and alias.active and _same_writers(alias, there)
    )


def _same_writers(alias, there):
    return (alias.access, alias.access_text) == (there.access, there.access_text)


def _renamed(alias, target, local_part):
    new = Alias(address=f"{local_part}@{target.pk}", domain=target)
    for name in ("goto", "description", "active", "created", "access", "access_text"):
        setattr(new, name, getattr(alias, name))
    return new


def _may_have(alias, new):
    """Whether it can have that name: it must not lead to itself then, nor have moved there."""
    targets = {target.lower() for target in alias.targets}
    if targets & {alias.pk, new.pk}:
        return False
    try:
        refuse_name_it_moved_to(new)
    except ValidationError:
        return False
    return True


def _is_same(alias, there):
    """Whether mail for it goes the same way without its row, by the alias domain."""
    targets = {target.lower() for target in alias.targets}
    if isinstance(there, Mailbox):
        open_to_all = not alias.access and there.receives
        return (
            alias.active
            and targets == {there.pk}
            and (open_to_all or (alias.access == CLOSED and not there.receives))
        )
    alike = _same_writers(alias, there)
    ways = ({there.pk}, {target.lower() for target in there.targets})
    return alias.active == there.active and alike and targets in ways


# --- Answers


def _answers(names, add, leave):
    """``{local part: (what, text)}``, or its errors."""
    given = [(name, (NAME, text)) for name, text in (names or {}).items()]
    given += [(name, (ADD, "")) for name in add] + [(name, (LEAVE, "")) for name in leave]
    answers = {}
    for name, answer in given:
        answers.setdefault(name.strip().lower(), []).append(answer)
    return answers


def _settle(plan, actor, answers):
    errors, given = [], dict(answers)
    used = {move.new.pk for move in plan.moves}
    for clash in plan.clashes:
        with _about(clash.name, errors):
            _answer(plan, actor, used, clash, given.pop(clash.name, []))
    for name in given:
        with _about(name, errors):
            text = _("Nothing needs an answer there. Is the name right?")
            raise ValidationError(text, "no_clash")
    if errors:
        raise ValidationError({"names": errors})


@contextmanager
def _about(name, errors):
    """Add the block's errors to ``errors``, each with the name that it is about, and as a form shows it beside the name's own field."""
    try:
        yield
    except ValidationError as error:
        by_field = getattr(error, "error_dict", {"": error.error_list})
        for one in (one for found in by_field.values() for one in found):
            text = _("%(name)s: %(reason)s")
            params = {"name": name, "reason": one.messages[0]}
            errors.append(ValidationError(text, one.code, params))


def _answer(plan, actor, used, clash, said):
    if not said or not clash.row.active:
        raise what_to_answer(clash)
    if len(said) > 1:
        raise ValidationError(_("Choose one of them."), "several")
    what, text = said[0]
    if what not in clash.choices and what == ADD and LEAVE in clash.choices:
        raise _takes_none(clash)
    if what not in clash.choices:
        text = _("%(address)s is a mailbox: enter another name for it.")
        raise ValidationError(text, "mailbox", {"address": clash.row})
    if what == LEAVE:
        plan.left.append(clash.row)
    elif what == ADD:
        plan.added.append((clash.row, clash.there))
        if len(with_recipients(plan, clash.there).encode()) > MAX_BYTES:
            text = _("%(address)s has so many recipients that no more have room among them.")
            raise ValidationError(text, "too_long", {"address": clash.there})
    else:
        move = _move_to(plan, actor, clash.row, text)
        is_mailbox = isinstance(clash.row, Mailbox)
        if move.new.pk in used:
            text = _("Another address gets the name %(address)s. Choose another one.")
            raise ValidationError(text, "taken", {"address": move.new})
        refuse_taken(move.new.pk, wanted="mailbox" if is_mailbox else "alias")
        used.add(move.new.pk)
        (plan.mailboxes if is_mailbox else plan.aliases).append(move)


def _takes_none(clash):
    """The error why the alias there gets no recipients."""
    params = {"address": clash.there, "row": clash.row}
    if not isinstance(clash.there, Alias) or not clash.there.active:
        text = _("%(address)s is no alias that is on, so it gets no recipients. Choose something else.")  # fmt: skip
        return ValidationError(text, "no_alias", params)
    if _same_writers(clash.row, clash.there):
        text = _("%(address)s or %(row)s has a last day, so they cannot be one. Choose something else, or remove it first.")  # fmt: skip
        return ValidationError(text, "ending", params)
    text = _("Who may write to %(address)s differs from who may write to %(row)s, so it gets no recipients of that. Choose something else, or make both alike first.")  # fmt: skip
    return ValidationError(text, "other_writers", params)


def what_to_answer(clash):
    """The error while nobody has said what becomes of it, or nothing can."""
    params = {"old": clash.row, "new": clash.there}
    if not clash.row.active:
        text = _("%(old)s is off, and mail to it would go to %(new)s. Switch it on or delete it first.")  # fmt: skip
        return ValidationError(text, "off", params)
    if isinstance(clash.row, Mailbox):
        text = _("%(old)s is a mailbox, and %(new)s exists, too. Enter another name for the mailbox.")  # fmt: skip
    else:
        text = _("%(old)s and %(new)s exist and differ. Choose what becomes of %(old)s.")
    return ValidationError(text, "clash", params)


def with_recipients(plan, there):
    """``goto`` of the alias ``there`` with what is added to it. Its own name in the other domain is itself from then on."""
    added = [alias for alias, into in plan.added if into.pk == there.pk]
    itself = {there.pk, *(alias.pk for alias in added)}
    found = [target for row in (there, *added) for target in row.targets]
    return ",".join(dict.fromkeys(target for target in found if target.lower() not in itself))


def _move_to(plan, actor, row, text):
    text = text.strip().removesuffix(f"@{plan.target.pk}")
    if isinstance(row, Mailbox):
        new = Mailbox(domain=plan.target, quota=row.quota)
        set_name(new, actor, text)
    else:
        name = normalise_local_part(text)
        refuse_role_address(actor, name)
        new = _renamed(row, plan.target, name)
        new.clean()
        if not _may_have(row, new):
            text = _("This alias leads to %(address)s, so it cannot have that name.")
            raise ValidationError(text, "itself", {"address": new})
    return Move(row, new, stays=True)


# --- Room


def check_room(plan):
    target = plan.target
    waiting = [clash.row for clash in plan.clashes if isinstance(clash.row, Mailbox)]
    waiting = [row for row in waiting if row not in [move.row for move in plan.mailboxes]]
    boxes = [move.row for move in plan.mailboxes] + waiting
    over = sum(move.takes_over for move in plan.mailboxes)
    errors = errors_of_limits(target, mailboxes=boxes, aliases=len(plan.aliases), over=over)
    if errors:
        raise ValidationError({"target_domain": errors})


def _check_rows(plan, rows):
    errors = []
    for move in plan.moves:
        if len(move.new.pk) > MAX_ADDRESS:
            text = _("%(address)s: an address has at most %(n)d characters.")
            params = {"address": move.row, "n": MAX_ADDRESS}
            errors.append(ValidationError(text, "too_long", params))
        if isinstance(move.row, Mailbox) and is_away(rows.own.get(move.row.pk)):
            text = _("%(address)s: an away message of PostfixAdmin answers for it. End it on its page first.")  # fmt: skip
            errors.append(ValidationError(text, "away", {"address": move.row}))
    for alias in rows.aliases:
        if alias.pk in {target.lower() for target in alias.targets}:
            text = _("%(address)s: an alias that leads to itself. Take it out of its recipients first.")  # fmt: skip
            errors.append(ValidationError(text, "itself", {"address": alias}))
    for name in _extensions_there(plan, rows):
        text = _("%(new)s is an address of its own there, and would take the mail to %(old)s, which goes elsewhere now. Delete it, or give it another name first.")  # fmt: skip
        params = {"new": name, "old": f"{split_address(name)[0]}@{plan.domain.pk}"}
        errors.append(ValidationError(text, "extension", params))
    if errors:
        raise ValidationError(errors[:NAMED])


def _extensions_there(plan, rows):
    """Aliases there for one extension of a name that is here too, without that extension."""
    here = {split_address(row.pk)[0] for row in [*rows.mailboxes, *rows.aliases]}
    there = Alias.objects.filter(domain=plan.target.pk, is_self_alias=False)
    there = there.filter(pk__contains=settings.RECIPIENT_DELIMITER).values_list("pk", flat=True)
    names = ((name, split_address(name)[0], split_address(without_extension(name))[0]) for name in there)  # fmt: skip
    return sorted(name for name, whole, bare in names if bare != whole and bare in here and whole not in here)  # fmt: skip


def for_members(move):
    return move.new.access == MEMBERS
