"""The convolutions of MobileNet v1 as Keras publishes them."""

from harness.data.preprocessing import Preprocessing
from harness.frameworks.layouts.layout import Layout

MOBILENET = (
    Layout(
        library="keras",
        preprocessing=Preprocessing(scaling="minus_one_to_one", resize=256, crop=224, interpolation="bilinear"),
        layer=str,  # Keras' own names
    ),
)
