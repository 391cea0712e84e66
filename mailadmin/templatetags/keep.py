"""{% keep %}: fragments that are the same on many pages, rendered once for each language. A builtin library."""

from django import template
from django.urls import get_script_prefix
from django.utils.translation import get_language

register = template.Library()

MOST = 500  # renderings of one fragment


@register.tag
def keep(parser, token):
    """Render the block up to ``{% endkeep %}`` once for each value of the named variables.

    ``{% keep superadmin domain.pk=key %}``: inside, only ``superadmin`` and ``key`` exist, not even the
    request or a CSRF token, so that no visitor sees another's page.
    """
    named = {}
    for bit in token.split_contents()[1:]:
        value, _equals, name = bit.partition("=")
        named[name or value] = parser.compile_filter(value)
    nodes = parser.parse(("endkeep",))
    parser.delete_first_token()
    if nodes.get_nodes_by_type(template.loader_tags.BlockNode):
        raise template.TemplateSyntaxError(
            "A block of another template does not fit into {% keep %}."
        )
    return KeepNode(nodes, named)


class KeepNode(template.Node):
    child_nodelists = ()  # {% extends %} looks through them at every drawing, for blocks

    def __init__(self, nodelist, named):
        self.nodelist = nodelist
        self.named = named
        self.initial_digests = {}

    def render(self, context):
        values = [value.resolve(context) for value in self.named.values()]
        key = (get_language(), get_script_prefix(), *values)
        html = self.initial_digests.get(key)
        if html is None:
            html = self.nodelist.render(context.new(dict(zip(self.named, values, strict=True))))
            if len(self.initial_digests) >= MOST:
                self.initial_digests.clear()
            self.initial_digests[key] = html
        return html
