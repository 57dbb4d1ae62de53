"""JSON Schemas of what manyhands reads, and the checks made from them."""
