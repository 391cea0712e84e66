class ContentSecurityPolicyMiddleware:
    """Allow our own files only: no inline script or style (until Django 6 has this)."""

    POLICY = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.POLICY)
        if getattr(request, "user", None) is not None:
            # Pages show addresses and, once, passwords: no cache may keep them.
            response.headers.setdefault("Cache-Control", "no-store")
        return response
