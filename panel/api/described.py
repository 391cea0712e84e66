"""What the description (OpenAPI 3.1) has of every operation besides its own: problems, dry run, preconditions, examples."""

import json

from panel.api.lists import LINES, MOST, USUAL
from panel.api.problems import NAMES, TYPE
from panel.api.queries import parameter
from panel.api.schemas import DryRun, ProblemDetails

WRITING = {"put", "patch", "post", "delete"}
RATE_LIMIT = ("RateLimit-Policy", "RateLimit")
HEADERS = {
    "ETag": {"description": "Its ETag.", "schema": {"type": "string"}},
    "Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}},
    "RateLimit-Policy": {
        "description": "How many requests (q) of this token are answered in so many seconds (w), from one network.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "How many are left (r), and in how many seconds (t) there is one more.",
        "schema": {"type": "string"},
    },
}
SENTENCES = {
    400: "The body is no JSON.",
    401: "No token, or one that opens nothing.",
    403: "The token, or its account, may not do this.",
    404: "There is nothing of this name, or it is not yours to see.",
    409: "What is there stands in the way: the name is taken, or a mail loop would come to be.",
    412: "It is not as If-Match or If-None-Match say.",
    413: "The body is larger than 256 kB.",
    422: "Something is wrong; errors say where.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "The database cannot do this now; Retry-After says when to try again.",
}


def completed(schema, rights):
    schema["components"] |= {"headers": HEADERS, "responses": dict(map(_problem, SENTENCES))}
    models = schema["components"]["schemas"]
    for model in (ProblemDetails, DryRun):
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        models.update(own.pop("$defs", {}))
        models[model.__name__] = own
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation, rights[operation["operationId"]], models)
    schema["paths"] = dict(sorted(schema["paths"].items()))
    return schema


def _complete(path, method, operation, right, models):
    summary, _blank, more = operation.pop("description", "").partition("\n")
    operation["summary"] = summary.strip()
    needs = f"Needs the right {right}." if right else "Any token may ask."
    operation["description"] = " ".join([*more.split(), needs])
    operation["x-right"] = right
    parameters, responses = operation["parameters"], operation["responses"]
    is_list = _lists(responses.get(200, {}), models)
    for one in parameters:  # a list belongs into the schema alone
        examples = one.pop("examples", None)
        if examples:
            one["example"] = examples[0]
    statuses = {401, 403, 422, 429, 503}
    if "requestBody" in operation:
        statuses |= {400, 413}
    if "{" in path:
        statuses.add(404)
    if method in WRITING:
        parameters += _of_writing(method)
        statuses |= {409, 412} if method != "post" else {409}
        responses.setdefault(200, {"description": "What a dry run tells."})
        _also_dry_run(responses[200])
    elif is_list:
        parameters += _of_lists(operation["operationId"])
        answer = responses[200]["content"]
        answer[LINES] = {"schema": {"type": "string"}}
    elif "{" in path:
        parameters.append(
            _header("If-None-Match", "The ETag that is known: 304 if it is the same.")
        )
        responses[304] = {"description": "It is the same."}
    for status in responses:
        names = RATE_LIMIT
        if status in {200, 201} and "{" in path and not is_list:
            names = ("ETag", *RATE_LIMIT)
        responses[status]["headers"] = _headers(*names)
    for status in statuses:
        responses[status] = {"$ref": f"#/components/responses/{NAMES[status]}"}
    operation["responses"] = {str(status): responses[status] for status in sorted(responses)}


def _problem(status):
    content = {TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    names = ("Retry-After", *RATE_LIMIT) if status in {429, 503} else RATE_LIMIT
    return NAMES[status], {
        "description": SENTENCES[status],
        "content": content,
        "headers": _headers(*names),
    }


def _headers(*names):
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _lists(answer, models):
    content = answer.get("content", {}).get("application/json", {})
    name = str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return models.get(name, {}).get("properties", {}).keys() == {"items", "next"}


def _of_writing(method):
    yield parameter("dry_run", "Tell what would happen, and write nothing.", {"type": "boolean"})
    if method == "post":
        yield _header(
            "Idempotency-Key", "The same request with the same key within a day is done once.", 255
        )
        return
    yield _header("If-Match", "The ETag that it must have: 412 otherwise. * is any.")
    if method == "put":
        yield _header("If-None-Match", "*: only if it is new.")


def _of_lists(operation):
    yield parameter(
        "after", "The key after which the page begins, as next has it.", {"type": "string"}
    )
    limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
    yield parameter("limit", "How many on a page.", limit)


def _also_dry_run(answer):
    schema = {"$ref": "#/components/schemas/DryRun"}
    own = answer.get("content", {}).get("application/json", {}).get("schema")
    wanted = {"anyOf": [own, schema]} if own else schema
    answer["content"] = {"application/json": {"schema": wanted}}


def _header(name, description, longest=1_000):
    schema = {"type": "string", "maxLength": longest}
    return {"in": "header", "name": name, "description": description, "schema": schema}


def for_people(schema):
    """[(tag, [(method, path, operation, its body's members, an example of it as JSON, or "")])], in the order of the description."""
    groups = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            body = _body(schema, operation)
            tag = operation.get("tags", [""])[0]
            groups.setdefault(tag, []).append(
                (method.upper(), path, operation, _members(body), _example(body))
            )
    return list(groups.items())


def _body(schema, operation):
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"].get(name, {})


def _members(body):
    return [
        (member, _kind(about), about.get("description", ""))
        for member, about in body.get("properties", {}).items()
        if not about.get("readOnly")
    ]


def _example(body):
    return "".join(json.dumps(shown, ensure_ascii=False) for shown in body.get("examples", [])[:1])


def _kind(about):
    kinds = [one.get("type", "") for one in about.get("anyOf", [about])]
    return " or ".join(kind for kind in kinds if kind)


assert SENTENCES.keys() <= NAMES.keys()
