# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""The command `aeroseg`: one name for all tools, in any folder.

A module of its own: it imports nothing of the package, which takes seconds,
so that the help comes at once.
"""

import ast
import difflib
import os
import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

MIM = Path(__file__).resolve().parent / 'aeroseg' / '.mim'
# Files whose command has another name than theirs.
_NAMES = {'check_dataset': 'check'}
_GROUPS = {
    'convert': 'dataset_converters',
    'convert-model': 'model_converters',
}
_ONLY_IN_THE_CHECKOUT = ('paper_tables',)
HEAD = """usage: aeroseg COMMAND ...

Open-vocabulary segmentation of remote-sensing images.

"""
TAIL = """
  aeroseg COMMAND --help    explains a command, with examples
  aeroseg configs [WORD]    lists the configs that come with the package
  aeroseg version           prints the versions of everything

A config is named by its path, or as listed: aeroseg::aeroseg/NAME.py
"""


def tools() -> dict[str, Path]:
    """The tools by the words that call them, such as 'convert isaid'."""
    found = {'benchmark': MIM / 'benchmarks' / 'benchmark.py'}
    for path in (MIM / 'tools').glob('[!_]*.py'):
        if path.stem not in _ONLY_IN_THE_CHECKOUT:
            name = _NAMES.get(path.stem, path.stem.replace('_', '-'))
            found[name] = path
    for group, folder in _GROUPS.items():
        for path in (MIM / 'tools' / folder).glob('[!_]*.py'):
            found[f'{group} {path.stem.replace("_", "-")}'] = path
    return dict(sorted(found.items()))


def summary(tool: Path) -> str:
    """The first line of a tool's docstring."""
    text = ast.get_docstring(ast.parse(tool.read_text(encoding='utf-8')))
    return (text or '').partition('\n')[0]


def overview(found: dict[str, Path]) -> str:
    """Some commands, one per line."""
    width = max(map(len, found)) + 2
    return ''.join(
        f'  {name:{width}}{summary(path)}\n' for name, path in found.items()
    )


def spoken(text: str) -> str:
    """A text about `python tools/NAME.py`, as the commands are called here.

    Args:
        text (str): A help text or message of a tool.

    Returns:
        str: With `aeroseg NAME` instead; lines about the scripts that come
        with the checkout alone are left out.
    """
    names = {
        path.relative_to(MIM).as_posix(): name
        for name, path in tools().items()
    }

    def rename(match: re.Match) -> str:
        name = names.get(match['tool'])
        if name is None:
            return match[0]
        alone = f'-m aeroseg {name}' if match['torchrun'] else name
        return (match['torchrun'] or 'aeroseg ') + alone

    lines = text.splitlines(keepends=True)
    text = ''.join(line for line in lines if 'bash tools/' not in line)
    return re.sub(
        r'(?:python |(?P<torchrun>torchrun [^\n]*?))?'
        r'(?P<tool>(?:tools|benchmarks)/[\w/]+\.py)',
        rename,
        text,
    )


def list_configs(words: Sequence[str]) -> None:
    """Print the names of the configs that contain all words."""
    folder = MIM / 'configs'
    for path in sorted(folder.rglob('*.py')):
        name = path.relative_to(folder).as_posix()
        if '_base_' not in name and all(word in name for word in words):
            print(f'aeroseg::{name}')


def main() -> None:
    """Find the tool that the first words name and run it."""
    words, found = sys.argv[1:], tools()
    if not words or words[0] in ('-h', '--help', 'help'):
        print(HEAD + overview(found) + TAIL, end='')
    elif words[0] == 'configs':
        list_configs(words[1:])
    elif words[0] in ('version', '--version'):
        runpy.run_module('aeroseg.environment', run_name='__main__')
    else:
        name = ' '.join(words[: 1 + (words[0] in _GROUPS)])
        if name not in found:
            sys.exit(_unknown(name, found))
        run(name, found[name], words[len(name.split()) :])


def run(name: str, tool: Path, arguments: Sequence[str]) -> None:
    """Run a tool in this process, under the name of its command."""
    # Read by aeroseg.command_line, for help and for how to resume.
    os.environ['AEROSEG_COMMAND'] = f'aeroseg {name}'
    sys.argv = [str(tool), *arguments]
    sys.path.insert(0, str(tool.parent))
    runpy.run_path(str(tool), run_name='__main__')


def _unknown(name: str, found: dict[str, Path]) -> str:
    group = name.split()[0]
    if group in _GROUPS:
        few = {k: v for k, v in found.items() if k.split()[0] == group}
        return f'aeroseg {group} WHAT ..., where WHAT is one of\n\n' + (
            overview(few)
        )
    close = difflib.get_close_matches(name, found, 1)
    hint = f'; did you mean {close[0]!r}?' if close else ''
    return (
        f'aeroseg: there is no command {name!r}{hint}\n'
        '`aeroseg --help` lists the commands'
    )
