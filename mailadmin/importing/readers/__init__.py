from mailadmin.importing.readers.docker_mailserver import DockerMailserver
from mailadmin.importing.readers.iredmail import IRedMail
from mailadmin.importing.readers.postfix import Postfix

READERS = {reader.name: reader for reader in (Postfix, DockerMailserver, IRedMail)}
