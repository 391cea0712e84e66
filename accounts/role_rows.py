from django.db import models

from panel.fields import KeyField


class DomainRoleQuerySet(models.QuerySet):
    def of(self, admin):
        return self.filter(username=admin.pk)

    def store(self, admin, roles, domains):
        """Let ``admin`` have these, ``{domain: role}``, and everything in the others of ``domains``."""
        rows = {row.domain: row for row in self.of(admin).select_for_update()}
        if gone := rows.keys() & domains - roles.keys():
            self.of(admin).filter(domain__in=gone).delete()
        for domain, role in sorted(roles.items()):
            if domain not in rows:
                self.create(username=admin.pk, domain=domain, role=role)
            elif rows[domain].role != role:
                self.filter(pk=rows[domain].pk).update(role=role)


class DomainRole(models.Model):
    """What an administrator may do in a domain, if that is less than everything: narrows the row of ``domain_admins``.

    It stays when another program takes that row away: PostfixAdmin deletes all of them and writes them anew
    whenever an administrator is saved there, who would have all rights afterwards.
    """

    username = KeyField()
    domain = KeyField()
    role = KeyField(max_length=20)

    objects = DomainRoleQuerySet.as_manager()

    class Meta:
        db_table = "domain_role"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["username", "domain"], name="domain_role_pair")
        ]
        indexes = [models.Index(fields=["domain"], name="domain_role_domain")]

    def __str__(self):
        return f"{self.username}, {self.domain}: {self.role}"
