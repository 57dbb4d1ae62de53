"""Records -> what people read: tables in the terminal, Markdown, CSV and JSON. Needs no training library."""
