"""``python -m salt_lib`` is the `salt` command.

Chapter: Reproduce, change, extend.
"""

from .cli.main import app

if __name__ == "__main__":
    app(prog_name="salt")
