import django.db.models.expressions
import django.db.models.functions.text
import django.utils.timezone
import panel.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_adoption"),
    ]

    operations = [
        migrations.CreateModel(
            name="FactorException",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("ip", panel.fields.KeyField(max_length=46)),
                ("username", panel.fields.KeyField(blank=True, max_length=255, null=True)),
                (
                    "description",
                    models.CharField(blank=True, default="", max_length=255, null=True),
                ),
                (
                    "domain",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Substr(
                            "username",
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.functions.text.StrIndex(
                                    "username", models.Value("@")
                                ),
                                "+",
                                models.Value(1),
                            ),
                        ),
                        output_field=panel.fields.KeyField(max_length=255, null=True),
                    ),
                ),
            ],
            options={
                "db_table": "totp_exception_address",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["username"], name="totp_exception_username"),
                    models.Index(fields=["domain"], name="totp_exception_domain"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", panel.fields.KeyField(max_length=7)),
                ("username", panel.fields.KeyField(max_length=255)),
                ("digest", panel.fields.KeyField(max_length=64)),
                ("made", panel.fields.SecondsField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "recovery_code",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("username", "kind", "digest"), name="recovery_code_account"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", panel.fields.KeyField(max_length=7)),
                ("username", panel.fields.KeyField(max_length=255)),
                ("last_step", models.BigIntegerField(db_default=0, default=0)),
                ("since", panel.fields.SecondsField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "second_factor",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("username", "kind"), name="second_factor_account"
                    )
                ],
            },
        ),
    ]
