"""`python -m manyhands`: the same words as the `manyhands` command."""

from manyhands.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
