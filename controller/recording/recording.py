"""What a recording holds beside its frames, read at once: the belt's way, the parts and their orders."""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from controller.config import LineConfig
from controller.recording.about import CONFIG_ATTACHMENT, recorded_config
from controller.recording.topics import (
    MESSAGES,
    OrderMessage,
    PartMessage,
    ReceiptMessage,
    StatusMessage,
)
from senbetsu_errors import Fatal, NeedsOperator
from vision.recording_file import RecordingFile
from vision.recording_source import FRAME_TOPIC


@dataclass(frozen=True, slots=True)
class BeltMoment:
    """What a status block said of the belt and the PLC's inputs, `at_s` after the recording's start."""

    at_s: float
    encoder: int
    belt_speed_mm_s: float
    epoch: int
    e_stop_ok: bool
    air_ok: bool
    fire: bool
    valve_fault: int
    trigger_seq: int = 0
    trigger_encoder: int = 0


@dataclass(slots=True)
class PartStory:
    """One part with its order and receipt, if it had them. `restarts`: how often the PLC had restarted before
    it was decided on, since belt coordinates begin anew with each.
    """

    at_s: float
    restarts: int
    part: PartMessage
    order: OrderMessage | None = None
    receipt: ReceiptMessage | None = None


@dataclass(slots=True)
class PartStories:
    """Puts parts, orders and receipts together as they come, from a file or from a running line."""

    parts: list[PartStory] = field(default_factory=list[PartStory])
    restarts: int = 0
    _epoch: int | None = None
    _by_id: dict[int, PartStory] = field(default_factory=dict[int, PartStory])

    def take(self, at_s: float, message: BaseModel) -> None:
        """Take one message of a topic; those that say nothing of parts are passed over."""
        match message:
            case StatusMessage():
                self.restarts += self._epoch not in (None, message.epoch)
                self._epoch = message.epoch
            case PartMessage():
                story = self._by_id[message.part_id] = PartStory(at_s, self.restarts, message)
                self.parts.append(story)
            case OrderMessage():
                if story := self._by_id.get(message.part_id):
                    story.order = message
            case ReceiptMessage():
                if story := self._by_id.get(message.part_id):
                    story.receipt = message
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording without its pictures. `parts` are those whose frames are in the file too."""

    path: Path
    about: dict[str, str]
    config_json: bytes
    belt: tuple[BeltMoment, ...]
    parts: tuple[PartStory, ...]
    frames: int
    parts_without_frame: int
    finished: bool
    dropped: int

    @property
    def config(self) -> LineConfig:
        """The configuration it was recorded with; see `recorded_config` for what that raises."""
        return recorded_config(self.config_json, self.path)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of the model it was recorded with."""
        return tuple(self.about["labels"].split(","))


def read_recording(path: Path) -> Recording:
    """Read a recording to its end, or to where it was cut off. Raises what RecordingFile raises."""
    file = RecordingFile(path)
    stories = PartStories()
    belt: list[BeltMoment] = []
    frames = 0
    parts_with_frame = 0
    for message in file.messages():
        if message.topic == FRAME_TOPIC:
            # A frame stands behind what was decided from it: parts behind the last one cannot be replayed.
            frames += 1
            parts_with_frame = len(stories.parts)
        elif message.topic in MESSAGES:
            parsed = _parsed(message.topic, message.data, path)
            stories.take(message.at_s, parsed)
            if isinstance(parsed, StatusMessage):
                belt.append(_moment(message.at_s, parsed))
    if CONFIG_ATTACHMENT not in file.attachments or "labels" not in file.about:
        raise NeedsOperator("recording.cut", f"{path} was cut off before its configuration.", "It cannot be replayed.")
    return Recording(
        path=path,
        about=file.about,
        config_json=file.attachments[CONFIG_ATTACHMENT],
        belt=tuple(belt),
        parts=tuple(stories.parts[:parts_with_frame]),
        frames=frames,
        parts_without_frame=len(stories.parts) - parts_with_frame,
        finished=file.finished,
        dropped=int(file.closing.get("dropped", "0")),
    )


def _parsed(topic: str, data: bytes, path: Path) -> BaseModel:
    try:
        return MESSAGES[topic].model_validate_json(data)
    except ValidationError as error:
        raise Fatal(
            "recording.corrupt",
            f"{path} holds a message on {topic} that cannot be read: {error.errors()[0]['msg']}.",
            "Copy the file again from where it was recorded.",
        ) from error


def _moment(at_s: float, status: StatusMessage) -> BeltMoment:
    return BeltMoment(
        at_s=at_s,
        encoder=status.encoder,
        belt_speed_mm_s=status.belt_speed_mm_s,
        epoch=status.epoch,
        e_stop_ok=status.e_stop_ok,
        air_ok=status.air_ok,
        fire=status.fire,
        valve_fault=status.valve_fault,
        trigger_seq=status.trigger_seq,
        trigger_encoder=status.trigger_encoder,
    )
