"""The parts of a host, in the order in which their steps are done and their services started."""

from installer.certificate import Certificate
from installer.deliveries import Deliveries
from installer.forwarding import Forwarding
from installer.helper import Helper
from installer.mail import Mail
from installer.panel import Panel
from installer.purge import Purge
from installer.relay import Relay
from installer.resolver import Resolver
from installer.restored import Restored
from installer.sign_ins import SignIns
from installer.signing import Signing
from installer.spam import Spam
from installer.surroundings import Surroundings
from installer.webmail import Webmail

# The webmail's services before nginx, which hands on to them.
PARTS = [
    *(Panel, Certificate, Resolver, Relay, Signing, Spam, Forwarding, Mail),
    *(Helper, Deliveries, SignIns, Purge, Webmail, Surroundings, Restored),
]
