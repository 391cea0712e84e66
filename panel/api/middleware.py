from django.utils.translation import gettext as _

from panel.api import problems, scim

PREFIX = "/api/"
DOCUMENTATION = "/api/v1/docs"  # a page for people
TOLD = (problems.TYPE, scim.TYPE, "application/json")  # what an operation says itself


def is_api(request):
    path = request.path_info
    return path.startswith((PREFIX, scim.PREFIX)) and path != DOCUMENTATION


class ApiMiddleware:
    """A request of the API carries a token, and nothing else says who it is: its cookies are not looked at.

    So it has no session, and no page of another site can send one in somebody's name: the middlewares that come after (session,
    second factor, password that must be changed, CSRF) find nobody signed in. Stands before them. And whatever refuses a request,
    Django's own errors too, answers as the API does.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not is_api(request):
            return self.get_response(request)
        request.COOKIES = {}
        response = _answered(request, self.get_response(request))
        # How much the token may still ask: there once it was read.
        for name, value in getattr(request, "rate_limit", {}).items():
            response.headers[name] = value
        return response


def _answered(request, response):
    status = response.status_code
    if status < 400 or response.headers.get("Content-Type", "").startswith(TOLD):
        return response
    allow = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
    problem = _as_problem(status, allow)
    return scim.refusal(problem) if request.path_info.startswith(scim.PREFIX) else problem


def _as_problem(status, headers):
    if status == 404:
        return problems.not_found()
    sentences = {
        400: _("This request is not understood."),
        403: _("Your role in this domain does not let you do this."),
        405: _("This is not done with this method: Allow names those that are."),
        413: _("The body is too large."),
        503: _("The server cannot do this now. Try again."),
    }
    text = sentences.get(status, _("Something went wrong on the server. It is in its log."))
    return problems.answer(status, text, headers=headers)
