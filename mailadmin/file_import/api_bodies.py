"""What the operations of api.py take and answer."""

from typing import Annotated, Literal

from pydantic import Field

from mailadmin.file_import import tables
from mailadmin.file_import.kinds import KINDS
from mailadmin.file_import.mailboxes import MADE
from mailadmin.file_import.texts import TWO_LETTERS
from panel.api.schemas import Answer, Body, Lines, Moment, Text, example


class NewImport(Body):
    model_config = example(
        {
            "kind": "mailbox",
            "text": "Mail;Name;Where\nann@example.net;Ann Lee;Rome\n",
            "columns": {"Where": "-"},
        }
    )

    kind: Literal["mailbox", "alias", "alias-domain", "domain", "copy"] = Field(
        description="What each line makes.", examples=["mailbox"]
    )
    text: Lines = Field(
        description="What the file has. With all else a request has 256 kB: divide a larger file.",
        examples=["Mail;Name\nann@example.net;Ann Lee\n"],
    )
    base64: bool = Field(False, description="True: text is the file in base64, as XLSX must be.")
    format: Literal["table", "passwd", "map", "ldif"] = Field(
        tables.TABLE, description="table is CSV or XLSX, map one of Postfix’s, as text."
    )
    name: Text = Field("", max_length=255, description="The file’s, for its page.")
    columns: dict[Text, Text] = Field(
        {},
        description="What a column holds, by its heading or number (the first is 1), where its heading does not say it; - is"
        f" nothing. There are, of mailboxes: {', '.join(KINDS['mailbox'].fields)}.",
    )
    domain: Text = Field(
        "",
        description="Of lines whose address has none; of alias domains: where those lead that say nothing.",
    )
    umlauts: Literal["two", "one"] = Field(
        TWO_LETTERS, description="müller@ becomes mueller@ (two letters) or muller@ (one)."
    )
    without_password: Literal["made", "invite", "send"] = Field(
        MADE,
        description="Where a line has no password: one is made, or the person is invited by a link that the result has, or that is"
        " sent to the other address.",
    )
    must_change_password: bool = Field(False, description="At the next sign-in.")
    quota_bytes: Annotated[int | None, Field(ge=0, le=10**18)] = Field(
        None, description="Of lines that name none; 0 is no limit, null: as each domain has it."
    )
    welcome: bool = Field(False, description="Send new mailboxes the welcome mail.")


class ImportColumn(Answer):
    heading: str
    holds: str | None


class ImportRecord(Answer):
    id: int
    kind: str
    name: str
    state: str = Field(
        description="checking: send /check again, not all lines are judged; checked; running: send /run again; stopped; done."
    )
    columns: list[ImportColumn]
    lines: int
    good: int = Field(description="Lines that /run makes.")
    bad: int
    left_out: int
    made: int
    changed: Moment


class Imports(Answer):
    items: list[ImportRecord]
    next: str | None


class LineProblem(Answer):
    field: str = Field(description="Empty: the line as a whole.")
    says: str


class ImportLine(Answer):
    line: int
    state: str = Field(description="new, good, bad, left-out, made.")
    address: str = Field(description="What it makes; empty if that is not known.")
    values: dict[str, str] = Field(description="What stands in it, but for passwords.")
    problems: list[LineProblem]
    notes: list[str]


class ImportLines(Answer):
    items: list[ImportLine]
    next: str | None


class ImportLinePatch(Body):
    model_config = example({"values": {"name": "Ann Lee"}})

    values: dict[Text, Text] = Field(
        {}, description="What counts in place of what stands in these fields."
    )
    left_out: bool | None = Field(
        None, description="True: nothing is made of it; false: it is judged anew."
    )


class ImportOutcome(Answer):
    line: int
    address: str
    made: bool
    password: str | None
    url: str | None = Field(description="Where the person sets a password.")
    sent: bool = Field(description="The link was sent to the other address.")
    problem: str


class ImportResult(Answer):
    items: list[ImportOutcome] | None = Field(
        description="null: an answer that is repeated for its Idempotency-Key."
    )
