from django.core.management.base import BaseCommand

from mailadmin import program

# In each, the words before the cursor decide: none, the command, the command and its verb.
BASH = """\
_mailadmin() {{
    local words=
    case "$COMP_CWORD ${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _mailadmin mailadmin
"""
ZSH = """\
#compdef mailadmin
_mailadmin() {{
    case "$CURRENT ${{words[2]}} ${{words[3]}}" in
{cases}
    *) _files ;;
    esac
}}
compdef _mailadmin mailadmin
"""
FISH = """\
function __mailadmin_after
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end
function __mailadmin_within
    set -l words (commandline -opc)
    set -e words[1]
    string match -q -- "$argv *" "$words "
end
{cases}
"""


class Command(BaseCommand):
    help = "Print what lets your shell complete the words of mailadmin."

    def add_arguments(self, parser):
        parser.add_argument("shell", choices=["bash", "zsh", "fish"])

    def handle(self, *, shell, **options):
        self.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[shell]())


def table():
    """Yield (the words before, whether more may stand between, what can follow)."""
    yield (), False, list(program.COMMANDS)
    for name in program.COMMANDS:
        command = program.load(name)
        parser, verbs = program.parser_of(command, name), list(getattr(command, "verbs", ()))
        if verbs:
            yield (name,), False, verbs
        for verb in verbs:
            yield (name, verb), True, program.words_of(parser, [verb])
        if not verbs:
            yield (name,), True, program.words_of(parser)


def _cases(first, line):
    for before, more, after in table():
        place = "*" if more else str(first + len(before))
        pattern = "\\ ".join([place, *before, *["*"] * (2 - len(before))])
        yield f"    {pattern}) {line.format(' '.join(after))} ;;"


def bash():
    return BASH.format(cases="\n".join(_cases(1, 'words="{}"')))


def zsh():
    return ZSH.format(cases="\n".join(_cases(2, "compadd -- {}")))


def fish():
    lines = ["complete -c mailadmin -f"]
    for before, more, after in table():
        test = " ".join([f"__mailadmin_{'within' if more else 'after'}", *before])
        lines.append(f"complete -c mailadmin -n '{test}' -a '{' '.join(after)}'")
    return FISH.format(cases="\n".join(lines))
