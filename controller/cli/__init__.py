"""The command line: the only place where the controller meets the simulation."""
