"""Imports of files at /api/v1: each line is judged and made as on the pages.

A token sees the files that its account uploaded while it managed what the token does: one that is limited to domains finds
nothing of the others.
"""

import base64
import binascii
from functools import partial
from io import BytesIO
from typing import Annotated, Literal

from django.core.exceptions import ValidationError
from django.core.files import File
from django.utils.translation import gettext as _
from ninja import Path, Query, Router

from accounts import password_links, sign_in_links
from accounts.api_auth import Token
from mailadmin.file_import import judging, keeping, matching, result, work
from mailadmin.file_import.api_bodies import (
    ImportLine,
    ImportLinePatch,
    ImportLines,
    ImportRecord,
    ImportResult,
    Imports,
    NewImport,
)
from mailadmin.file_import.kinds import KINDS
from mailadmin.file_import.mailboxes import INVITE, MADE
from panel import file_imports, tasks
from panel.api.answers import moment
from panel.api.lists import ReadWithKeys, Rows, listed, number_edge, number_in, numbered
from panel.api.problems import Problem, pointer
from panel.api.resources import Resource
from panel.api.writing import Done, at, done
from panel.models import FileLine
from panel.scoping import rights_of

router = Router(tags=["Imports"])
Number = Annotated[str, Path(description="The import’s id.", examples=["1"])]
LineNumber = Annotated[str, Path(description="The line’s number.", examples=["2"])]
MOST_DRY = 5_000  # lines, all judged in one request
STEP_SECONDS = 3  # of one request, which is one transaction: others wait for its locks
State = FileLine.State
# Besides imports:write, what makes one such row needs as well.
RIGHTS = {
    "mailbox": {"mailboxes:write", "forwarding:write"},
    "alias": {"aliases:write"},
    "alias-domain": {"alias-domains:write"},
    "domain": {"domains:write"},
    "copy": {"copies:write"},
}
NAMES = {"how": "without_password", "must_change": "must_change_password"}
assert RIGHTS.keys() == KINDS.keys()


def record(file, counts=None):
    counts = counts or judging.counts(file)
    columns, width = file.columns or [], file.options["width"]
    headings = [*file.headings, *[""] * width][:width]
    held = [*columns, *[""] * width][:width]
    return {
        "id": file.pk,
        "kind": file.kind,
        "name": file.name,
        "state": _state(file),
        "columns": [
            {"heading": heading, "holds": name or None}
            for heading, name in zip(headings, held, strict=True)
        ],
        "lines": file.total,
        "good": counts[State.GOOD],
        "bad": counts[State.BAD],
        "left_out": counts[State.LEFT_OUT],
        "made": counts[State.MADE],
        "changed": moment(file.changed),
    }


def _state(file):
    if not judging.is_judged(file):
        return "checking"
    return "checked" if file.task is None else str(file.task.state)


class _Files(ReadWithKeys):
    def records(self, keys):
        counts = judging.counts_of(self.read.values())
        return [record(self.read[key], counts[key]) for key in keys]


class _Lines(Rows):
    """By their numbers: a line that is judged anew is another row."""

    def keys(self, after, number):
        rows = self.rows.filter(number__gt=number_edge(after)[0]) if after else self.rows
        self.read = {row.number: row for row in rows.order_by("number")[: number + 1]}
        return list(self.read)

    def records(self, keys):
        return [self.record(self.read[key]) for key in keys]


def _files(actor):
    files = keeping.of(actor).select_related("task")
    return files.filter(options__scope=tasks.scope_of(actor))


def _find(actor, number):
    return numbered(_files(actor), number)


def _find_line(actor, number, line):
    file = _find(actor, number)
    row = file and FileLine.objects.filter(file=file.pk, number=number_in(line)).first()
    if row is not None:
        row.file = file
    return row


def _told(line):
    return judging.told(line.file, line)


def _check_rights(request, kind, how=MADE, more=()):
    """An import is no way around the rights that its rows need one by one."""
    needed = {*RIGHTS[kind], *more}
    if kind == "alias-domain" and request.auth.is_superadmin:
        needed.add("domains:write")  # a domain that is not there is made
    if how != MADE and kind == "mailbox":
        needed.add("mailboxes:password")
    if missing := needed - ({*request.token.right_names} & rights_of(request.auth)):
        text = _("This token, or its account, may not do this: it needs the right %(right)s.")
        raise Problem(403, text % {"right": ", ".join(sorted(missing))})


def _delete(request, file):
    judging.locked(file)
    file_imports.delete(file.pk)


imports = Resource(find=_find, record=record, delete=_delete, lock=lambda: None)
import_lines = Resource(find=_find_line, record=_told, lock=lambda: None)


@router.get("/imports", auth=Token("imports:read"), response=Imports)
def list_imports(request):
    """Files of this token’s account that are not deleted: by whoever imports, or a day after the last change."""
    return listed(request, _Files(_files(request.auth), ("pk",), record, edge=number_edge))


@router.post("/imports", auth=Token("imports:write"), response={201: ImportRecord})
def make_import(request, body: NewImport):
    """Upload a file and judge its lines, for some seconds: /check goes on. Nothing is made yet; a dry run, of at most 5,000 lines, tells all of them, and keeps nothing."""
    actor = request.auth
    _check_rights(request, body.kind, body.without_password)
    if body.kind == "mailbox" and body.without_password == INVITE:
        sign_in_links.refuse_no_panel_url()

    def act():
        seconds = None if request.is_dry else STEP_SECONDS
        file = _kept(request, body)
        if request.is_dry and file.total > MOST_DRY:
            text = _(
                "A dry run takes at most %(n)s lines. Send fewer, or upload it: nothing is made before /run."
            )
            raise ValidationError({"text": ValidationError(text, "too_many_dry", {"n": MOST_DRY})})
        file = judging.judge_for(seconds, actor=actor, file=file)
        lines = file.lines.order_by("number") if request.is_dry else []
        also = {"lines": [judging.told(file, line) for line in lines]}
        return Done(201, record(file), also=also)

    return done(request, act)


def _kept(request, body):
    actor = request.auth
    try:
        file = keeping.store(
            actor=actor,
            kind=body.kind,
            upload=File(BytesIO(_bytes(body)), body.name or _("from a program")),
            format=body.format,
            headings=body.columns,
        )
    except ValidationError as error:
        if error.error_list[0].code == "too_many":
            raise
        raise ValidationError({"text": error.error_list}) from None
    options = {
        "domain": body.domain,
        "umlauts": body.umlauts,
        "how": body.without_password,
        "must_change": body.must_change_password,
        "quota": body.quota_bytes,
        "welcome": body.welcome,
        "by": request.token.pk,
    }
    with at(**NAMES):
        return matching.match_as_given(actor=actor, file=file, given=body.columns, options=options)


def _bytes(body):
    if not body.base64:
        return body.text.encode()
    try:
        return base64.b64decode("".join(body.text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValidationError(_("This is not base64."), "base64") from None


@router.get("/imports/{number}", auth=Token("imports:read"), response=ImportRecord)
def get_import(request, number: Number):
    """One of them: how far it is."""
    return imports.get(request, number)


@router.delete("/imports/{number}", auth=Token("imports:write"), response={204: None})
def delete_import(request, number: Number):
    """Delete the file, with what its result still has. What was made stays."""
    return imports.remove(request, number)


@router.get("/imports/{number}/lines", auth=Token("imports:read"), response=ImportLines)
def list_import_lines(
    request,
    number: Number,
    state: Annotated[
        Literal["new", "good", "bad", "left-out", "made"] | None,
        Query(description="Only those."),
    ] = None,
):
    """Its lines, and what is wrong with each."""
    file = imports.named(request.auth, number)
    rows = FileLine.objects.filter(file=file.pk)
    if state:
        rows = rows.filter(state=state)
    told = partial(judging.told, file)
    return listed(request, _Lines(rows, ("number",), told, whole=rows), asked=("state",))


@router.patch("/imports/{number}/lines/{line}", auth=Token("imports:write"), response=ImportLine)
def patch_import_line(request, number: Number, line: LineNumber, body: ImportLinePatch):
    """Correct a line that is not made, or leave it out: it is judged anew, and those that it was in the way of."""

    def act(row):
        place = {"actor": request.auth, "file": row.file, "number": row.number}
        for name in body.values.keys() - KINDS[row.file.kind].fields.keys():
            text = _("There is no such field.")
            raise Problem(422, text, [(pointer("values", name), text)])
        if body.values:
            judging.correct(texts=body.values, **place)
        if body.left_out is not None:
            judging.leave_out(back=not body.left_out, **place)
        return Done(200, _told(_find_line(request.auth, number, line)))

    return import_lines.do(request, number, line, act=act)


@router.post("/imports/{number}/check", auth=Token("imports:write"), response=ImportRecord)
def check_import(request, number: Number):
    """Judge the next lines, for some seconds: send it again while state is checking."""

    def act(file):
        if file.columns is None:
            text = _("Nobody has said yet what its columns hold: its page asks that.")
            raise ValidationError(text, "no_columns")
        return Done(200, record(judging.judge_for(STEP_SECONDS, actor=request.auth, file=file)))

    return imports.do(request, number, act=act)


@router.post("/imports/{number}/run", auth=Token("imports:write"), response=ImportRecord)
def run_import(request, number: Number):
    """Make the next good lines, for some seconds: send it again until state is done."""

    def act(file):
        _check_rights(request, file.kind, file.options["how"])
        actor = request.auth
        task = tasks.begin(work.begin(actor=actor, file=file))
        tasks.step(task, work.ImportWork(actor), STEP_SECONDS)
        return Done(200, record(_find(actor, number)))

    return imports.do(request, number, act=act)


@router.post("/imports/{number}/stop", auth=Token("imports:write"), response=ImportRecord)
def stop_import(request, number: Number):
    """Let nothing more be made until it is run again: so its result can be had meanwhile."""

    def act(file):
        if file.task is not None:
            tasks.stop(file.task)
        return Done(200, record(_find(request.auth, number)))

    return imports.do(request, number, act=act)


@router.post("/imports/{number}/result", auth=Token("imports:write"), response=ImportResult)
def hand_out_import_result(request, number: Number):
    """What became of each line, with the passwords and links that were made: for ten minutes from the first time, or an hour from the import. Of mailboxes in a file that another token, or a person, uploaded it needs mailboxes:password."""

    def act(file):
        others = file.kind == "mailbox" and file.options.get("by") != request.token.pk
        more = {"mailboxes:password"} if others else ()
        _check_rights(request, file.kind, file.options["how"], more)
        if request.is_dry:  # what is handed out is somebody's
            return Done(body={"items": []})
        items = [_outcome(one) for one in result.outcomes(file)]
        return Done(body={"items": items}, secret=("items",))

    return imports.do(request, number, act=act)


def _outcome(outcome):
    kind, secret = outcome.kind, outcome.secret
    return {
        "line": outcome.line,
        "address": outcome.address,
        "made": outcome.imported,
        "password": secret if kind == "password" else None,
        "url": password_links.url_of(secret) if kind == "link" else None,
        "sent": kind == "sent",
        "problem": outcome.problem,
    }
