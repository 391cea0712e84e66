# Of Debian's Roundcube, and where what belongs to it here is.
DEFAULTS = {
    "WEBMAIL_PANEL_PORT": "8025",
    "WEBMAIL_CONF": "/etc/mailadmin/webmail",
    "WEBMAIL_TEMP": "/var/lib/mailadmin-webmail",
    "WEBMAIL_SOCKET": "/run/php/mailadmin-webmail.sock",
    "ROUNDCUBE_ROOT": "/var/lib/roundcube/public_html",
    "ROUNDCUBE_DB": "roundcube",
    "ROUNDCUBE_SQL_USER": "roundcube",
}
SECRETS = ("roundcube", "roundcube_key")


def of_passwords(values, passwords):
    """More values; {} without a webmail. Raises ValueError with a sentence."""
    if "WEBMAIL_HOST" not in values:
        return {}
    if not values.get("WEBMAIL_SECRET"):
        raise ValueError(
            "The webmail and the panel need a secret that both know: set WEBMAIL_SECRET in .env."
        )
    socket = values.get("DB_SOCKET")
    return {
        "ROUNDCUBE_SQL_PASSWORD": passwords["roundcube"],
        "ROUNDCUBE_KEY": passwords["roundcube_key"][:24],
        "ROUNDCUBE_SQL_SERVER": f"unix({socket})"
        if socket
        else f"{values['DB_HOST']}:{values['DB_PORT']}",
    }
