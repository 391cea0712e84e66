import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import panel.fields
from panel.fields import UNKNOWN_MOMENT

# As PostfixAdmin has them: a row that goes takes its own along, whoever deletes it. Django knows no such constraint.
CASCADES = """
ALTER TABLE dkim ADD CONSTRAINT dkim_domain FOREIGN KEY (domain_name) REFERENCES domain (domain) ON DELETE CASCADE
ALTER TABLE dkim_signing ADD CONSTRAINT dkim_signing_key FOREIGN KEY (dkim_id) REFERENCES dkim (id) ON DELETE CASCADE
"""


def add_constraints(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        for statement in CASCADES.strip().splitlines():
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    """DKIM keys, in PostfixAdmin's tables, so that its own upgrades find them; ``replaced`` is ours."""

    dependencies = [("domains", "0009_storage_used")]

    operations = [
        migrations.CreateModel(
            name="DKIMKey",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "domain_name",
                    models.ForeignKey(
                        db_column="domain_name",
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="dkim_keys",
                        to="domains.domain",
                    ),
                ),
                (
                    "description",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=255, null=True
                    ),
                ),
                (
                    "selector",
                    panel.fields.KeyField(
                        db_default="default",
                        default="default",
                        max_length=63,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\\Z",
                                "A selector has letters, digits and hyphens, such as s2026.",
                            )
                        ],
                        verbose_name="selector",
                    ),
                ),
                ("private_key", panel.fields.ShortTextField(editable=False, null=True)),
                ("public_key", panel.fields.ShortTextField(null=True)),
                (
                    "created",
                    panel.fields.SecondsField(
                        db_default=UNKNOWN_MOMENT, default=django.utils.timezone.now
                    ),
                ),
                (
                    "modified",
                    panel.fields.SecondsField(
                        db_default=UNKNOWN_MOMENT, default=django.utils.timezone.now
                    ),
                ),
                ("replaced", panel.fields.SecondsField(blank=True, null=True)),
            ],
            options={
                "db_table": "dkim",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["domain_name", "description"], name="domain_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="DKIMSigning",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("author", panel.fields.KeyField(db_default="", default="", max_length=255)),
                (
                    "dkim",
                    models.ForeignKey(
                        db_column="dkim_id",
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="signing",
                        to="domains.dkimkey",
                    ),
                ),
                (
                    "created",
                    panel.fields.SecondsField(
                        db_default=UNKNOWN_MOMENT, default=django.utils.timezone.now
                    ),
                ),
                (
                    "modified",
                    panel.fields.SecondsField(
                        db_default=UNKNOWN_MOMENT, default=django.utils.timezone.now
                    ),
                ),
            ],
            options={
                "db_table": "dkim_signing",
                "default_permissions": (),
                "indexes": [models.Index(fields=["author"], name="author")],
            },
        ),
        migrations.RunPython(add_constraints, migrations.RunPython.noop, atomic=False),
    ]
