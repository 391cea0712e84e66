from django.utils.functional import cached_property


class InlineMixin:
    """A form view that also gives the form of one field alone, ``?field=name``, to htmx.

    ``inline`` names those fields. Once saved it leads to the row's page, of which htmx takes what changed.
    """

    inline = ()

    @cached_property
    def field(self):
        asked = self.request.GET.get("field", "")
        return asked if asked in self.inline and "HX-Request" in self.request.headers else ""

    def get_template_names(self):
        return ["inline_form.html"] if self.field else super().get_template_names()

    def get_form(self, form_class=None):
        form = super().get_form(form_class)
        if self.field:
            form.keep_only(self.field)
        return form

    def get_success_url(self):
        return self.object.get_absolute_url() if self.field else super().get_success_url()

    def get_context_data(self, **kwargs):
        inline = {}
        if self.field:
            inline = {"field": self.field, "cancel_url": self.object.get_absolute_url()}
        return super().get_context_data(**inline, **kwargs)
