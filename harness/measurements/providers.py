"""Where a session runs: onnxruntime's execution providers by short names, each on a device, with its options."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import HarnessError

# By short name: onnxruntime's name.
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
SHORT_NAMES = {name: short for short, name in PROVIDERS.items()}
# By short name: the devices it can run on, the usual one first.
DEVICES = {
    "cpu": ("cpu",),
    "cuda": ("gpu",),
    "tensorrt": ("gpu",),
    "openvino": ("cpu", "gpu"),
    "coreml": ("gpu", "cpu"),
    "directml": ("gpu",),
}
NVIDIA = "cuda", "tensorrt"  # whose memory inputs and outputs are bound in


@dataclass(frozen=True, kw_only=True)
class Target:
    """One place to run a session: a provider by its short name, and the device it is to use."""

    provider: str = "cpu"
    device: str = "cpu"
    cuda_graph: bool = False

    @property
    def name(self) -> str:
        """The provider as onnxruntime calls it."""
        return PROVIDERS[self.provider]

    @property
    def bound_on_device(self) -> bool:
        """Whether inputs and outputs lie in the device's memory while a call is timed."""
        return self.provider in NVIDIA

    @property
    def options(self) -> Mapping[str, str]:
        """What the provider is told beyond its defaults, or where a default would change the meaning of a row.

        float32 is to mean float32: CUDA's arithmetic in TF32 and TensorRT's in float16 are off. The search
        for convolution algorithms is onnxruntime's own default, pinned so that a row tells it.
        """
        graph = "1" if self.cuda_graph else "0"
        if self.provider == "cuda":
            return {"cudnn_conv_algo_search": "EXHAUSTIVE", "use_tf32": "0", "enable_cuda_graph": graph}
        if self.provider == "tensorrt":
            return {"trt_fp16_enable": "0", "trt_cuda_graph_enable": graph}
        if self.provider == "openvino":
            return {"device_type": self.device.upper()}
        if self.provider == "coreml":
            return {"MLComputeUnits": "CPUOnly" if self.device == "cpu" else "CPUAndGPU"}
        return {}

    @property
    def described(self) -> str | None:
        """The options in words, as a row names them."""
        parts = [f"{name}={value}" for name, value in self.options.items()]
        if self.device == "gpu" and not self.bound_on_device:
            parts.append("transfers inside the call")
        return ", ".join(parts) or None

    def listed(self, existing: tuple[str, ...]) -> list[tuple[str, dict[str, str]]]:
        """The providers of a session, with their options: this one, then what takes the nodes that it leaves.

        TensorRT leaves them to CUDA where onnxruntime has it; everything falls back to the CPU last.
        """
        chain = [self]
        if self.provider == "tensorrt" and PROVIDERS["cuda"] in existing:
            chain.append(Target(provider="cuda", device="gpu"))
        if self.provider != "cpu":
            chain.append(Target())
        return [(each.name, dict(each.options)) for each in chain]


def targets(
    names: tuple[str, ...], device: str | None, cuda_graph: bool, installed: tuple[str, ...] = ()
) -> tuple[Target, ...]:
    """The targets that were asked for. Raises :class:`HarnessError` for a provider that is none, or not of the device.

    Without names the device decides: the CPU's own provider, or CUDA on a GPU. ``installed`` are those of
    the installed onnxruntime, by its names, which the error tells.
    """
    asked = names or (("cuda",) if device == "gpu" else ("cpu",))
    for name in asked:
        if name not in PROVIDERS:
            there = ", ".join(short for short, long in PROVIDERS.items() if long in installed)
            has = f"; the installed onnxruntime has {there}" if there else ""
            raise HarnessError(f"--provider {name}: expected some of {', '.join(PROVIDERS)}{has}.")
        if device is not None and device not in DEVICES[name]:
            fitting = ", ".join(other for other, devices in DEVICES.items() if device in devices)
            raise HarnessError(f"--provider {name} does not run on --device {device}: expected one of {fitting}.")
    if cuda_graph and not set(asked) & set(NVIDIA):
        raise HarnessError(f"--cuda-graph is for {' and '.join(NVIDIA)}: expected --provider with one of them.")
    return tuple(
        Target(provider=name, device=device or DEVICES[name][0], cuda_graph=cuda_graph and name in NVIDIA)
        for name in dict.fromkeys(asked)
    )
