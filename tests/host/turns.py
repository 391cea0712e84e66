"""Whose turn it is: all tests of whole hosts take long, so `make test-host-today` runs some of them each day of the year. CI runs none."""

# Of a day's turn, with the roots that it needs.
MINUTES = 25
BOOKWORM, TRIXIE = "bookworm", "trixie"
# (release, files). One release a day where it can be, since its root may have to be made first.
TURNS = [
    (TRIXIE, ["test_choices.py", "test_dane.py"]),
    (BOOKWORM, ["test_install.py"]),
    (BOOKWORM, ["test_choices.py", "test_dane.py"]),
    (BOOKWORM, ["test_spam.py", "test_look.py"]),
    (TRIXIE, ["test_trouble.py"]),
    (BOOKWORM, ["test_trouble.py"]),
    (TRIXIE, ["test_spam.py", "test_look.py"]),
    (TRIXIE, ["test_install.py"]),
    (BOOKWORM, ["test_doctor.py"]),
    (TRIXIE, ["test_doctor.py"]),
]


def turn_of(day):
    """The (release, files) of a day of the year."""
    return TURNS[day % len(TURNS)]


def roots_of(day):
    release, files = turn_of(day)
    # There a host moves to the newest release.
    return sorted({release, TRIXIE}) if "test_trouble.py" in files else [release]


def said(day):
    lines = [f"{' '.join(files)} on {release}" for release, files in TURNS]
    today = day % len(TURNS)
    later = [(today + days) % len(TURNS) for days in range(1, len(TURNS))]
    return "\n".join(
        [
            f"Whole hosts, day {day} of the year: {lines[today]}.",
            "Not run today, but so many days later (make test-host runs all of them):",
            *(f"  {days} later: {lines[turn]}" for days, turn in enumerate(later, start=1)),
        ]
    )
