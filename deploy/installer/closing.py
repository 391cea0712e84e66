"""What is printed at the end: where to go, what to compare, what to publish."""

from installer import machine


def closing(plan):
    options = plan.options
    return "\n".join(
        [
            f"The panel: https://{options.hostname}/",
            f"For mail programs: {options.hostname}; IMAP 993, sending 465 (or 143 and 587 with STARTTLS), filters 4190.",
            *(line for part in plan.parts for line in part.closing()),
            "",
            "For the zones, with whoever keeps them:",
            "",
            *records(options),
            "",
            "Next: make the domain and its mailboxes in the panel, and sign what leaves (DKIM): docs/operations.md.",
        ]
    )


def records(options):
    """Lines of a zone file, each with what it does."""
    name, domain = f"{options.hostname}.", f"{options.domain}."
    four, six = machine.own_address(4), machine.own_address(6)
    lines = []
    for kind, address in [("A", four or "192.0.2.25"), ("AAAA", six)]:
        if address:
            known = "" if four or six else " (put in your address)"
            lines += [f"; where the server is{known}", f"{name} 3600 IN {kind} {address}"]
    lines += ["; what the server calls itself when it sends; nothing else may"]
    lines += [f'{name} 3600 IN TXT "v=spf1 a -all"']
    lines += [f"; where mail for {options.domain} goes; likewise for each other domain"]
    lines += [f"{domain} 3600 IN MX 10 {name}"]
    lines += ["; who may send in its name: the servers of its MX record; others' mail is refused"]
    lines += [f'{domain} 3600 IN TXT "v=spf1 mx -all"']
    lines += [
        "; what receivers do with mail that fails, and where their reports go; p=none only watches"
    ]
    lines += [f'_dmarc.{domain} 3600 IN TXT "v=DMARC1; p=none; rua=mailto:{options.admin}"']
    lines += [
        "; and the reverse name, with whoever gave you the address; without it large receivers refuse:"
    ]
    lines += [f";   {address} -> {options.hostname}" for address in (four, six) if address]
    return lines
