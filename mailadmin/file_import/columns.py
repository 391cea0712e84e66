"""What the columns of a table hold, by their headings: in English, German and French, as people and other programs name them."""

import re
import unicodedata

from mailadmin.file_import.kinds import KINDS
from panel.models import FileColumns

LONGEST_HEADING = 80
MOST_REMEMBERED = 200
WORDS = {
    "address": "address email emailaddress mail mailaddress mailbox username user login adresse emailadresse mailadresse"
    " postfach benutzer benutzername anmeldename adresseemail adressemail courriel boite boitemail boiteauxlettres"
    " utilisateur identifiant alias source quelle from von de pseudo",
    "local_part": "localpart local lokalteil part partielocale",
    "domain": "domain domaene domane domaine domainname nomdedomaine aliasdomain aliasdomaene",
    "name": "name fullname displayname realname anzeigename vollstandigername vollerName kompletterName nomcomplet"
    " nomaffiche cn",
    "first_name": "firstname givenname forename vorname prenom",
    "last_name": "lastname surname familyname nachname familienname zuname nom nomdefamille sn",
    "quota": "quota size limit maxsize storage groesse grosse speicher speicherplatz kontingent postfachgroesse"
    " postfachgrosse taille espace mailquota",
    "password": "password pass passwd pwd passwort kennwort motdepasse mdp",
    "hash": "hash passwordhash passwdhash userpassword cryptedpassword passworthash kennworthash hachage",
    "email_other": "emailother otheremail otheraddress recoveryemail privateemail alternateemail secondaryemail"
    " andereadresse privateadresse privateemailadresse emailprivat privatemail zweitadresse autreadresse autreemail"
    " emailprive emailpersonnel adressedesecours",
    "phone": "phone telephone mobile cell telefon telefonnummer handy mobil portable gsm tel",
    "active": "active enabled status state on aktiv aktiviert eingeschaltet actif active activee",
    "targets": "targets target recipients recipient goto to destination destinations forward forwardto forwards ziel ziele"
    " empfanger empfaenger weiterleitung weiterleiten an destinataire destinataires cible cibles redirection vers",
    "forward": "forward forwardto forwardsto forwarding redirect redirectto weiterleitung weiterleitungan weiterleiten"
    " umleitung redirection redirigervers transfert transferervers",
    "keep_copy": "keepcopy keepacopy keepacopyhere copykept kopie kopiebehalten kopiehierbehalten copie garderunecopie"
    " copieconservee",
    "copy_to": "copyto copy bcc bccto goto to kopie kopiean an ziel copie copiea destinataire vers",
    "description": "description comment note remark beschreibung bemerkung kommentar notiz commentaire remarque",
    "target": "target targetdomain leadsto goto to destination ziel zieldomain zieldomaene cible domainecible vers",
    "mailboxes": "mailboxes maxmailboxes postfacher postfaecher boites",
    "aliases": "aliases maxaliases aliase alias",
    "maxquota": "maxquota mailboxquota largestmailbox maxmailboxsize grosstespostfach",
    "domain_quota": "quota domainquota storage speicher speicherplatz kontingent espace",
}
FIELDS_OF = {name: frozenset(map(str.lower, words.split())) for name, words in WORDS.items()}
# An alias's own address is also called so.
ALIAS_DOMAINS_OWN = frozenset(
    "alias aliasdomain address source from other othername andererName".lower().split()
)
SECOND = {"mailbox": "", "alias": "targets", "copy": "copy_to"}  # address of a row without headings
UNIT = re.compile(r"(?<![^\W_])(bytes?|octets?|[kmgt]i?[bo])(?![^\W_])", re.IGNORECASE)
LAST = re.compile(r"(?<=[a-z])(bytes?|octets?|[kmgt]i?b)$", re.IGNORECASE)  # of QuotaGB


def bare(heading):
    """``E-Mail-Adresse (privat)`` is ``emailadresseprivat``: small letters without accents."""
    text = _without_accents(heading)
    return _letters(UNIT.sub("", text)) or _letters(text)


def _without_accents(heading):
    return unicodedata.normalize("NFKD", str(heading)[:LONGEST_HEADING].casefold())


def _letters(text):
    return "".join(c for c in text if c.isascii() and c.isalnum())


def unit_of(heading):
    """``GB`` of ``Quota (GB)`` or ``QuotaGB``, in which a number without a unit counts; or ""."""
    found = UNIT.search(str(heading)[:LONGEST_HEADING]) or LAST.search(bare(heading))
    return found[1] if found else ""


def meaning(kind, heading):
    whole, word = _letters(_without_accents(heading)), bare(heading)
    # "To" is a unit in French.
    words = (whole, word, LAST.sub("", word))
    return next(filter(None, (_meaning(kind, one) for one in words)), "")


def _meaning(kind, word):
    fields = KINDS[kind].fields
    if word in {bare(name) for name in fields}:
        return next(name for name in fields if bare(name) == word)
    if kind == "alias-domain" and word in ALIAS_DOMAINS_OWN:
        return "domain"
    return next((name for name in fields if word in FIELDS_OF.get(name, ())), "")


def are_headings(kind, cells, known=()):
    """Whether the first row names its columns: it names at least one that is known, and no cell is an address."""
    words = {bare(heading) for heading in known if not heading.isdigit()} - {""}
    if words & {bare(cell) for cell in cells}:
        return True
    return any(meaning(kind, cell) for cell in cells) and not any("@" in cell for cell in cells)


def remembered(actor, kind):
    """{heading in small letters: field or ""}, as this account said the last time."""
    known = FileColumns.objects.filter(admin=actor.pk, kind=kind).first()
    return known.meanings if known else {}


def proposed(kind, headings, meanings):
    """What each column holds, or "": as ``meanings`` say, else by the heading. No field twice."""
    fields, taken, found = KINDS[kind].fields, set(), []
    for heading in headings:
        name = meanings.get(bare(heading), meaning(kind, heading))
        if name not in fields or name in taken:
            name = ""
        taken.add(name)
        found.append(name)
    return found


def proposed_by_content(kind, cells):
    """For a table without headings: the column with an address holds that."""
    found, taken = [], set()
    for cell in cells:
        name = ""
        if kind in SECOND and "@" in cell:
            name = "address" if "address" not in taken else SECOND[kind]
        elif kind in {"domain", "alias-domain"} and "." in cell:
            name = "domain" if "domain" not in taken else "target" if kind == "alias-domain" else ""
        name = "" if name in taken else name
        taken.add(name)
        found.append(name)
    return found


def remember(actor, kind, headings, columns):
    row, _new = FileColumns.objects.get_or_create(admin=actor.pk, kind=kind)
    meanings = dict(zip(map(bare, headings), columns, strict=True))
    meanings.pop("", None)
    kept = {word: name for word, name in row.meanings.items() if word not in meanings}
    together = [*kept.items(), *meanings.items()][-MOST_REMEMBERED:]
    row.meanings = dict(together)
    row.save(update_fields=["meanings"])
