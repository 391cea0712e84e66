from django.db import models

from panel.locks import CountedLock
from panel.transactions import Unavailable, in_transaction


class RoutingLock(CountedLock):
    """Taken first by every change of a domain, a mailbox or an alias.

    So two changes cannot create a loop together, nor deadlock on the rows that the triggers of both write.
    While ``upgrading`` nobody gets it: the triggers are replaced, and no node of a cluster may save without one.
    """

    upgrading = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "routing_lock"
        default_permissions = ()

    @classmethod
    def hold(cls):
        super().hold()
        if cls.objects.filter(upgrading=True).exists():
            raise Unavailable("upgrade")

    @classmethod
    @in_transaction
    def set_upgrading(cls, upgrading):
        """Wait for whoever has the lock. Counted too: what another node is about to save is rolled back there."""
        super().hold()
        cls.objects.update(upgrading=upgrading)
