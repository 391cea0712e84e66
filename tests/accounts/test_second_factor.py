"""Second factors: each code is taken once, and who knows the password alone gets nowhere."""

import pyotp
import pytest

from accounts import factors, totp
from accounts.factor_exceptions import add_exception
from accounts.models import Adoption, FactorException, LogEntry, RecoveryCode, SecondFactor
from accounts.services import delete_admin
from aliases.models import Alias
from domains.services import delete_domain
from mailboxes.models import Mailbox
from mailboxes.renaming import rename_mailbox
from mailboxes.services import delete_mailbox
from tests.codes import NOW, code
from tests.refusals import refused

pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def joe(add_mailbox, example_org):
    return add_mailbox("joe@example.org")


def test_a_code_is_taken_once(joe, shows):
    secret = shows(joe)

    factors.use(joe, code(secret))

    with refused("wrong_code"):
        factors.use(joe, code(secret))


@pytest.mark.parametrize("steps", [-1, 1])
def test_a_clock_may_be_one_step_off(steps, joe, shows):
    secret = shows(joe)

    factors.use(joe, code(secret, steps))

    assert SecondFactor.objects.get().last_step == NOW // 30 + steps


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_clock_may_not_be_two_steps_off(steps, joe, shows):
    secret = shows(joe)

    with refused("wrong_code"):
        factors.use(joe, code(secret, steps))


def test_after_a_code_no_earlier_one_is_taken(joe, shows):
    secret = shows(joe)
    factors.use(joe, code(secret))

    with refused("wrong_code"):
        factors.use(joe, code(secret, -1))

    factors.use(joe, code(secret, 1))


@pytest.mark.parametrize(
    "text", ["", "000", "12345678", "１２３４５６", "abcd-efgh-jkmn-pqrs", "\0"]
)
def test_what_is_no_code_is_a_wrong_one(text, joe, shows):
    shows(joe)

    with refused("wrong_code"):
        factors.use(joe, text)


def test_the_code_of_somebody_else_is_a_wrong_one(joe, add_mailbox, make_admin, shows):
    shows(joe)
    others = [shows(add_mailbox("ann@example.org")), shows(make_admin("joe@example.org"))]

    for secret in others:
        with refused("wrong_code"):
            factors.use(joe, code(secret))


def test_an_administrator_and_a_mailbox_of_one_name_have_a_factor_each(joe, make_admin, shows):
    admin = make_admin("joe@example.org")
    mine, admins = shows(joe), shows(admin)

    factors.use(joe, code(mine))
    factors.use(admin, code(admins))

    assert sorted(SecondFactor.objects.values_list("kind", flat=True)) == ["admin", "mailbox"]


def test_blanks_in_a_code_do_not_matter(joe, shows):
    digits = code(shows(joe))

    factors.use(joe, f" {digits[:3]} {digits[3:]} ")

    assert SecondFactor.objects.count() == 1


# --- What is stored


def test_the_secret_is_encrypted_and_fits_the_column(joe, settings):
    for secret in (pyotp.random_base32(), pyotp.random_base32(103)):  # PostfixAdmin's are this long
        stored = totp.encrypted(secret)
        assert secret not in stored
        assert len(stored) <= 255
        assert totp.decrypted(stored) == secret


def test_a_secret_too_long_to_be_encrypted_is_refused():
    lengths = [len(totp.encrypted("A" * number)) for number in range(totp.LONGEST + 1)]
    assert max(lengths) <= totp.WIDTH == Mailbox._meta.get_field("totp_secret").max_length

    for number in range(totp.LONGEST + 1, 250):
        with pytest.raises(ValueError, match="too long"):
            totp.encrypted("A" * number)


def test_a_secret_of_ours_is_never_too_long():
    assert len(totp.new_secret()) <= totp.LONGEST


def test_what_postfixadmin_stored_and_is_too_long_lets_in_and_stays(joe):
    secret = "A" * 200
    Mailbox.objects.update(totp_secret=secret)

    factors.use(joe, code(secret))

    assert Mailbox.objects.get().totp_secret == secret


def test_a_first_factor_key_still_reads_what_secret_key_encrypted(joe, shows, settings):
    secret = shows(joe)
    settings.FACTOR_KEYS = ["another-key-0123456789-" * 3]

    factors.use(joe, code(secret))

    assert totp.is_under_first_key(Mailbox.objects.get().totp_secret)


def test_another_key_reads_nothing_and_lets_nobody_in(joe, shows, settings):
    secret = shows(joe)
    settings.SECRET_KEY = "another-key-0123456789-" * 3

    assert totp.decrypted(joe.totp_secret) is None
    with refused("wrong_code"):
        factors.use(joe, code(secret))


def test_an_older_key_still_reads_and_the_next_code_stores_it_under_the_new_one(
    joe, shows, settings
):
    secret = shows(joe)
    settings.FACTOR_KEYS = ["another-key-0123456789-" * 3, settings.SECRET_KEY]

    factors.use(joe, code(secret))

    stored = Mailbox.objects.get().totp_secret
    assert totp.is_under_first_key(stored)
    settings.FACTOR_KEYS = settings.FACTOR_KEYS[:1]
    assert totp.decrypted(stored) == secret


def test_what_postfixadmin_stored_is_asked_for_and_then_encrypted(joe):
    Mailbox.objects.update(totp_secret="JBSWY3DPEHPK3PXP")

    factors.use(joe, code("JBSWY3DPEHPK3PXP"))

    stored = Mailbox.objects.get().totp_secret
    assert stored.startswith("gAAAA")
    assert totp.decrypted(stored) == "JBSWY3DPEHPK3PXP"


@pytest.mark.parametrize("told_by", ["the setting", "the adoption"])
def test_beside_postfixadmin_a_secret_stays_and_is_stored_in_clear(told_by, joe, settings):
    if told_by == "the setting":
        settings.POSTFIXADMIN_BESIDE = True
    else:
        Adoption.objects.create(old_tables="x")
    Mailbox.objects.update(totp_secret="JBSWY3DPEHPK3PXP")

    factors.use(joe, code("JBSWY3DPEHPK3PXP"))
    assert Mailbox.objects.get().totp_secret == "JBSWY3DPEHPK3PXP"

    Mailbox.objects.update(totp_secret=None)
    secret, _codes = set_up(joe)
    assert Mailbox.objects.get().totp_secret == secret


# --- Setting up, switching off


def set_up(account, current=""):
    """(secret, recovery codes)"""
    offer = totp.offer(account, pyotp.random_base32())
    secret, codes = totp.offered(account, offer)
    factors.switch_on(account=account, offer=offer, code=code(secret), current=current)
    return secret, codes


def test_nothing_is_on_before_a_right_code(joe):
    offer = totp.offer(joe, pyotp.random_base32())

    with refused("not_shown", field="code"):
        factors.switch_on(account=joe, offer=offer, code="123456")
    with refused("not_shown", field="code"):
        factors.switch_on(account=joe, offer=offer, code="１２３４５６")

    assert Mailbox.objects.get().totp_secret is None
    assert RecoveryCode.objects.count() == 0


def test_the_code_that_set_it_up_signs_nobody_in(joe):
    secret, _codes = set_up(joe)

    with refused("wrong_code"):
        factors.use(joe, code(secret))


def test_an_offer_to_somebody_else_or_of_an_hour_ago_is_refused(joe, add_mailbox, clock):
    ann = add_mailbox("ann@example.org")
    offer = totp.offer(ann, pyotp.random_base32())
    made_now = totp.offer(joe, pyotp.random_base32())

    for account, text in ((joe, offer), (joe, "x"), (joe, "")):
        with refused("too_old"):
            factors.switch_on(account=account, offer=text, code="123456")
    clock(NOW + 3_601)
    assert totp.offered(joe, made_now) is None


def test_ten_recovery_codes_are_stored_as_hashes_and_each_is_taken_once(joe):
    _secret, codes = set_up(joe)

    stored = list(RecoveryCode.objects.values_list("digest", flat=True))
    assert (len(set(codes)), len(set(stored))) == (10, 10)
    assert not set(codes) & set(stored)
    factors.use(joe, codes[0].upper().replace("-", " "))
    assert factors.codes_left(joe) == 9
    with refused("wrong_code"):
        factors.use(joe, codes[0])


def test_new_recovery_codes_replace_the_old(joe):
    secret, old = set_up(joe)
    offer = totp.offer(joe, "x")

    factors.renew_codes(account=joe, offer=offer, code=code(secret, 1))

    assert factors.codes_left(joe) == 10
    with refused("wrong_code"):
        factors.use(joe, old[0])
    factors.use(joe, totp.offered(joe, offer)[1][0])


def test_another_app_needs_a_code_of_the_one_before(joe):
    secret, codes = set_up(joe)

    with refused("wrong_code", field="current"):
        set_up(joe, current="123456")
    assert totp.decrypted(Mailbox.objects.get().totp_secret) == secret
    new, _codes = set_up(joe, current=codes[0])

    assert totp.decrypted(Mailbox.objects.get().totp_secret) == new
    with refused("wrong_code"):
        factors.use(joe, codes[1])


def test_switching_off_needs_a_code_and_takes_all_away(joe):
    _secret, codes = set_up(joe)

    with refused("wrong_code", field="code"):
        factors.switch_off(account=joe, code="123456")
    assert factors.is_on(Mailbox.objects.get())
    factors.switch_off(account=joe, code=codes[0])

    assert Mailbox.objects.get().totp_secret is None
    assert (RecoveryCode.objects.count(), SecondFactor.objects.count()) == (0, 0)


def test_a_reset_takes_all_away_and_nobody_resets_the_own(joe, make_admin):
    root = make_admin(superadmin=True)
    set_up(root)
    set_up(joe)

    with refused("oneself"):
        factors.reset(actor=root, account=root)
    factors.reset(actor=root, account=joe)

    assert Mailbox.objects.get().totp_secret is None
    assert list(RecoveryCode.objects.values_list("kind", flat=True).distinct()) == ["admin"]
    with refused("no_factor"):
        factors.reset(actor=root, account=joe)


def test_a_deleted_mailbox_leaves_no_code_to_the_next_of_its_name(joe, add_mailbox):
    set_up(joe)

    delete_mailbox(actor=None, mailbox=joe)

    assert (RecoveryCode.objects.count(), SecondFactor.objects.count()) == (0, 0)


def test_a_deleted_administrator_leaves_no_code_either(make_admin):
    make_admin(superadmin=True)
    admin = make_admin()
    set_up(admin)

    delete_admin(actor=None, admin=admin)

    assert (RecoveryCode.objects.count(), SecondFactor.objects.count()) == (0, 0)


def test_a_renamed_mailbox_keeps_its_second_factor(joe):
    secret, codes = set_up(joe)

    renamed = rename_mailbox(actor=None, mailbox=joe, local_part="joseph")

    factors.use(renamed, code(secret, 1))
    factors.use(renamed, codes[0])


def test_a_deleted_domain_leaves_no_code_of_its_mailboxes_and_no_exception(joe, make_admin):
    set_up(joe)
    for whose in ("joe@example.org", "example.org", ""):
        add_exception(actor=None, network="192.0.2.7", whose=whose)
    admin = make_admin("joe@example.org")
    set_up(admin)

    delete_domain(actor=None, domain=joe.domain)

    assert list(RecoveryCode.objects.values_list("kind", flat=True).distinct()) == ["admin"]
    assert list(SecondFactor.objects.values_list("kind", flat=True)) == ["admin"]
    assert list(FactorException.objects.values_list("username", flat=True)) == [None]


def test_a_mailbox_gets_a_name_of_which_another_program_left_codes(joe, add_mailbox):
    secret, _codes = set_up(joe)
    set_up(add_mailbox("joseph@example.org"))
    Mailbox.objects.filter(pk="joseph@example.org").delete()
    Alias.objects.filter(pk="joseph@example.org").delete()

    renamed = rename_mailbox(actor=None, mailbox=joe, local_part="joseph")

    assert factors.codes_left(renamed) == 10
    factors.use(renamed, code(secret, 1))


def test_an_exception_goes_with_the_mailbox_to_its_new_name_and_is_no_administrators(
    joe, make_admin
):
    admin = make_admin("joseph@example.org")
    add_exception(actor=None, network="192.0.2.7", whose="joe@example.org")

    renamed = rename_mailbox(actor=None, mailbox=joe, local_part="joseph")

    assert factors.is_spared(renamed, "192.0.2.7")
    assert not factors.is_spared(admin, "192.0.2.7")
    delete_mailbox(actor=None, mailbox=renamed)
    assert FactorException.objects.count() == 0


# --- The log and the mail


def test_every_change_is_in_the_log_and_never_a_secret(joe, make_admin):
    secret, codes = set_up(joe)
    factors.use(joe, codes[0])
    factors.renew_codes(account=joe, offer=totp.offer(joe, "x"), code=codes[1])
    set_up(joe, current=code(secret, 1))
    factors.reset(actor=make_admin(superadmin=True), account=joe)

    entries = LogEntry.objects.filter(domain="example.org", data="joe@example.org").order_by("pk")
    told = [entry.action for entry in entries]
    assert told == [
        "create_mailbox",
        "set_factor",
        "use_code",
        "use_code",
        "renew_codes",
        "set_factor",
        "end_factor",
    ]
    everything = " ".join(f"{entry.data} {entry.changes}" for entry in entries)
    assert secret not in everything
    assert not [text for text in codes if text in everything]


def test_the_person_is_told_of_each_change_at_both_addresses(
    joe, mailoutbox, django_capture_on_commit_callbacks
):
    Mailbox.objects.update(email_other="joe@elsewhere.example")
    with django_capture_on_commit_callbacks(execute=True):
        secret, codes = set_up(joe)
        factors.use(joe, codes[0])
        factors.renew_codes(account=joe, offer=totp.offer(joe, "x"), code=codes[1])
        set_up(joe, current=code(secret, 1))
        factors.reset(actor=None, account=joe)

    assert {tuple(mail.to) for mail in mailoutbox} == {("joe@example.org", "joe@elsewhere.example")}
    assert [mail.subject for mail in mailoutbox] == [
        "A second factor was set up for joe@example.org",
        "A recovery code of joe@example.org was used",
        "A recovery code of joe@example.org was used",
        "New recovery codes for joe@example.org",
        "A second factor was set up for joe@example.org",
        "The second factor of joe@example.org is off",
    ]
    assert "9 are left." in mailoutbox[1].body
    assert "An administrator took the second factor away." in mailoutbox[-1].body
    assert not [text for text in (secret, *codes) for mail in mailoutbox if text in mail.body]


def test_a_mail_server_that_is_away_stops_nothing(
    joe, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    with django_capture_on_commit_callbacks(execute=True):
        set_up(joe)

    assert factors.is_on(Mailbox.objects.get())
