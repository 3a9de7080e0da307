"""Imported weights on ImageNet's validation images: found, cropped as torchvision crops, counted right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.data import imagenet
from harness.data.images import sample
from harness.data.preprocessing import INTERPOLATIONS, Preprocessing
from harness.errors import HarnessError
from harness.frameworks import imported, torch_training, untrained, weights
from harness.networks import catalog
from harness.networks.architecture import Architecture
from harness.pieces import carrying_out, plan, results
from harness.pieces.request import Request
from harness.runs import choices, run_rows
from tests.public_models import torchvision

COUNT = 150
PREPROCESSING = Preprocessing(scaling="imagenet_rgb", resize=36, crop=32, interpolation="bilinear")
SMALL_VGG: Architecture = replace(
    catalog.get("vgg16"),
    name="small_vgg",
    input_shape=(32, 32, 3),
    options={
        "blocks": ((4, 1), (8, 1), (8, 1), (8, 1), (16, 1)),
        "head": "classifier",
        "input_shape": (32, 32, 3),
    },
)


def picture(number: int) -> Image.Image:
    """Colours that differ from place to place and from image to image, in sizes of either orientation."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
    return Image.fromarray(coarse).resize((40 + number % 23, 64 - number % 19), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images without labels."""
    folder = tmp_path_factory.mktemp("validation")
    for number in range(COUNT):
        picture(number).save(folder / f"ILSVRC2012_val_{number:08}.JPEG")
    return folder


def ranked(folder: Path, model: torch.nn.Module) -> dict[str, list[int]]:
    """The classes of each image by what the network gives them, the best first, by torchvision's own pipeline."""
    transforms = torchvision().transforms
    ready = transforms.Compose(
        [
            transforms.Resize(PREPROCESSING.resize),
            transforms.CenterCrop(PREPROCESSING.crop),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    files = sorted(folder.glob("*.JPEG"))
    with torch.no_grad():
        logits = model.eval()(torch.stack([ready(Image.open(file)) for file in files]))
    orders = logits.argsort(1, descending=True).tolist()
    return {file.name: order for file, order in zip(files, orders, strict=True)}


def test_accuracy_is_that_of_torchvisions_own_pipeline(
    flat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(catalog, "architectures", lambda: {SMALL_VGG.name: SMALL_VGG})
    values = untrained.draw(SMALL_VGG, sample(SMALL_VGG, untrained.IMAGES), seed=3)
    imported.store(
        SMALL_VGG.name,
        values,
        layout="torchvision",
        file_name="small.pth",
        sha256="0" * 64,
        preprocessing=PREPROCESSING,
    )
    model = torch_training.build(SMALL_VGG)
    weights.to_torch(model, values)
    # The label of image i is the class that the network puts in place i % 9.
    places = [number % 9 for number in range(COUNT)]
    lines = [f"{name} {order[place]}" for place, (name, order) in zip(places, ranked(flat, model).items(), strict=True)]
    (flat / "val.txt").write_text("\n".join(lines))
    request = Request(
        architecture=SMALL_VGG, profile="quick", trained_in="torch", seed=0, data=f"{imagenet.PREFIX}{flat}"
    )
    needed = plan.plan_pieces(request)
    assert needed.weights.kind == "import"
    assert carrying_out.carry_out(needed.all, lambda *_: None) == {}
    first, five = places.count(0), sum(place < 5 for place in places)
    found = results.accuracies(needed)
    assert {framework: each.correct for framework, each in found.items()} == {"keras": first, "torch": first}
    assert results.top5(needed) == pytest.approx({"keras": five / COUNT, "torch": five / COUNT})
    row = run_rows.asked("run", needed, "torch")
    assert (row.dataset, row.profile, row.published_accuracy) == ("imagenet", None, None), "few images are no split"
    assert row.adaptation == "shorter side resized to 36 (bilinear), central crop of 32"
    assert row.base_weights is not None
    assert row.base_weights.startswith("small.pth (torchvision layout")


def test_a_crop_has_torchvisions_pixels(flat: Path) -> None:
    transforms = torchvision().transforms
    for interpolation in INTERPOLATIONS:
        preprocessing = replace(PREPROCESSING, interpolation=interpolation, crop=31)
        mode = transforms.InterpolationMode(interpolation)
        ready = transforms.Compose([transforms.Resize(36, mode), transforms.CenterCrop(31)])
        for file in sorted(flat.glob("*.JPEG"))[:30]:
            assert np.array_equal(imagenet.cropped(file, preprocessing), np.asarray(ready(Image.open(file))))


def test_class_folders_and_wordnet_lists_are_read_alike(tmp_path: Path) -> None:
    names = [f"n{number:08}" for number in range(1000)]
    folders, flat = tmp_path / "folders", tmp_path / "flat"
    flat.mkdir()
    for label, name in enumerate(names):
        (folders / name).mkdir(parents=True)
        file = f"{(label * 7) % 1000:04}.JPEG"
        (folders / name / file).write_bytes(b"")
        (flat / file).write_bytes(b"")
    by_file = sorted((f"{(label * 7) % 1000:04}.JPEG", name) for label, name in enumerate(names))
    (flat / "synsets.txt").write_text("".join(f"{name}\n" for _, name in by_file))
    found = [imagenet.find(folder) for folder in (folders, flat)]
    assert found[0].labels == found[1].labels
    assert [file.name for file in found[0].files] == [file.name for file in found[1].files]
    assert not found[0].whole
    assert found[0].digest == found[1].digest


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1\n2\n", "order of their own"),
        ("0.JPEG 3\n", "none for 1.JPEG"),
        ("0.JPEG 3\n1.JPEG 1000\n", "from 0 to 999, found 1000"),
        ("n01440764\nn01440764\n", "2 images and 1000 classes"),
        ("", "none for 0.JPEG"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(content: str, expected: str, tmp_path: Path) -> None:
    for number in range(2):
        picture(number).save(tmp_path / f"{number}.JPEG")
    (tmp_path / "labels.txt").write_text(content)
    with pytest.raises(HarnessError, match=expected):
        imagenet.find(tmp_path)


def test_a_folder_of_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="found 0 images and 0 lists"):
        imagenet.find(tmp_path)
    (tmp_path / "n01440764").mkdir()
    with pytest.raises(HarnessError, match="found 1 folders"):
        imagenet.find(tmp_path)
    with pytest.raises(HarnessError, match="No such file"):
        imagenet.find(tmp_path / "missing")
    with pytest.raises(HarnessError, match="names no folder"):  # and is not the current one
        choices.choose_data("imagenet:")
    for number in range(1000):  # in alphabetical order 10 stands before 2
        (tmp_path / "numbered" / str(number)).mkdir(parents=True)
    with pytest.raises(HarnessError, match="named by WordNet number"):
        imagenet.find(tmp_path / "numbered")
