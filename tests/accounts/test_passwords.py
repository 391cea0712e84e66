import base64
import hashlib
from unittest import mock

import pytest
from django.core.exceptions import ValidationError
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts import passwords
from accounts.passwords import (
    MAX_PASSWORD_BYTES,
    generate_password,
    hash_password,
    is_cheap,
    verify_password,
)
from accounts.validators import StrengthValidator

RAW = "grün-42 apple"
MD5 = hashlib.md5(RAW.encode())

# As `doveadm pw` (2.3) and PHP's crypt() wrote them for RAW.
STORED = {
    # Without a prefix, as PostfixAdmin's php_crypt, md5crypt, system and mysql_encrypt do.
    "md5crypt of PostfixAdmin 3.3, always the same salt": "$1$c9809462$9gHrd5apTpEkXg8RB0MrT.",
    "php_crypt:SHA256": "$5$rounds=1000$saltsaltsalt$hlsSk92ftAZlQV4cmUaqqXOaaI1GkON7anoGBVABW88",
    "php_crypt:SHA512": "$6$rounds=1000$saltsaltsalt$9lrMs60X31.4Dr6an3g4TRTGK9cTb.tsFcdlsreYSNBpxE1ky9k0SAR1dPeV2.MdNhO.48uqbCXHpq6LtjTeR/",
    "php_crypt:BLOWFISH": "$2y$04$abcdefghijklmnopqrstuuIS9Ohx3QInAZjuIp4elf5tpvgPJV6NC",
    "php_crypt:DES": "ab/VndZk5JxlA",
    # Other panels', and /etc/shadow's: Debian's since 11 is yescrypt. Written by mkpasswd.
    "yescrypt": "$y$j9T$yIahuVXOHYIC8JsW0Tgsm.$21OD2zeyqks0BzFARl.Ht1Z2nDh8Jn6ijuHSoBnuwsC",
    "gost-yescrypt": "$gy$j9T$lei8FGPdvoYnLZ4LapM0O1$KZUoFaRp510.FCr8Ng/4r7nvXRaotfbs6hyFYV5/uI8",
    "scrypt": "{CRYPT}$7$CU..../....cbaxY/Ri69NMzdWbVy/ZI.$OPVSa/dKihvrvshQEkU/g0sBM2yQ6RgMwHTGAHFPQGD",
    "bsdicrypt": "_J9..hlR4GKAGmToUiVk",
    "md5": MD5.hexdigest(),
    # PostfixAdmin's courier and authlib flavours.
    "{md5}": "{md5}" + base64.b64encode(MD5.digest()).decode(),
    "{MD5}": "{MD5}" + base64.b64encode(MD5.digest()).decode(),
    "{md5raw}": "{md5raw}" + MD5.hexdigest(),
    "{crypt}": "{crypt}$1$c9809462$9gHrd5apTpEkXg8RB0MrT.",
    "{sha}": "{sha}qxWvtoQOGFqc3M3i8X+p21ib9pI=",
    # dovecot:SCHEME and PostfixAdmin 4's own.
    "SHA512-CRYPT": "{SHA512-CRYPT}$6$EqX5KIkN8neT6m67$OvP5AMEKbTsCXVWPukFuGcQ0KUTH2FM0DbSikQN.FO28BqFq4VcG8miK6Uo5Hjq3ovl4A59C0MaIO8s0TV0VJ.",
    "SHA512-CRYPT.B64": "{SHA512-CRYPT.B64}JDYkcm91bmRzPTEwMDAkN1lHUkw0OXJuWFgvcHpwRSRFNEpBM21VM0lIeHVPdkR3UURhOFRUcWtrWnU3SG5MVVJFOFFKMnY1M3ZETzcvRlliWi81WkFPSTdQYzVKSWR0RmpzNG1VTnVqZTFKV2o5MzdGcXBtMA==",
    "SHA256-CRYPT": "{SHA256-CRYPT}$5$GNgq5hPByCv9F83e$N/VgjjlSZjIXuYOBx5qmHZnTtOORHyT3zVn8LXA2cB1",
    "SHA256-CRYPT.B64": "{SHA256-CRYPT.B64}JDUkcm91bmRzPTEwMDAkdmhDSVNxaUhnVHNHelVwRSRkL0RlSXlYWHJPR0JreGpyZkhrR083a2JWaTF1cUlKQmdwdlRPR0RSTWsu",
    "MD5-CRYPT": "{MD5-CRYPT}$1$oND2tuY/$/jtTDuVlZaoClw9TfrHBc/",
    "MD5, Dovecot's older name of MD5-CRYPT": "{MD5}$1$P3cp4Kjf$mKf8byem8IyitL8vn16cx/",
    "MD5.HEX": "{MD5.HEX}2431246b5946514645344a2447552f506c38496a307a354d62543763694759596e2e",
    "DES-CRYPT": "{DES-CRYPT}89kS5l7s02s/I",
    "CRYPT": "{CRYPT}$2y$05$98JyGzNdrh5MK6hZexXA8ec9rdHidDkJDJUGh1fDqx.sWF95VKkTu",
    "BLF-CRYPT": "{BLF-CRYPT}$2y$05$zzVObUlgBsX33OnV5VV5k.66qlRGD7Rg8hRxX374GbJPw9IFlSbQm",
    "BLF-CRYPT.B64": "{BLF-CRYPT.B64}JDJ5JDA1JGJIV3FnS25VNi55R1JqMTZQR2VRdS44eGpJMmdwRGFmWlR2cDlrcHFKOHlWQ2ZRSWhnZUsu",
    "ARGON2I": "{ARGON2I}$argon2i$v=19$m=32768,t=3,p=1$mCeu3FE1Yp5mRwC+bHq6KA$3qUBGEKpsDK5/t7i6heVj3cWdVsV5/Gw+iUbo4+lKBk",
    "ARGON2ID": "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$eTFnAx44a5V962mV9/0fbQ$PaKq2BSbAnou+BUbmzpZW1StsNB5AxQkzMUYYDjhNpE",
    "SHA": "{SHA}qxWvtoQOGFqc3M3i8X+p21ib9pI=",
    "SHA1": "{SHA1}qxWvtoQOGFqc3M3i8X+p21ib9pI=",
    "SHA256": "{SHA256}lxsgbWkCOieHiMWJYPdqhikObs0LoZtgwq8yzm/mkhI=",
    "SHA256.B64": "{SHA256.B64}lxsgbWkCOieHiMWJYPdqhikObs0LoZtgwq8yzm/mkhI=",
    "SHA512": "{SHA512}fBbh1KbcwtJeM7yKcYf28qTn23nLLU84WVMBGzxGFyuijjH3oocdQbbA19CP5SJqsPkJTaNtqFyMxEJcLEKMQQ==",
    "SHA512.HEX": "{SHA512.HEX}7c16e1d4a6dcc2d25e33bc8a7187f6f2a4e7db79cb2d4f385953011b3c46172ba28e31f7a2871d41b6c0d7d08fe5226ab0f9094da36da85c8cc4425c2c428c41",
    "SSHA": "{SSHA}lh0UuFKL94GBDLJ6rPD7L4DMGSZgiVyK",
    "SSHA.HEX": "{SSHA.HEX}a2c1e7ec0d76604b7c5047913e53f477e4ba3afcc73b29a9",
    "SSHA256": "{SSHA256}G25AWCcybz7YtPOaAoAAJAeJDgGcpVtRcDlKeacMYCtIKqSY",
    "SSHA512": "{SSHA512}/4K1BD2LDlUPMvvGQrAANJZo+KaoOHQCAVzEKeAiKrunato1cuK0OrnvN5BnkK/m6jYi1vG8jvqo2lGSTCQ0SgAVHKw=",
    "SMD5": "{SMD5}YUFHLwq2vctcGSRYyCwat7tgexU=",
    "PLAIN-MD5": "{PLAIN-MD5}a9a632e16b9a5dcb03f53ac1d5e4d102",
    "PLAIN-MD5.B64": "{PLAIN-MD5.B64}qaYy4WuaXcsD9TrB1eTRAg==",
    "LDAP-MD5": "{LDAP-MD5}qaYy4WuaXcsD9TrB1eTRAg==",
    "PBKDF2": "{PBKDF2}$1$UTkcW03cri8dzTlq$500$f196a8ebddb58bee0a4b4437c48ba3ad3332b2e4",
    "CRAM-MD5": "{CRAM-MD5}06d79db450a9e68d65c80eb171cf286c58dded5de2c43064e54d21f707fb3454",
    "HMAC-MD5": "{HMAC-MD5}06d79db450a9e68d65c80eb171cf286c58dded5de2c43064e54d21f707fb3454",
    "SCRAM-SHA-1": "{SCRAM-SHA-1}4096,B2QDbrqYi8L2kORbOOa0qA==,NVcTD9aA89Ndc/fRxMXc2oLonNA=,FaNigQVvUtxCy8ljyi6pMiz2qAs=",
    "SCRAM-SHA-256": "{SCRAM-SHA-256}4096,DG2XjjY0SNj3A43Okf5rkw==,HnGvfluvgwUkjX7NYaiBd+z8tzvtMtsFr0B4SAupr8k=,XTA1s0s/mhHOyb2La6wjt9gCTxV+6wLTy6lUpOM7kSY=",
    "PLAIN": "{PLAIN}" + RAW,
    "CLEARTEXT": "{CLEARTEXT}" + RAW,
    "CLEAR": "{CLEAR}" + RAW,
    "PLAIN.B64": "{PLAIN.B64}Z3LDvG4tNDIgYXBwbGU=",
    "PLAIN.HEX": "{PLAIN.HEX}6772c3bc6e2d3432206170706c65",
}

UNREADABLE = {
    "an empty column": "",
    "a locked account": "!",
    "a disabled hash": "*0",
    "a prefix alone": "{SHA512-CRYPT}",
    "an unknown scheme": "{ROT13}" + RAW,
    "text that nobody declared as plain": RAW,
    "a scheme that nothing can verify": "{OTP}md5 1024 seed 0011223344556677",
    "a digest cut short": "{SHA256}" + base64.b64encode(b"\0" * 31).decode(),
    "a salted digest without salt": "{SSHA}qxWvtoQOGFqc3M3i8X+p21ib9pI=",
    "a plain digest with salt": "{SHA}lh0UuFKL94GBDLJ6rPD7L4DMGSZgiVyK",
    "base64 with a hole": "{SHA}qxWvto QOGFqc3M3i8X+p21ib9pI=",
    "base64 that holds no text": "{SHA512-CRYPT.B64}/////w==",
    "an odd number of hex digits": "{SHA1.HEX}abc",
    "PBKDF2 without its parts": "{PBKDF2}$1$salt",
    "PBKDF2 with no rounds": "{PBKDF2}$1$salt$0$" + "00" * 20,
    "PBKDF2 that would take hours": "{PBKDF2}$1$salt$9999999999$" + "00" * 20,
    "SCRAM that would take hours": "{SCRAM-SHA-1}9999999999,c2FsdA==,AAAA,AAAA",
    "SHA512-CRYPT that would take minutes": "$6$rounds=999999999$saltsalt$" + "a" * 86,
    "SHA256-CRYPT that would take minutes": "{SHA256-CRYPT}$5$rounds=999999999$saltsalt$"
    + "a" * 43,
    "bcrypt that would take hours": "{BLF-CRYPT}$2y$31$abcdefghijklmnopqrstuuIS9Ohx3QInAZjuIp4elf5tpvgPJV6NC",
    "yescrypt that would take a gigabyte": "$y$jFT$yIahuVXOHYIC8JsW0Tgsm.$21OD2zeyqks0BzFARl.Ht1Z2nDh8Jn6ijuHSoBnuwsC",
    "scrypt that would take gigabytes": "{CRYPT}$7$IU..../....cbaxY/Ri69NMzdWbVy/ZI.$OPVSa/dKihvrvshQEkU/g0sBM2yQ6RgMwHTGAHFPQGD",
    "sha1crypt that would take hours": "{CRYPT}$sha1$4294967295$saltsalt$oY39c2N4Q8vEusXkqHLr2Exqhk3x",
    "bsdicrypt that would take ten seconds": "_zzzzGAGmQQIfBopHZqQ",
    "bsdicrypt just beyond the bound": "_/7o1GAGmyU8PX1yjXmk",
    "sunmd5 that would take hours": "{CRYPT}$md5,rounds=4294967295$saltsalt$$ufSka8SUJ1L0LvZmM1w9k0",
    "argon2 that would take gigabytes": "{ARGON2ID}$argon2id$v=19$m=4194304,t=3,p=1$eTFnAx44a5V962mV9/0fbQ$PaKq2BSbAnou+BUbmzpZW1StsNB5AxQkzMUYYDjhNpE",
    "argon2 that would take hours": "{ARGON2ID}$argon2id$v=19$m=65536,t=99999,p=1$eTFnAx44a5V962mV9/0fbQ$PaKq2BSbAnou+BUbmzpZW1StsNB5AxQkzMUYYDjhNpE",
    "a digest under the name of MD5-CRYPT": "{MD5.HEX}" + MD5.hexdigest(),
    "SCRAM without its parts": "{SCRAM-SHA-1}4096,c2FsdA==",
    "CRAM-MD5 cut short": "{CRAM-MD5}06d79db4",
    "a bcrypt cost that does not exist": "$2y$99$abcdefghijklmnopqrstuuIS9Ohx3QInAZjuIp4elf5tpvgPJV6NC",
    "argon2 without its parts": "{ARGON2ID}$argon2id$v=19$m=1",
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_every_known_format_opens_with_its_password_and_no_other(stored):
    assert verify_password(RAW, stored)[0] is True
    assert verify_password("x" + RAW, stored) == (False, None)  # DES reads only 8 bytes
    assert verify_password(RAW.upper(), stored) == (False, None)


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_an_older_format_comes_with_a_replacement_that_opens_too(stored):
    replacement = verify_password(RAW, stored)[1]

    if replacement is None:
        assert stored == STORED["SHA512-CRYPT"]  # 5,000 rounds are what these tests ask for
    else:
        assert replacement.startswith("{SHA512-CRYPT}$6$")
        assert verify_password(RAW, replacement) == (True, None)


@pytest.mark.parametrize("stored", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_a_wrong_password_and_no_error(stored):
    assert verify_password(RAW, stored) == (False, None)
    assert verify_password(stored or "x", stored) == (False, None)


def test_bsdicrypt_may_take_as_many_rounds_as_the_others():
    assert verify_password(RAW, "_.7o1GAGmsfGpxERrRM6")[0] is True  # a million


@settings(max_examples=200)
@given(raw=st.text(max_size=20), stored=st.text(max_size=40))
def test_no_text_in_the_column_makes_an_error_or_opens_by_chance(raw, stored):
    correct, replacement = verify_password(raw, stored)

    plain = stored.upper().startswith(("{PLAIN", "{CLEAR"))
    assert (correct, replacement) == (False, None) or plain


@settings(max_examples=100)
@given(
    scheme=st.sampled_from(sorted(passwords._CRYPTS | passwords._DIGESTS.keys() | {"PBKDF2"})),
    coding=st.sampled_from(["", ".B64", ".b64", ".HEX"]),
    rest=st.text(max_size=60),
)
def test_rubbish_behind_a_known_prefix_fails_closed(scheme, coding, rest):
    assert verify_password("rubbish", f"{{{scheme}{coding}}}{rest}") == (False, None)


def test_a_missing_value_opens_nothing():
    assert verify_password("", hash_password("")) == (False, None)
    assert verify_password("", "{PLAIN}") == (False, None)
    assert verify_password(None, STORED["PLAIN"]) == (False, None)
    assert verify_password(RAW, None) == (False, None)


def test_a_new_hash_is_what_dovecot_reads():
    stored = hash_password(RAW)

    assert stored.startswith("{SHA512-CRYPT}$6$")
    assert verify_password(RAW, stored) == (True, None)
    assert hash_password(RAW) != stored  # another salt each time


@pytest.mark.parametrize("raw", ["{PLAIN}x", "{SHA512-CRYPT}$6$x", "$6$salt$hash", "$1$c9809462$x"])
def test_a_password_that_looks_like_a_hash_is_only_text(raw):
    stored = hash_password(raw)

    assert stored.startswith("{SHA512-CRYPT}$6$")
    assert verify_password(raw, stored) == (True, None)
    assert verify_password("x", stored) == (False, None)


@pytest.mark.parametrize("name", ["SHA512-CRYPT", "PLAIN", "md5", "SSHA"])
def test_the_stored_hash_itself_is_no_password(name):
    assert verify_password(STORED[name], STORED[name]) == (False, None)


@settings(max_examples=30)
@given(raw=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_whatever_is_hashed_opens(raw):
    assert verify_password(raw, hash_password(raw)) == (True, None)


def test_more_rounds_make_older_hashes_outdated_but_not_stronger_ones():
    weak = hash_password(RAW)
    with override_settings(PASSWORD_ROUNDS=6_000):
        correct, strong = verify_password(RAW, weak)

    assert correct is True
    assert strong.startswith("{SHA512-CRYPT}$6$rounds=6000$")
    assert verify_password(RAW, strong) == (True, None)


def test_bcrypt_reads_72_bytes_as_dovecot_and_php_do():
    first72 = "0123456789abcdef" * 4 + "12345678"
    exact = "{BLF-CRYPT}$2y$04$MOSYB6fYZpOonDD2aQWu2O1juMOArJ9Zd10d6HhJRIrjbZPl2YdFm"
    of_longer = "{BLF-CRYPT}$2y$04$hhHyyzIp0PSwjUs20HKpnuxxYMLdeSHwywZyLFN3yPC3MJqOfjPOm"

    assert verify_password(first72, exact)[0] is True
    assert verify_password(first72 + "beyond72", of_longer)[0] is True
    assert verify_password(first72, of_longer)[0] is True
    assert verify_password(first72[:71], exact)[0] is False


def test_the_replacement_of_a_long_bcrypt_password_holds_all_of_it():
    raw = "0123456789abcdef" * 4 + "12345678" + "beyond72"
    stored = "{BLF-CRYPT}$2y$04$hhHyyzIp0PSwjUs20HKpnuxxYMLdeSHwywZyLFN3yPC3MJqOfjPOm"

    replacement = verify_password(raw, stored)[1]

    assert verify_password(raw, replacement) == (True, None)
    assert verify_password(raw[:72], replacement) == (False, None)


def test_nul_never_opens_not_even_where_c_programs_would_cut():
    assert verify_password("secret\0tail", "{PLAIN}secret") == (False, None)
    assert verify_password("secret\0tail", "{PLAIN}secret\0tail") == (False, None)


def test_half_a_surrogate_is_a_wrong_password():
    assert verify_password("\udc80secret", hash_password("secret")) == (False, None)


def test_the_longest_password_is_what_crypt_takes():
    """libxcrypt, which Dovecot calls, refuses 512 bytes: `doveadm pw -t` says so."""
    assert MAX_PASSWORD_BYTES == 511
    assert verify_password("x" * 511, hash_password("x" * 511)) == (True, None)
    assert verify_password("x" * 512, "{PLAIN}" + "x" * 512) == (False, None)
    assert verify_password("é" * 256, "{PLAIN}" + "é" * 256) == (False, None)


@pytest.mark.parametrize(
    ("scheme", "stored", "opens"),
    [
        ("CRYPT", STORED["php_crypt:DES"], True),
        ("CRYPT", RAW, False),
        ("PLAIN-MD5", MD5.hexdigest(), True),
        ("PLAIN-MD5", MD5.hexdigest().upper(), True),
        ("PLAIN-MD5", RAW, False),
        ("PLAIN", RAW, True),
        ("PLAIN", STORED["SHA512-CRYPT"], True),  # a prefix decides, whatever the default
    ],
)
def test_a_hash_without_prefix_is_read_by_the_default_scheme(scheme, stored, opens):
    with override_settings(PASSWORD_DEFAULT_SCHEME=scheme):
        correct, replacement = verify_password(RAW, stored)

    assert correct is opens
    if opens and stored != STORED["SHA512-CRYPT"]:
        assert replacement.startswith("{SHA512-CRYPT}$6$")


def test_only_our_own_format_costs_what_a_login_should():
    assert is_cheap(hash_password(RAW)) is False
    assert is_cheap(STORED["md5"]) is True
    assert is_cheap("") is True


def test_a_generated_password_fits_the_rules_and_has_no_look_alikes():
    made = {generate_password() for _ in range(200)}

    assert len(made) == 200
    for password in made:
        assert len(password) == 16
        assert not set(password) & set("lI1O0")
        StrengthValidator().validate(password)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("short", "Use at least 10 characters."),
        ("12345678901", "Use at least 1 letter."),
        ("nul\0in-the-middle", "Use at most 511 bytes and no control characters."),
        ("x" * 512, "Use at most 511 bytes and no control characters."),
        ("é" * 256, "Use at most 511 bytes and no control characters."),
    ],
)
def test_a_weak_password_is_refused_with_what_it_lacks(raw, message):
    with pytest.raises(ValidationError) as refusal:
        StrengthValidator().validate(raw)

    assert refusal.value.messages == [message]


@override_settings(PASSWORD_MIN_LENGTH=5, PASSWORD_MIN_LETTERS=3, PASSWORD_MIN_DIGITS=2)
def test_postfixadmins_own_rules_can_be_set():
    StrengthValidator().validate("abc12")
    with pytest.raises(ValidationError) as refusal:
        StrengthValidator().validate("ab1")

    assert refusal.value.messages == [
        "Use at least 5 characters.",
        "Use at least 3 letters.",
        "Use at least 2 digits.",
    ]
    assert StrengthValidator().get_help_text() == "At least 5 characters, 3 letters, 2 digits."


def test_a_dummy_hash_costs_what_verifying_our_own_format_costs():
    costly = []
    verify = passwords._verify_crypt
    with mock.patch.object(
        passwords, "_verify_crypt", side_effect=lambda *both: costly.append(both) or verify(*both)
    ):
        passwords.run_dummy_hash()

    assert [is_cheap(stored) for _raw, stored in costly] == [False]


def test_without_a_system_crypt_all_but_its_own_formats_open():
    of_crypt = {"yescrypt", "gost-yescrypt", "scrypt", "bsdicrypt"}
    with mock.patch.object(passwords, "_system_crypt", return_value=None):
        opened = {name for name, stored in STORED.items() if verify_password(RAW, stored)[0]}

    assert STORED.keys() - opened == of_crypt
