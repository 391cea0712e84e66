from mailadmin.importing.readers.docker_mailserver import DockerMailserver
from mailadmin.importing.readers.iredmail import IRedMail
from mailadmin.importing.readers.ldif import Ldif
from mailadmin.importing.readers.mailcow import Mailcow
from mailadmin.importing.readers.mailu import Mailu
from mailadmin.importing.readers.modoboa import Modoboa
from mailadmin.importing.readers.postfix import Postfix
from mailadmin.importing.readers.tutorial import Tutorial
from mailadmin.importing.readers.vimbadmin import ViMbAdmin

READERS = {
    reader.name: reader
    for reader in (
        *(Postfix, DockerMailserver, IRedMail, ViMbAdmin, Mailcow),
        *(Tutorial, Modoboa, Mailu, Ldif),
    )
}
