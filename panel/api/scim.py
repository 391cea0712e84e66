"""How SCIM (RFC 7644) answers: its lists and its errors, with the sentences that the API has for the same."""

import json

from django.http import HttpResponse

PREFIX = "/scim/"
TYPE = "application/scim+json"
MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
# What our problems are there: most of what is wrong with a body is 400.
STATUSES = {412: 409, 422: 400}


class Refused(Exception):
    """What SCIM has a word (``kind``, its scimType) for and the API has not."""

    def __init__(self, kind, detail, status=400):
        super().__init__(detail)
        self.kind, self.detail, self.status = kind, detail, status


def answered(body, status=200, **headers):
    content = "" if body is None else json.dumps(body, ensure_ascii=False)
    return HttpResponse(content, status=status, content_type=TYPE, headers=headers)


def error(status, detail, kind="", headers=()):
    body = {"schemas": [f"{MESSAGES}:Error"], "status": str(status), "detail": str(detail)}
    if kind:
        body["scimType"] = kind
    return answered(body, status, **dict(headers))


def refusal(problem, kinds=None):
    """A problem of the API as SCIM says it; ``kinds`` is {status: scimType} of this operation."""
    said = json.loads(problem.content)
    status = STATUSES.get(said["status"], said["status"])
    names = ("Allow", "Retry-After", "WWW-Authenticate")
    headers = {name: problem.headers[name] for name in names if name in problem.headers}
    return error(status, said["detail"], (kinds or {}).get(status, ""), headers)


def listed(resources, total, start):
    return answered(
        {
            "schemas": [f"{MESSAGES}:ListResponse"],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(resources),
            "Resources": resources,
        }
    )
