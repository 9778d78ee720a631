# Copyright (c) AerOSeg contributors. Licensed under the Apache License 2.0.
"""What the site has besides the pages of docs/ (mkdocs.yml names this file).

README.md is the first page; CONTRIBUTING.md, CHANGELOG.md and THIRD_PARTY.md
are pages too. A link to a file of the checkout that is no page becomes text.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
# Page of the site -> file of the checkout.
OUTSIDE = {
    'index.md': 'README.md',
    'CONTRIBUTING.md': 'CONTRIBUTING.md',
    'CHANGELOG.md': 'CHANGELOG.md',
    'THIRD_PARTY.md': 'THIRD_PARTY.md',
}
_LINK = re.compile(r'(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<to>[^)\s]+)\)')

_ROLE = re.compile(':(?:mod|class|func|meth|attr|exc|data|obj):(?=<code>)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of docs/."""
    for page, source in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding='utf-8')
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Make the links of the checkout those of the site."""
    name = page.file.src_uri
    source = ROOT / OUTSIDE.get(name, f'docs/{name}')
    if name == 'index.md':
        page.meta['hide'] = ['toc']  # room for the table of commands
    return _LINK.sub(lambda link: _on_site(link, source.parent), markdown)


def on_page_content(
    html: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Show `:class:` and its like of docstrings as code alone."""
    return _ROLE.sub('', html)


def _on_site(link: re.Match, folder: Path) -> str:
    # A link to what does not exist stays: the strict build refuses it.
    path, hash_, anchor = link['to'].partition('#')
    target = (folder / path).resolve()
    if '://' in path or not path or not target.exists():
        return link[0]
    docs = ROOT / 'docs'
    if target.is_relative_to(docs) and target.is_file():
        if folder.is_relative_to(docs):
            return link[0]
        to = target.relative_to(docs).as_posix()
    elif target.relative_to(ROOT).as_posix() in OUTSIDE.values():
        up = '../' * len(folder.relative_to(docs).parts) if (
            folder.is_relative_to(docs)
        ) else ''  # fmt: skip
        to = up + next(
            page for page, name in OUTSIDE.items() if target == ROOT / name
        )
    else:
        return link['text']
    return f'{link["image"]}[{link["text"]}]({to}{hash_}{anchor})'
