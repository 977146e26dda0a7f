"""The command line: the only place where the controller meets the simulation."""

import signal
import sys
from contextlib import suppress
from importlib import import_module


def main() -> None:
    """Entry point of the `senbetsu` script and of our own child processes.

    Importing takes a moment, and nothing is at stake in it: Ctrl-C then simply ends the process. As an
    exception it could get lost in a library written in C, or come out of it as another.
    """
    as_it_was = signal.getsignal(signal.SIGINT)
    if as_it_was is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from controller.cli.app import run_app

    command = sys.argv[1].lstrip("_") if len(sys.argv) > 1 else ""
    if command.isidentifier():
        with suppress(ModuleNotFoundError):  # not every command has a file of its own
            import_module(f"controller.cli.{command}")
    signal.signal(signal.SIGINT, as_it_was)
    try:
        run_app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
