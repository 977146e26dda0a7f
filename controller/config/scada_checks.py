"""Is the SCADA server guarded, as far as its own section cannot know alone."""

from collections.abc import Iterator

from controller.config.checks import Check, Finding
from plc_bridge.config import is_loopback
from plc_bridge.scada_config import ScadaConfig


def scada_stays_at_home(scada: ScadaConfig | None) -> Iterator[Finding]:
    """The line is not shown to a network by accident."""
    if scada is not None and not is_loopback(scada.host) and not scada.allow_remote:
        yield Finding(
            ("scada", "host"),
            f'"{scada.host}", which other computers can reach',
            "127.0.0.1, or allow_remote: true beside it",
            "Allow it only in a network whose computers you trust.",
        )


def scada_trusts_a_folder(scada: ScadaConfig | None) -> Iterator[Finding]:
    """The certificates of clients lie in a folder; that the path exists has been seen already."""
    if scada is not None and scada.security is not None and not scada.security.trusted.is_dir():
        yield Finding(
            ("scada", "security", "trusted"),
            f'"{scada.security.trusted.name}", which is a file',
            "a folder that holds the certificates of the clients that may connect",
        )


SCADA_CHECKS: tuple[Check, ...] = (scada_stays_at_home, scada_trusts_a_folder)
