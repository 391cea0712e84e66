"""Whose turn it is: all tests of whole hosts take long, so `make test-host-today`, and with it CI, runs some of them each day of the year."""

# Of a day's turn, with the roots that it needs: make test and this end within an hour.
MINUTES = 30
BOOKWORM, TRIXIE = "bookworm", "trixie"
# (release, files). One release a day where it can be, since its root may have to be made first.
TURNS = [
    (TRIXIE, ["test_choices.py"]),
    (TRIXIE, ["test_trouble.py"]),
    (BOOKWORM, ["test_choices.py"]),
    (TRIXIE, ["test_doctor.py"]),
    (BOOKWORM, ["test_install.py"]),
    (BOOKWORM, ["test_mail.py"]),
    (TRIXIE, ["test_dane.py"]),
    (BOOKWORM, ["test_doctor_mail.py"]),
    (TRIXIE, ["test_spam.py", "test_look.py"]),
    (BOOKWORM, ["test_doctor.py"]),
    (TRIXIE, ["test_mail.py"]),
    (BOOKWORM, ["test_spam.py", "test_look.py"]),
    (TRIXIE, ["test_cuts.py"]),
    (BOOKWORM, ["test_dane.py"]),
    (BOOKWORM, ["test_people.py"]),
    (TRIXIE, ["test_people.py"]),
    (TRIXIE, ["test_doctor_mail.py"]),
    (BOOKWORM, ["test_cuts.py"]),
    (TRIXIE, ["test_install.py"]),
    (BOOKWORM, ["test_trouble.py"]),
]


def turn_of(day):
    """The (release, files) of a day of the year."""
    return TURNS[day % len(TURNS)]


def roots_of(day):
    release, files = turn_of(day)
    # There a host moves to the newest release.
    return sorted({release, TRIXIE}) if "test_trouble.py" in files else [release]


def said(day):
    lines = [line(turn) for turn in TURNS]
    today = day % len(TURNS)
    later = [(today + days) % len(TURNS) for days in range(1, len(TURNS))]
    return "\n".join(
        [
            f"Whole hosts, day {day} of the year: {lines[today]}.",
            "Not run today, but so many days later (make test-host runs all of them):",
            *(f"  {days} later: {lines[turn]}" for days, turn in enumerate(later, start=1)),
        ]
    )


def line(turn):
    release, files = turn
    return f"{' '.join(files)} on {release}"
