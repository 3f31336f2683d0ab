"""Pages of one HTML file each, which need no network, no server and no other file.

Style and script stand in the page itself, and a content security policy lets no other one run
and no connection open.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any


class PageFolder:
    """A folder of templates and of the styles and scripts that go into them.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def render(self, template: str, *, style: str, script: str | None = None, **values: Any) -> str:
        """Return a page.

        Parameters
        ----------
        template : str
            A Jinja template's file name. It finds `css` and `policy`, and `script` if there is
            one; what it takes from `values` is escaped.
        style, script : str
            File names.
        **values
            What else the template asks for; all of it must be given.
        """
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(self._folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        css = self._text(style)
        sources = f"style-src '{_source_hash(css)}'; "
        if script is not None:
            values["script"] = self._text(script)
            sources += f"script-src '{_source_hash(values['script'])}'; "
        policy = f"default-src 'none'; {sources}base-uri 'none'; form-action 'none'"
        return environment.get_template(template).render(css=css, policy=policy, **values)

    def _text(self, name: str) -> str:
        return (self._folder / name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
