"""Serves all simulators from the command line."""

from ops.simulators.command import run

if __name__ == "__main__":
    run()
