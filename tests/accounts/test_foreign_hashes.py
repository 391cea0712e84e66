import pytest
from django.core.exceptions import ValidationError

from accounts import passwords
from accounts.passwords import hash_password, kept_hash, stored_hash, verify_password
from accounts.validators import StrengthValidator
from tests.accounts.test_passwords import RAW, STORED, UNREADABLE

# What Dovecot reads as something else, or what is no hash.
NOT_DOVECOTS = {
    "{md5}",
    "{MD5}",
    "{md5raw}",
    "PLAIN",
    "CLEARTEXT",
    "CLEAR",
    "PLAIN.B64",
    "PLAIN.HEX",
}
# Without a prefix it may be of several kinds.
BARE = {"md5", "bsdicrypt", "php_crypt:DES"}


@pytest.mark.parametrize("name", STORED)
def test_a_hash_from_another_server_is_taken_if_dovecot_reads_it_and_its_kind_is_clear(name):
    if name in NOT_DOVECOTS | BARE:
        with pytest.raises(ValueError, match=r"."):
            stored_hash(STORED[name])
    else:
        taken = stored_hash(STORED[name])
        assert taken in {STORED[name], "{CRYPT}" + STORED[name]}
        assert verify_password(RAW, taken)[0] is True


def test_an_argon2_hash_gets_the_scheme_that_dovecot_wants():
    for name in ("ARGON2I", "ARGON2ID"):
        assert stored_hash(STORED[name].removeprefix(f"{{{name}}}")) == STORED[name]


@pytest.mark.parametrize(
    "stored",
    [
        *UNREADABLE.values(),
        STORED["SHA512-CRYPT"][:-1],
        "{PLAIN.B64.B64}WjNMRHZHNHROREluWVhCd2JHVT0=",
        STORED["yescrypt"] + "x",
        "{SHA}x" * 60,
    ],
)
def test_what_no_password_opens_is_not_taken_for_a_hash(stored):
    with pytest.raises((ValueError, TypeError, LookupError)):
        stored_hash(stored)


@pytest.mark.parametrize("name", STORED)
def test_a_hash_to_keep_is_judged_by_its_form_as_it_is_by_computing_it(name):
    def judged(function):
        try:
            return function(STORED[name])
        except (ValueError, TypeError, LookupError):
            return None

    assert judged(kept_hash) == judged(stored_hash)


@pytest.mark.parametrize(
    "text",
    ["{CRYPT}!", "{CRYPT}*", "{CRYPT}!$6$salt$x", "{SHA512-CRYPT}short", "$bcrypt-sha256$v=2$x"],
)
def test_what_no_crypt_writes_is_no_hash_to_keep(text):
    with pytest.raises(ValueError, match="no hash of crypt"):
        kept_hash(text)


@pytest.mark.parametrize("name", sorted(STORED.keys() - BARE))
def test_what_looks_like_a_stored_hash_is_no_new_password(name):
    with pytest.raises(ValidationError) as refusal:
        StrengthValidator().validate(STORED[name])

    assert refusal.value.messages[0].startswith("This looks like a stored hash")


@pytest.mark.parametrize(
    "raw",
    [
        "{curly}-brackets-1",
        "{not-closed-12",
        "$6$ for a coffee",
        "$100 and $200 more",
        "a{SHA}b-34567",
    ],
)
def test_a_password_with_brackets_or_dollars_is_a_password(raw):
    StrengthValidator().validate(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "Winter2026!z ",
        " Winter2026!z",
        "Winter2026!z\u00a0",
        "Winter2026!z\u200b",
        "\ufeffWinter2026!z",
    ],
)
def test_a_blank_at_either_end_is_refused_for_nobody_sees_it(raw):
    with pytest.raises(ValidationError) as refusal:
        StrengthValidator().validate(raw)

    assert refusal.value.messages == [
        "The password begins or ends with a blank. Leave the blank out."
    ]
    assert verify_password(raw, hash_password(raw)) == (True, None)  # one stored before goes on


@pytest.mark.parametrize(
    "bare",
    [
        "$6$a$" + "." * 86,
        "$6$rounds=1000$" + "/" * 16 + "$" + "z" * 86,
        "$5$salt$" + "A" * 43,
        "$5$rounds=1000$salt$" + "/" * 43,
        "$1$a$" + "0" * 22,
        "$2y$04$" + "." * 53,
        "$2b$04$" + "O" * 53,
    ],
)
def test_what_is_taken_by_its_form_alone_computes(bare):
    assert passwords._WHOLE.fullmatch(bare)
    assert not passwords._verify_crypt("any password", bare)


@pytest.mark.parametrize(
    "bare",
    [
        "$6$rounds=999$salt$" + "." * 86,  # crypt() takes no fewer than a thousand
        "$6$salt$" + "." * 85,
        "$6$" + "a" * 17 + "$" + "." * 86,
        "$2y$03$" + "." * 53,
        "$2y$10$" + "." * 52,
    ],
)
def test_what_does_not_compute_is_not_taken_by_its_form(bare):
    with pytest.raises(ValueError, match=r"no hash of crypt"):
        stored_hash(f"{{CRYPT}}{bare}")
