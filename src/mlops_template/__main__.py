"""Lets projects run the tool with their own Python."""

from .cli import main

if __name__ == "__main__":
    main()
