"""What /scim/v2 says of itself (RFC 7643, 5 to 7): what it can do, and which attributes a user has here."""

CORE = "urn:ietf:params:scim:schemas:core:2.0"
USER = f"{CORE}:User"
MOST = 200  # users of one answer


def _attribute(name, kind="string", description="", **more):
    told = {
        "name": name,
        "type": kind,
        "multiValued": False,
        "description": description,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    return told | more


ATTRIBUTES = [
    _attribute(
        "userName",
        description="The mailbox, an address. It is what it was created with.",
        required=True,
        uniqueness="server",
        mutability="immutable",
    ),
    _attribute("displayName", description="The person's name."),
    _attribute(
        "name",
        "complex",
        "The person's name, as displayName has it.",
        subAttributes=[
            _attribute("formatted", description="As displayName."),
            _attribute("givenName", returned="never", mutability="writeOnly"),
            _attribute("familyName", returned="never", mutability="writeOnly"),
        ],
    ),
    _attribute("active", "boolean", "Off: nobody signs in, mail is refused."),
    _attribute("password", description="Of the mailbox.", mutability="writeOnly", returned="never"),
    _attribute(
        "emails",
        "complex",
        "The mailbox.",
        multiValued=True,
        mutability="readOnly",
        subAttributes=[
            _attribute("value", mutability="readOnly"),
            _attribute("type", mutability="readOnly"),
            _attribute("primary", "boolean", mutability="readOnly"),
        ],
    ),
]


def service_provider(location):
    return {
        "schemas": [f"{CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": {"supported": True},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "API token",
                "description": "A token that an administrator made on the page “API tokens”.",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": location},
    }


def resource_type(location):
    return {
        "schemas": [f"{CORE}:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "Mailboxes",
        "schema": USER,
        "schemaExtensions": [],
        "meta": {"resourceType": "ResourceType", "location": location},
    }


def user_schema(location):
    return {
        "schemas": [f"{CORE}:Schema"],
        "id": USER,
        "name": "User",
        "description": "A mailbox and its user",
        "attributes": ATTRIBUTES,
        "meta": {"resourceType": "Schema", "location": location},
    }
