"""The one error tree of Senbetsu, split by what helps (docs/decisions/0002-one-error-module.md).

`Retryable` heals by trying again, `NeedsOperator` needs a person, `Fatal` is a defect or a broken
configuration. Every error carries a stable code (alarms are keyed by it), a sentence and a remedy.
"""


class SenbetsuError(Exception):
    """Root of all errors that Senbetsu raises on purpose.

    `code` is stable and machine readable (`camera.lost`), `message` one sentence for people that
    names what was found, `remedy` what to do about it.
    """

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" + (f" {self.remedy}" if self.remedy else "")


class Retryable(SenbetsuError):
    """A link or a device that may come back: the supervisor tries again."""


class NeedsOperator(SenbetsuError):
    """Something only a person can put right: a certificate, a calibration, a model, a recipe."""


class Fatal(SenbetsuError):
    """A defect or a broken configuration: the line does not start, or stops in order."""
