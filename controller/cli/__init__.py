"""The command line: the only place where the controller meets the simulation."""


def main() -> None:
    """Entry point of the `senbetsu` script and of our own child processes.

    Importing takes a moment; Ctrl-C in it shall end us as quietly as later.
    """
    try:
        from controller.cli.app import run_app

        run_app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
