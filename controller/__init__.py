"""The asyncio runtime: config, belt clock, decisions, scheduling, ledger, HMI, command line."""
