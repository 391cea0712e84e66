"""Templates compiled once for each language, with its texts in them: asking for fifty texts takes a tenth of a page."""

from functools import cache

import jinja2
from django.utils.translation import get_language, gettext, override
from jinja2 import nodes
from jinja2.visitor import NodeTransformer


class Environment(jinja2.Environment):
    language = None

    def _load_template(self, name, globals):
        if self.language or not get_language():
            return super()._load_template(name, globals)
        return _in_language(self, get_language())._load_template(name, globals)

    def _generate(self, source, *args, **kwargs):
        if self.language:
            with override(self.language):
                source = _Translator().visit(source)
        return super()._generate(source, *args, **kwargs)


@cache
def _in_language(environment, language):
    made = environment.overlay()
    made.language = language
    return made


class _Translator(NodeTransformer):
    def visit_Call(self, node):
        node = self.generic_visit(node)
        match node:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))]):
                return nodes.Const(gettext(text), lineno=node.lineno)
        return node
