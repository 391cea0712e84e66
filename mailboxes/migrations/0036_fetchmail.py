import datetime
import django.db.models.deletion
import django.utils.timezone
import panel.fields
from django.db import migrations, models


# As docs/in-place.sql has it, for the table of a PostfixAdmin beside this panel, or before it.
TAKE_OVER = [
    """UPDATE fetchmail SET mailbox = LOWER(TRIM(mailbox)), domain = LOWER(TRIM(domain)),
    date = IF(LEFT(CAST(date AS CHAR), 4) = '0000', '2000-01-01', date),
    created = IF(LEFT(CAST(created AS CHAR), 4) = '0000', '2000-01-01', created),
    modified = IF(LEFT(CAST(modified AS CHAR), 4) = '0000', '2000-01-01', modified)""",
    """ALTER TABLE fetchmail ENGINE = InnoDB, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    MODIFY id int(11) NOT NULL AUTO_INCREMENT,
    MODIFY src_server varchar(255) NOT NULL DEFAULT '', MODIFY src_auth varchar(255) NULL,
    MODIFY src_user varchar(255) NOT NULL DEFAULT '', MODIFY src_password varchar(255) NOT NULL DEFAULT '',
    MODIFY src_folder varchar(255) NOT NULL DEFAULT '', MODIFY poll_time int(11) NOT NULL DEFAULT 10,
    MODIFY fetchall tinyint(1) NOT NULL DEFAULT 0, MODIFY keep tinyint(1) NOT NULL DEFAULT 0,
    MODIFY protocol varchar(255) NULL, MODIFY usessl tinyint(1) NOT NULL DEFAULT 0,
    MODIFY extra_options text NULL, MODIFY returned_text text NULL,
    MODIFY mda varchar(255) NULL DEFAULT '', MODIFY sslcertck tinyint(1) NOT NULL DEFAULT 0,
    MODIFY sslcertpath varchar(255) NULL DEFAULT '', MODIFY sslfingerprint varchar(255) NULL DEFAULT '',
    MODIFY domain varchar(255) NULL DEFAULT '', MODIFY active tinyint(1) NOT NULL DEFAULT 0,
    MODIFY src_port int(11) NOT NULL DEFAULT 0, MODIFY date datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
    MODIFY created datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
    MODIFY modified datetime NOT NULL DEFAULT '2000-01-01 00:00:00',
    ADD COLUMN plain tinyint(1) NOT NULL DEFAULT 0, ADD COLUMN outcome varchar(40) NOT NULL DEFAULT '',
    ADD COLUMN said varchar(500) NOT NULL DEFAULT '', ADD COLUMN taken int(11) NOT NULL DEFAULT 0,
    ADD COLUMN failures int(11) NOT NULL DEFAULT 0, ADD COLUMN next_run bigint(20) NOT NULL DEFAULT 0,
    ADD COLUMN busy_until bigint(20) NOT NULL DEFAULT 0, DROP INDEX IF EXISTS idx_fetchmail_domain,
    ADD INDEX fetchmail_mailbox (mailbox), ADD INDEX fetchmail_due (active, next_run)""",
]


def create(apps, schema_editor):
    model = apps.get_model("mailboxes", "RemoteMailbox")
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        there = connection.introspection.table_names(cursor)
    if "fetchmail" in there and connection.vendor == "mysql":
        for statement in TAKE_OVER:
            schema_editor.execute(statement)
    else:
        schema_editor.create_model(model)


def drop(apps, schema_editor):
    schema_editor.delete_model(apps.get_model("mailboxes", "RemoteMailbox"))


class Migration(migrations.Migration):
    dependencies = [
        ("mailboxes", "0035_quota_warning_domain"),
    ]

    operations = [
        migrations.CreateModel(
            name="FetchedMessage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("remote", models.IntegerField()),
                ("key", panel.fields.KeyField(max_length=64)),
                ("digest", panel.fields.KeyField(db_default="", default="", max_length=64)),
                ("refused", models.BooleanField(db_default=False, default=False)),
                ("at", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "db_table": "fetched_message",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("remote", "key"), name="fetched_message_key")
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="RemoteMailbox",
                    fields=[
                        ("id", models.AutoField(primary_key=True, serialize=False)),
                        (
                            "src_server",
                            panel.fields.KeyField(db_default="", default="", max_length=255),
                        ),
                        (
                            "src_auth",
                            panel.fields.KeyField(default="password", max_length=255, null=True),
                        ),
                        (
                            "src_user",
                            panel.fields.KeyField(db_default="", default="", max_length=255),
                        ),
                        (
                            "src_password",
                            panel.fields.KeyField(db_default="", default="", max_length=255),
                        ),
                        (
                            "src_folder",
                            panel.fields.KeyField(db_default="", default="", max_length=255),
                        ),
                        ("poll_time", models.IntegerField(db_default=10, default=10)),
                        ("fetchall", models.BooleanField(db_default=False, default=True)),
                        ("keep", models.BooleanField(db_default=False, default=True)),
                        (
                            "protocol",
                            panel.fields.KeyField(default="IMAP", max_length=255, null=True),
                        ),
                        ("usessl", models.BooleanField(db_default=False, default=True)),
                        ("extra_options", panel.fields.ShortTextField(null=True)),
                        ("returned_text", panel.fields.ShortTextField(null=True)),
                        (
                            "mda",
                            panel.fields.KeyField(
                                db_default="", default="", max_length=255, null=True
                            ),
                        ),
                        (
                            "date",
                            panel.fields.SecondsField(
                                db_default=datetime.datetime(
                                    2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc
                                ),
                                default=datetime.datetime(
                                    2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc
                                ),
                            ),
                        ),
                        ("sslcertck", models.BooleanField(db_default=False, default=True)),
                        (
                            "sslcertpath",
                            panel.fields.KeyField(
                                db_default="", default="", max_length=255, null=True
                            ),
                        ),
                        (
                            "sslfingerprint",
                            panel.fields.KeyField(
                                db_default="", default="", max_length=255, null=True
                            ),
                        ),
                        (
                            "domain",
                            panel.fields.KeyField(
                                db_default="", default="", max_length=255, null=True
                            ),
                        ),
                        ("active", models.BooleanField(db_default=False, default=True)),
                        (
                            "created",
                            panel.fields.SecondsField(
                                db_default=datetime.datetime(
                                    2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc
                                ),
                                default=django.utils.timezone.now,
                            ),
                        ),
                        (
                            "modified",
                            panel.fields.SecondsField(
                                db_default=datetime.datetime(
                                    2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc
                                ),
                                default=django.utils.timezone.now,
                            ),
                        ),
                        ("src_port", models.IntegerField(db_default=0, default=0)),
                        ("plain", models.BooleanField(db_default=False, default=False)),
                        (
                            "outcome",
                            panel.fields.KeyField(db_default="", default="", max_length=40),
                        ),
                        ("said", panel.fields.KeyField(db_default="", default="", max_length=500)),
                        ("taken", models.IntegerField(db_default=0, default=0)),
                        ("failures", models.IntegerField(db_default=0, default=0)),
                        ("next_run", models.BigIntegerField(db_default=0, default=0)),
                        ("busy_until", models.BigIntegerField(db_default=0, default=0)),
                        (
                            "mailbox",
                            models.ForeignKey(
                                db_column="mailbox",
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="remote_mailboxes",
                                to="mailboxes.mailbox",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "fetchmail",
                        "default_permissions": (),
                        "indexes": [
                            models.Index(fields=["mailbox"], name="fetchmail_mailbox"),
                            models.Index(fields=["active", "next_run"], name="fetchmail_due"),
                        ],
                    },
                ),
            ],
        ),
        migrations.RunPython(create, drop, atomic=False),
    ]
