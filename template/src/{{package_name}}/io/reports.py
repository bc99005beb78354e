"""Reports: one HTML page that needs no other file, logged with the run."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .files import write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MAX_NAME = 200
"""Of the 250 letters of a metric's name, those that a column's may have."""
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0; }
th, td { padding: 0.25rem 0.75rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; align-items: start; }
img { width: 29rem; max-width: 100%; background: white; border-radius: 4px; }
"""


class Report:
    """A page that grows from top to bottom.

    Args:
        title: its heading.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts: list[str] = []
        self._images: dict[str, bytes] = {}

    def add_heading(self, text: str) -> None:
        """Add a heading."""
        self._parts.append(f"<h2>{html.escape(text)}</h2>")

    def add_text(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{html.escape(text)}</p>")

    def add_table(self, table: pd.DataFrame) -> None:
        """Add a table, without its index."""
        self._parts.append(
            table.to_html(index=False, border=0, na_rep="–", float_format=lambda x: f"{x:.4g}")
        )

    def add_figures(self, figures: dict[str, Figure]) -> None:
        """Add figures side by side; their names must be new on this page."""
        elements = []
        for name, figure in figures.items():
            image = io.BytesIO()
            figure.savefig(image, format="png", dpi=110)
            self._images[name] = image.getvalue()
            data = base64.b64encode(image.getvalue()).decode()
            elements.append(f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">')
        self._parts.append(f'<div class="plots">{"".join(elements)}</div>')

    def save(self, path: str) -> None:
        """Write the page, and log it and each figure with the active run.

        Args:
            path: of the page, local or an fsspec URL.
        """
        import mlflow

        page = self._page()
        write_text(path, page)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "report.html").write_text(page, encoding="utf-8")
            for name, image in self._images.items():
                Path(folder, f"{plain_name(name)}.png").write_bytes(image)
            mlflow.log_artifacts(folder, "report")

    def _page(self) -> str:
        title = html.escape(self.title)
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
            + "\n".join(self._parts)
            + "\n</body>\n</html>\n"
        )


def plain_name(column: str) -> str:
    """Name a metric or a file after a column, which may hold characters that these refuse.

    A name that must change, or is too long, ends with a digest, so that each stays its own.
    """
    plain = re.sub(r"[^\w\-. :]", "_", column, flags=re.ASCII)
    if plain != column or len(plain) > MAX_NAME or plain.strip(".") != plain:
        digest = hashlib.sha256(column.encode()).hexdigest()[:8]
        plain = f"{plain[:MAX_NAME].strip('.')}_{digest}"
    return plain
