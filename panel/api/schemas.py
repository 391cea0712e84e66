import unicodedata
from typing import Annotated, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model

from panel.addresses import lookup_key
from panel.api.problems import Problem, pointer


def _text(value):
    """As a form's field takes it: without blanks around it, and nothing that no database stores."""
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in value):
        raise ValueError(_("Write printable characters alone."))
    return value.strip()


def _secret(value):
    value.encode()  # a half of a surrogate pair is a ValueError
    return value


def _day(value):
    try:
        found = parse_date(value)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(_("Write a day such as 2026-11-30."))
    return found


def _email(value):
    try:
        return forms.EmailField(required=False, max_length=255).clean(value)
    except ValidationError as error:
        raise ValueError(" ".join(error.messages)) from None


Text = Annotated[str, AfterValidator(_text)]
Email = Annotated[str, AfterValidator(_text), AfterValidator(_email)]
Secret = Annotated[str, Field(max_length=4096), AfterValidator(_secret)]
# Of several lines; services leave out what cannot be printed.
Lines = Annotated[str, AfterValidator(_secret)]
Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]
Moment = Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]


class Answer(BaseModel):
    """What is only answered."""


class Body(BaseModel):
    """What PUT takes and GET returns. A member of another name is an error, and so is "yes" or 1 where true is meant."""

    model_config = ConfigDict(extra="forbid", strict=True)


def example(members):
    """The config of a body that shows how one looks."""
    return ConfigDict(json_schema_extra={"examples": [members]})


def read_only(description=None, **more):
    """A member that answers have. PUT takes it, so that what GET returned can be sent back, and ignores it."""
    extra = {"readOnly": True} | more
    return Field(None, description=description, json_schema_extra=extra)


def write_only(description, **more):
    extra = {"writeOnly": True} | more
    return Field(None, description=description, json_schema_extra=extra)


def patch_of(model):
    """The schema of a merge patch (RFC 7396) of ``model``: each member may be left out, and null is its default."""
    fields = {}
    for name in settable(model):
        field = model.model_fields[name]
        kind = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        told = {"description": field.description, "json_schema_extra": field.json_schema_extra}
        fields[name] = (kind | None, Field(None, **told))
    patch = create_model(f"{model.__name__}Patch", __base__=Body, **fields)
    shown = (model.model_config.get("json_schema_extra") or {}).get("examples", [{}])[0]
    some = dict(list(shown.items())[:1])
    patch.model_config["json_schema_extra"] = {"examples": [some]}
    patch.model_rebuild(force=True)
    return patch


def settable(model):
    return [
        name
        for name, field in model.model_fields.items()
        if not (field.json_schema_extra or {}).get("readOnly")
    ]


def values_of(body):
    """{member: value} of what PUT takes: what is left out has its default."""
    return {name: getattr(body, name) for name in settable(type(body))}


def patched(model, patch, record):
    """{member: value} of a merge patch of ``model``: what is null gets the default. ``record()`` is what is stored.

    Of a member that has members itself, those that are not named stay.
    """
    values = {}
    for name in patch.model_fields_set:
        value, field = getattr(patch, name), model.model_fields[name]
        if value is None and field.is_required():
            text = _("It has no default.")
            raise Problem(422, text, [(pointer(name), text)])
        if isinstance(value, Body) and (stored := record()[name]) is not None:
            others = {k: v for k, v in stored.items() if k not in value.model_fields_set}
            value = value.model_copy(update=others)
        values[name] = field.get_default(call_default_factory=True) if value is None else value
    return values


def renamed(values, columns):
    """``values`` by the names that services have for them: ``columns`` is {member: column}."""
    return {columns.get(name, name): value for name, value in values.items()}


def check_key(body, member, key):
    """Of a row that was read and is sent back: it must be the one that the address of the request names."""
    given = getattr(body, member)
    if given is not None and lookup_key(given) != lookup_key(key):
        text = _("This is another one than the address of the request names.")
        raise Problem(422, text, [(pointer(member), text)])


class ProblemError(Answer):
    pointer: str = Field(description="Where in the body (RFC 6901); empty: all of it.")
    detail: str


class ProblemDetails(Answer):
    """RFC 9457. ``detail`` is the sentence that the pages show."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemError] | None = None


class LogChange(Answer):
    action: str
    object: str
    domain: str
    changes: dict[str, list[Any]] | None = Field(description="member: [before, after]")


class DryRun(Answer):
    """What would have happened. Nothing was written, and nobody was told."""

    dry_run: bool
    status: int = Field(description="The status that the answer would have had.")
    changes: list[LogChange] = Field(description="What the log would say, in its own words.")
    changes_elsewhere: int = Field(
        description="How many more it would have, of domains that are not yours to see."
    )
    result: dict[str, Any] | None = Field(description="What the answer would have been.")
    also: dict[str, Any] = Field(description="What it would touch besides.")
