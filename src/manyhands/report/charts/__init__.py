"""Summaries -> charts as Vega-Lite specifications, each with words and a table, for the page and for image files."""
