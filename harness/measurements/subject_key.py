"""What tells one subject of a run from the others that take turns with it."""

from dataclasses import dataclass, fields

ONNXRUNTIME = "onnxruntime"
FLOAT32 = "float32"
CPU = "cpu"
CONTROL = "control"  # a model that is the same in every run, bound by arithmetic
MEMORY_CONTROL = "memory control"  # another, bound by memory
CONTROLS = (CONTROL, MEMORY_CONTROL)
FLOOR = "call floor"  # the model that does nothing


@dataclass(frozen=True, kw_only=True)
class SubjectKey:
    """Whose file a subject is of, and how it is timed; what is usual is not said.

    ``made_by`` is keras, torch or onnx, or one of :data:`CONTROLS`, or :data:`FLOOR`. ``image_size`` is (height,
    width), None for the network's own. :attr:`text` is its name in samples, outputs and tables: its parts are not read
    back.
    """

    made_by: str
    runtime: str = ONNXRUNTIME
    threads: int | None = None
    provider: str = CPU  # by its short name
    precision: str = FLOAT32
    image_size: tuple[int, int] | None = None
    batch: int = 1
    session: str = ""  # the options that the session was given, in words

    @property
    def text(self) -> str:
        """The key in words."""
        return _joined(self._words())

    @property
    def older_text(self) -> str:
        """The same as versions before 0.2 wrote it."""
        return _joined({**self._words(), "threads": f"{self.threads} threads" if self.threads else ""})

    @property
    def setting(self) -> str:
        """How it is timed, in words, whatever runs it and whoever made the file."""
        return _joined({**self._words(), "made_by": "", "runtime": ""})

    def beside(self, other: "SubjectKey") -> str:
        """Two sides of a comparison in words: what they have in common once, what differs as A/B."""
        own, its = self._words(), other._words()
        usual = {"runtime": ONNXRUNTIME, "provider": CPU, "precision": FLOAT32, "batch": "batch 1", "session": "usual"}
        return _joined({name: either(own[name], its[name], usual.get(name, "")) for name in own})

    def _words(self) -> dict[str, str]:
        return {
            "made_by": self.made_by,
            "runtime": self.runtime if self.runtime != ONNXRUNTIME else "",
            "threads": f"{self.threads} thread{'s' if self.threads > 1 else ''}" if self.threads else "",
            "provider": self.provider if self.provider != CPU else "",
            "precision": self.precision if self.precision != FLOAT32 else "",
            "image_size": "x".join(map(str, self.image_size)) if self.image_size else "",
            "batch": f"batch {self.batch}" if self.batch != 1 else "",
            "session": self.session,
        }


def either(a: str, b: str, usual: str = "") -> str:
    """What two sides have in common, or both; ``usual`` is said for what one of them need not say."""
    return a if a == b else f"{a or usual}/{b or usual}"


def _joined(words: dict[str, str]) -> str:
    return ", ".join(filter(None, (words[field.name] for field in fields(SubjectKey))))
