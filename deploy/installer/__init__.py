"""From a bare Debian server to a mail host: deploy/install.

It runs before the virtual environment is there, so it needs Python 3.11 and the standard library only.

world.py     looks at the machine and writes nothing: findings, each with what to do
part.py      a part of the host: what it asks (Answer), installs, writes and starts; parts.py lists them in order
             panel.py, certificate.py, resolver.py, relay.py, signing.py, spam.py, forwarding.py, mail.py, helper.py, webmail.py,
             surroundings.py: one part each
plan.py      all steps of all parts, in order; what is written comes from deploy/ by mailadmin/shipped.py
options.py   the command line and the file of answers, from what the parts ask; releases.py: the Debians
texts.py     files of which only a part is ours
steps.py     a step knows what is there, what is wanted, shows the difference, and does it; packages.py has those for packages and users
journal.py   what was done, written down before it is done; copies of what was replaced; what we wrote last
undo.py      goes through the journal backwards
backup.py    deploy/backup; restore.py is deploy/restore, a run of the installation whose Plan knows a backup (restored.py)
services.py  starts and stops services: by systemd, or where it is not running by the unit's own ExecStart
closing.py   what is printed at the end: addresses, fingerprint, DNS records

A run goes through the steps, does those with a difference, and stops at the first that fails; the next run finds the
earlier ones done. So a run on a finished host changes nothing, and after an upgrade it does what differs.
A file is ours while it is as we wrote it last. One that a person changed is shown and kept.
"""
