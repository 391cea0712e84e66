from mailboxes.models import Mailbox
from mailboxes.services import set_mailbox_active

ODD = {
    "odd-tab": "ann@example.org,\tbob@example.org",
    "odd-blank": "ann@example.org bob@example.org",
    "odd-quotes": '"bob"@example.org',
    "odd-comment": "bob@example.org(the younger)",
    "odd-name": "Bob <bob@example.org>",
    "odd-command": "|/usr/bin/keep",
    "odd-word": "root",
}


BLANK = {"empty": "", "blank": " ", "comma": ", ,", "tab": "\t,"}


def fill(world):
    world.domain("example.org")
    world.mailbox("ann@example.org")
    world.mailbox("bob@example.org")
    world.mailbox("away@example.org")
    world.mailbox("away-copy@example.org")
    world.raw("alias", "away@example.org", goto="away@elsewhere.test")
    world.raw("alias", "away-copy@example.org", goto="away-copy@example.org,away@elsewhere.test")
    world.mailbox("closed@example.org", active=False)
    world.alias("sales@example.org", "ann@example.org", "bob@example.org")
    world.alias("out@example.org", "someone@elsewhere.test")
    world.alias("asleep@example.org", "ann@example.org", active=False)

    world.domain("catch.example")
    world.mailbox("cat@catch.example")
    world.mailbox("dog@catch.example")
    world.mailbox("gone@catch.example", active=False)
    world.alias("@catch.example", "cat@catch.example")

    world.domain("alias.example")
    world.alias_domain("alias.example", "example.org")
    world.domain("catch-alias.example")
    world.alias_domain("catch-alias.example", "catch.example")
    world.alias("dog@catch-alias.example", "ann@example.org")
    world.domain("sleeping-alias.example")
    world.alias_domain("sleeping-alias.example", "example.org", active=False)

    world.domain("off.example")
    world.mailbox("eve@off.example")
    world.alias("all@off.example", "ann@example.org")
    world.domain("off-alias.example")
    world.alias_domain("off-alias.example", "off.example")
    world.alias("leak@example.org", "eve@off.example")
    world.alias("half@example.org", "eve@off.example", "ann@example.org")
    world.mailbox("forward@example.org")
    world.raw("alias", "forward@example.org", goto="eve@off.example")
    world.raw("domain", "off.example", active=False)

    world.mailbox("late@example.org")
    world.alias("late-only@example.org", "late@example.org")
    world.alias("late-too@example.org", "late+list@example.org", "ann@example.org")
    world.alias("late-caught@catch.example", "gone@catch.example")
    world.mailbox("late-forward@example.org")
    world.raw("alias", "late-forward@example.org", goto="late@example.org")
    world.alias("late-copy@example.org", "late@example.org", "someone@elsewhere.test")
    set_mailbox_active(actor=None, mailbox=Mailbox.objects.get(pk="late@example.org"), active=False)
    world.alias("once@example.org", "former@example.org")
    world.alias("once-too@example.org", "former@example.org", "ann+list@example.org")
    world.alias("to-asleep@example.org", "asleep@example.org")
    world.alias("to-alias@example.org", "sales+list@example.org")
    world.alias("to-alias-domain@example.org", "bob@alias.example")

    for address in ("selfish@example.org", "selfish@catch.example", "selfish@alias.example"):
        world.alias(address, "bob@example.org")
        world.raw("alias", address, goto=f"{address},bob@example.org")
    world.mailbox("r&d@example.org", active=False)
    world.alias("lab@example.org", "r&d@example.org")
    world.alias("cash@example.org", "cash$@example.org")
    world.alias("to-off-alias@example.org", "eve@off-alias.example")

    world.alias("to-former@example.org", "former@alias.example")
    world.alias("to-late@example.org", "late@alias.example", "ann@example.org")
    world.alias("to-late-list@example.org", "late+list@alias.example")
    world.alias("to-sales@example.org", "sales@alias.example")
    world.alias("to-caught@example.org", "anyone@catch-alias.example")
    world.alias("to-cut@example.org", "ann@sleeping-alias.example")
    world.domain("old.example")
    world.alias_domain("old.example", "catch.example")
    world.alias("@old.example", "anyone@old.example", "dog@old.example")

    world.domain("caught.example")
    kit = world.mailbox("kit@caught.example")
    world.alias("@caught.example", "kit@caught.example")
    world.alias("also@caught.example", "kit+also@caught.example")
    world.domain("shared.example")
    tom = world.mailbox("tom@shared.example")
    world.alias("@shared.example", "tom@shared.example", "ann@example.org")
    for mailbox in (kit, tom):
        set_mailbox_active(actor=None, mailbox=mailbox, active=False)
    world.domain("quiet.example")
    world.alias("@quiet.example", "ann@example.org", active=False)
    world.alias("to-quiet@example.org", "x@quiet.example")
    world.domain("whole.example")
    world.alias("@whole.example", "ann@example.org")
    world.raw("alias", "@whole.example", goto="@example.org")
    world.mailbox("own@whole.example")
    world.domain("whole-off.example")
    world.alias("@whole-off.example", "ann@example.org")
    world.raw("alias", "@whole-off.example", goto="@off.example,\t@quiet.example")
    world.alias("to-whole@example.org", "bob@whole.example", "former@whole.example")

    world.alias("third@example.org", "second@example.org")
    world.alias("second@example.org", "first@example.org", "late@alias.example")
    world.alias("first@example.org", "late@example.org")
    world.alias("third-too@example.org", "second@example.org", "sales@example.org")
    world.alias("third-caught@example.org", "anyone@caught.example", "second+list@example.org")
    world.alias("third-forward@example.org", "late-forward@example.org")
    world.alias("info@example.org", "ann@example.org")
    world.alias("info@alias.example", "second@example.org")
    for name in ("round", "about", "round-out"):
        world.alias(f"{name}@example.org", "ann@example.org")
    world.domain("s.example")
    world.alias_domain("s.example", "catch.example")
    world.alias("too-long@example.org", "ann@example.org")
    world.raw("alias", "too-long@example.org", goto=f"{'a' * 243}+x@s.example")
    world.raw("alias", "round@example.org", goto="about@example.org")
    world.raw("alias", "about@example.org", goto="round@example.org")
    world.raw("alias", "round-out@example.org", goto="round@example.org,bob@example.org")

    # As other programs may have written them.
    for name, goto in ODD.items():
        world.alias(f"{name}@example.org", "ann@example.org")
        world.raw("alias", f"{name}@example.org", goto=goto)

    world.alias("odd-inactive@example.org", "ann@example.org")

    for name, goto in BLANK.items():
        world.mailbox(f"{name}@catch.example")
        world.raw("alias", f"{name}@catch.example", goto=goto)
        world.alias(f"{name}@example.org", "ann@example.org")
        world.raw("alias", f"{name}@example.org", goto=goto)
    world.alias("dog@example.org", "ann@example.org")
    world.raw("alias", "dog@example.org", goto="ann@example.org,@catch.example")
    world.domain("outside.example")
    world.alias("@outside.example", "@outside.elsewhere.test")

    world.domain("backup.example", backupmx=True)
    world.domain("smart.example", transport="smtp:[192.0.2.7]:2525")
    world.alias("handed-on@example.org", "x@backup.example", "y@smart.example")
    # Names that the next server knows, and here and there one that may not count.
    world.alias("master@smart.example", "master@smart.example")
    world.alias("list+news@smart.example", "list+news@smart.example")
    world.alias("asleep@smart.example", "asleep@smart.example", active=False)
    world.mailbox("closed@smart.example", active=False)
    world.raw("alias", "closed@smart.example", active=True)
    world.alias("@smart.example", "ann@example.org", active=False)
    world.alias("both@smart.example", "both@smart.example", "ann@example.org")
    world.domain("to-smart.example")
    world.alias_domain("to-smart.example", "smart.example")
    world.alias("grows@smart.example", "grows@smart.example")
    world.alias("grows@to-smart.example", "ann@example.org")
    world.raw("alias", "grows@to-smart.example", goto="grows+tag@to-smart.example")
    world.alias("to-listed@example.org", "master@to-smart.example", "list+news@to-smart.example")
    world.alias("to-unlisted@example.org", "former@to-smart.example", "closed@to-smart.example")
    world.alias("nobody@example.org", "ann@example.org")
    world.raw("alias", "nobody@example.org", goto="nobody@example.org")
