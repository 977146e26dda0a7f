"""`python -m controller.cli`: what our own child processes are started with."""

from controller.cli import main

if __name__ == "__main__":
    main()
