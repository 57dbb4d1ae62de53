"""Studies in a report: published and measured side by side, for the terminal, Markdown and the page."""
