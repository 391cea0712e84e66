import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from aliases.targets import MAX_TARGETS, parse_targets


def refusal_codes(text, **kwargs):
    with pytest.raises(ValidationError) as refusal:
        parse_targets(text, **kwargs)
    return [error.code for error in refusal.value.error_list]


@pytest.mark.parametrize(
    "text",
    [
        "a@example.org, b@other.net",
        "a@example.org\nb@other.net",
        "a@example.org\r\n\r\n b@other.net ,",
        " A@Example.ORG ,b@other.net,a@example.org,B@OTHER.net",
        ["a@example.org", "b@other.net"],
        ["a@example.org,b@other.net"],
    ],
)
def test_targets_stand_on_lines_or_between_commas_and_count_once(text):
    assert parse_targets(text) == ["a@example.org", "b@other.net"]


@pytest.mark.parametrize(
    "item",
    [
        "|/usr/bin/procmail",
        '"|exec /bin/sh"',
        "/dev/null",
        "/var/mail/joe",
        "./file",
        ":include:/etc/passwd",
        ":include:/etc/x@example.org",
        "root",
        "postmaster",
        '"a b"@example.org',
        '"a"@example.org',
        "a@b@example.org",
        "a@@example.org",
        "a b@example.org",
        "a@example",
        "a@",
        "a\0@example.org",
        "a@example.org\0",
        "a\tb@example.org",
        "(comment)a@example.org",
        "\\a@example.org",
        "a@[192.0.2.7]",
        "../a@example.org",
    ],
)
def test_what_postfix_would_read_as_something_else_is_refused(item):
    assert len(refusal_codes(item)) == 1
    assert len(refusal_codes(f"fine@example.org\n{item}")) == 1


@pytest.mark.parametrize("item", ["@other.net", "*@other.net"])
def test_only_a_catch_all_may_lead_to_a_whole_domain(item):
    assert refusal_codes(item) == ["whole_domain"]


def test_a_catch_all_may_lead_to_a_whole_domain_and_to_addresses():
    assert parse_targets("@Other.NET\na@example.org", catch_all=True) == [
        "@other.net",
        "a@example.org",
    ]
    assert refusal_codes("*@other.net", catch_all=True) == ["whole_domain"]
    assert refusal_codes("@", catch_all=True) == ["invalid_domain"]
    assert refusal_codes("@@other.net", catch_all=True) == ["invalid_domain"]


@pytest.mark.parametrize("text", ["", " ", "\n", ",,", " , \r\n", []])
def test_an_alias_leads_somewhere(text):
    assert refusal_codes(text) == ["required"]


def test_every_wrong_line_is_named_up_to_twenty():
    assert len(refusal_codes("one\ntwo\nfine@example.org")) == 2
    assert len(refusal_codes("\n".join(f"wrong{n}" for n in range(30)))) == 20


def test_there_is_a_most_for_targets():
    most = [f"a{n}@example.org" for n in range(MAX_TARGETS)]

    assert parse_targets(most) == most
    assert refusal_codes([*most, "one-more@example.org"]) == ["too_many"]
    long = [f"{'a' * 55}{n}@{'b' * 60}.example" for n in range(600)]
    assert refusal_codes(long) == ["too_many"]  # more bytes than the column holds


@pytest.mark.parametrize("stored", ["root", "|/usr/bin/vacation joe", "Root", "joe#x@vac.example"])
def test_what_is_stored_already_may_stay(stored):
    typed = f"{stored}\na@example.org"

    assert parse_targets(typed, keep=[stored]) == [stored.lower(), "a@example.org"]


def test_an_international_domain_is_stored_as_postfix_asks_for_it():
    assert parse_targets("info@Müller.example") == ["info@xn--mller-kva.example"]


@given(
    st.text(max_size=60) | st.lists(st.sampled_from(["a@b.example", "A@B.example", "|x", "@c.de"]))
)
def test_what_is_accepted_is_stored_unchanged_the_next_time(text):
    try:
        targets = parse_targets(text)
    except ValidationError:
        return

    assert parse_targets(",".join(targets)) == targets
    assert len(set(targets)) == len(targets)
    for target in targets:
        assert target.isascii()
        assert target == target.lower()
        assert target[0] not in "|/:@.\"'\\"


@pytest.mark.parametrize(
    "text",
    [
        '"Lee, Ann" <ann@x.example>; "Doe, Bob" <bob@x.example>',
        "ann@x.example; bob@x.example",
        "ann@x.example bob@x.example",
        "ann@x.example\tbob@x.example",
        "Ann Lee <ann@x.example>, Bob <bob@x.example>",
        "Ann Lee <ann@x.example> Bob <bob@x.example>",
        "'ann@x.example' <ann@x.example>;\r\n<mailto:bob@x.example>".replace("mailto:", ""),
        "mailto:ann@x.example;; ,'bob@x.example';",
        '"ann@work" <ann@x.example>\n ; <Bob@X.Example>',
        "Lee, Ann <ann@x.example>; Doe, Bob <bob@x.example>",
        "Lee, Ann <ann@x.example>;\r\nDoe, Bob <bob@x.example>;\r\n",
        "ann@x.example (Ann Lee), bob@x.example (Bob)",
        "Ann <ann@x.example> (at home)\nbob@x.example",
        '"ann@x.example";"bob@x.example"',
        "\ufeffann@x.example\n\u200bbob@x.example\u200b",
        "\u202aann@x.example\u202c, bob@x.exam\u00adple",
        "ann@x.example, bob@x.example.",
    ],
)
def test_a_pasted_list_is_read_however_a_mail_program_writes_it(text):
    assert parse_targets(text) == ["ann@x.example", "bob@x.example"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ann@x.example; boss; bob@x.example", ["boss"]),
        ('"Lee, Ann" <ann@x.example>; "Doe, Bob" bob@x.example', ['"doe, bob"']),
        ("ann@x.example <bob@x.example>", ["ann@x.example <bob@x.example>"]),
        ('"Lee, Ann <ann@x.example>, bob@x.example', ['"lee']),
        ("<ann@x.example; bob@x.example", ["<ann@x.example"]),
        # Without a semicolon between people nobody knows whether this is a name or a recipient.
        ("boss, Ann <ann@x.example>", ["boss"]),
        ("boss, ann@x.example; Bob <bob@x.example>", ["boss"]),
        ("ann@x.example, boss, Bob <bob@x.example>; c@x.example", ["boss"]),
        ("boss (ann@x.example)", ["boss"]),
        ("(Ann) ann@x.example", ["(ann)"]),
    ],
)
def test_only_the_piece_that_is_not_understood_is_named(text, named):
    with pytest.raises(ValidationError) as caught:
        parse_targets(text)

    assert [error.params["address"] for error in caught.value.error_list][: len(named)] == named


def test_a_stored_target_that_only_another_program_writes_stays_as_it_is():
    stored = ["eve <eve@off.example>", "root", "ann lee", "eve@off.example (at home)"]
    text = "Eve <eve@off.example>\nroot; Ann Lee\nEve@off.example (at home)"

    assert parse_targets(text, keep=stored) == stored


def test_a_text_beyond_all_lists_is_refused_by_its_length():
    with pytest.raises(ValidationError, match="At most 1000 recipients"):
        parse_targets("<" * 300_000)
