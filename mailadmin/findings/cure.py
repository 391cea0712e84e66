from django.utils.translation import gettext as _

from accounts.models import Admin
from aliases.bulk import AliasWork
from mailadmin.findings.found import SHOWN
from mailboxes.models import Mailbox
from panel.formats import number
from panel.models import FoundRows
from panel.task_work import Work

ACCOUNTS = {"admin": Admin, "mailbox": Mailbox}


class Cure:
    """``check`` of a task's options names the check whose rows it mends: they leave its findings,
    or come back with Undo."""

    list_url_name = "findings"
    details = {}

    @classmethod
    def is_offered(cls):
        return True

    def settle(self, task, keys):
        found = FoundRows.objects.select_for_update().get(pk=(task.undoes or task).options["check"])
        more, kept = found.count - len(found.keys), set(found.keys)
        found.keys = sorted(kept | set(keys) if task.undoes_id else kept - set(keys))
        found.examples = [example for example in found.examples if example[2] not in keys]
        if task.undoes_id:
            found.examples = [[key, "", key] for key in keys[:SHOWN]]
        found.count = len(found.keys) + more
        found.save()


class Mending(Cure, Work):
    refusals = AliasWork.refusals
    told = AliasWork.told

    def number_done(self, task):
        return task.done

    def result(self, task):
        text = self.results[task.action] % {"count": task.done, "n": number(task.done)}
        return _("%(text)s.") % {"text": text}

    def act(self, task, entry):
        getattr(self, task.action)(entry.key)
        return {}
