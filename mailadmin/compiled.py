"""Templates compiled once for each language and path prefix, with their texts, paths and icons in them.

Asking for those of a page takes a fifth of its time. What Jinja does for each value in a page, it does here in a fraction of the time.
"""

import re
from functools import lru_cache, partial
from types import BuiltinFunctionType, FunctionType, MethodType

import jinja2
from django.urls import get_script_prefix
from django.utils.safestring import SafeString
from django.utils.translation import get_language, override
from jinja2 import nodes, runtime
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

HTML = {Markup, SafeString}
ESCAPED = re.compile("[&<>'\"]")
# Jinja's own call looks each time whether one of these wants the context.
FUNCTIONS = {FunctionType, MethodType, BuiltinFunctionType, partial, type(lru_cache(len))}


def as_html(value):
    """As escape(), which copies what is HTML already, or the same as text."""
    kind = type(value)
    if kind in HTML or (kind is str and not ESCAPED.search(value)):
        return value
    return escape(value)


def joined(values):
    """What ``~`` does: as Jinja's, which asks each value several times what it is."""
    kinds = {*map(type, values)}
    if kinds == {str}:
        return "".join(values)
    if kinds.isdisjoint(HTML):
        return runtime.markup_join(values)
    return Markup("".join([as_html(value) for value in values]))  # noqa: S704 -- escaped


class Context(runtime.Context):
    def call(self, function, /, *args, _loop_vars=None, _block_vars=None, **kwargs):
        if type(function) in FUNCTIONS:
            if not hasattr(function, "jinja_pass_arg"):
                return function(*args, **kwargs)
            # Ours look at the page's values alone; for those set in a block or a loop, Jinja would copy all of them.
            return super().call(function, *args, **kwargs)
        return super().call(
            function, *args, _loop_vars=_loop_vars, _block_vars=_block_vars, **kwargs
        )


class Template(jinja2.Template):
    @classmethod
    def _from_namespace(cls, environment, namespace, globals):
        namespace |= {"escape": as_html, "markup_join": joined}
        return super()._from_namespace(environment, namespace, globals)


class Environment(jinja2.Environment):
    """``constant``: names of the globals that return the same for the same arguments in one language and path prefix.

    ``in_two``: ``{"url": ("place", "in_place")}`` says that ``url(page, key)`` is ``in_place(place(page), key)``, of
    which the first is constant.
    """

    context_class = Context
    template_class = Template
    constant = frozenset()
    in_two = {}
    language = None

    def make_globals(self, d):
        # Jinja's are a chain of two dicts, which each page's context copies name by name.
        return self.globals | d if d else self.globals

    def _load_template(self, name, globals):
        language = None if self.language else get_language()
        if language is None:
            return super()._load_template(name, globals)
        made = _in_language(self, language, get_script_prefix())
        return made._load_template(name, globals)

    def _generate(self, source, *args, **kwargs):
        if self.language:
            with override(self.language):
                source = _Folder(self).visit(source)
        return super()._generate(source, *args, **kwargs)


@lru_cache(maxsize=32)
def _in_language(environment, language, _path_prefix):
    made = environment.overlay()
    made.language = language
    made.globals, made.filters = _now(environment.globals), _now(environment.filters)
    return made


def _now(functions):
    """``functions``, those of panel.formats.cached_per_language() for the current language."""
    return {name: each.now() if hasattr(each, "now") else each for name, each in functions.items()}


class _Folder(NodeTransformer):
    """Puts what a constant function returns into the template, in place of the call."""

    def __init__(self, environment):
        self.environment = environment

    def visit_Call(self, node):
        node = self.generic_visit(node)
        match node:
            case nodes.Call(
                node=nodes.Name(), args=arguments, kwargs=[], dyn_args=None, dyn_kwargs=None
            ):
                return self.folded(node, node.node.name, arguments)
        return node

    def folded(self, node, name, arguments):
        if name in self.environment.in_two and len(arguments) == 2:
            first, second = self.environment.in_two[name]
            begin = self.folded(node, first, arguments[:1])
            if isinstance(begin, nodes.Const):
                called = nodes.Name(second, "load", lineno=node.lineno)
                return nodes.Call(called, [begin, arguments[1]], [], None, None, lineno=node.lineno)
        if name in self.environment.constant and all(
            isinstance(each, nodes.Const) for each in arguments
        ):
            made = self.environment.globals[name](*(each.value for each in arguments))
            return nodes.Const(made, lineno=node.lineno)
        return node
