"""Who may sign in because another program says who they are: docs/single-sign-on.md. All of it is off by default."""

from urllib.parse import urlsplit

from mailadmin.environment import Environment, is_host_name, is_web_address

env = Environment()

roles = {
    "valid": lambda given: set(given) <= {"administrators", "users"},
    "expected": "administrators, users, or both, separated by commas",
}
both = ["administrators", "users"]

# --- An identity provider (OpenID Connect)
OIDC_ISSUER = env.read(
    "str",
    "OIDC_ISSUER",
    default="",
    valid=lambda url: not url or (is_web_address(url) and url.startswith("https://")),
    expected="the provider's https address, to which /.well-known/openid-configuration is added",
)
OIDC_CLIENT_ID = env.read(
    "str",
    "OIDC_CLIENT_ID",
    default="",
    valid=lambda text: bool(text) == bool(OIDC_ISSUER),
    expected="the name that the provider of OIDC_ISSUER gave the panel",
)
OIDC_CLIENT_SECRET = env.read(
    "str",
    "OIDC_CLIENT_SECRET",
    default="",
    valid=lambda text: bool(text) == bool(OIDC_ISSUER),
    expected="the secret that the provider of OIDC_ISSUER gave the panel",
)
OIDC_NAME = env.read(
    "str",
    "OIDC_NAME",
    default="",
    valid=lambda name: len(name) <= 60,
    expected="the provider's name in at most 60 characters",
)
OIDC_NAME = OIDC_NAME or urlsplit(OIDC_ISSUER).hostname or ""
OIDC_ROLES = env.read("list", "OIDC_ROLES", default=["users"], **roles)
OIDC_ONLY = env.read(
    "list",
    "OIDC_ONLY",
    default=[],
    valid=lambda given: set(given) <= set(OIDC_ROLES) and (not given or bool(OIDC_ISSUER)),
    expected="some of OIDC_ROLES, separated by commas, and OIDC_ISSUER set",
)
OIDC_TRUSTS_ADDRESSES = env.read("bool", "OIDC_TRUSTS_ADDRESSES", default=False)
OIDC_SECOND_FACTOR = env.read("bool", "OIDC_SECOND_FACTOR", default=False)

# --- The proxy in front of the panel
REMOTE_USER = env.read(
    "bool",
    "REMOTE_USER",
    default=False,
    # Without one that sets the header, anybody could send it.
    valid=lambda on: not on or env.bool("BEHIND_PROXY", default=False),
    expected="True or False, and BEHIND_PROXY=True",
)
REMOTE_USER_ROLES = env.read("list", "REMOTE_USER_ROLES", default=both, **roles)
REMOTE_USER_DOMAIN = env.read(
    "str",
    "REMOTE_USER_DOMAIN",
    default="",
    valid=lambda name: not name or is_host_name(name),
    expected="a domain such as example.org",
)
REMOTE_USER_SECOND_FACTOR = env.read("bool", "REMOTE_USER_SECOND_FACTOR", default=False)
