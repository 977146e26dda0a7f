"""`python -m controller.cli`: what our own child processes are started with."""

from controller.cli.app import main

main()
