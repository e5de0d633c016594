"""PatchBank: aligned, augmented, reproducible, and the same on every path."""

import errno
import gc
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from srlib.data.bank import PatchBank
from srlib.degrade import Degradation, bicubic
from srlib.images import ImageError, luma


def coded(height: int, width: int, number: int = 0) -> torch.Tensor:
    """A picture whose three bytes say the row, the column and the picture of each pixel."""
    y = torch.arange(height)[:, None].expand(height, width)
    x = torch.arange(width)[None].expand(height, width)
    return torch.stack([y, x, torch.full_like(x, number)]).byte()


def turns(square: torch.Tensor) -> list[torch.Tensor]:
    """The 8 flips and quarter turns of (C, S, S)."""
    return [v for k in range(4) for v in (square.rot90(k, (1, 2)), square.rot90(k, (1, 2)).flip(2))]


def test_every_hr_patch_is_a_turned_crop_and_all_turns_pictures_and_corners_occur() -> None:
    bank = PatchBank([coded(12, 10, 0), coded(8, 14, 1)], 2)
    seen_turns, seen_pictures, corners = set(), set(), set()
    for _ in range(40):
        _, hr = bank.sample(16, 3)
        assert hr.shape == (16, 3, 6, 6)
        for patch in (hr * 255).round().byte():
            number = int(patch[2, 0, 0])
            top, left = int(patch[0].min()), int(patch[1].min())
            assert top % 2 == left % 2 == 0  # HR corners are LR corners times the scale
            source = coded(12, 10, 0) if number == 0 else coded(8, 14, 1)
            crop = source[:, top : top + 6, left : left + 6]
            how = [i for i, turned in enumerate(turns(crop)) if torch.equal(turned, patch)]
            assert len(how) == 1
            seen_turns.add(how[0])
            seen_pictures.add(number)
            corners.add((number, top, left))
    assert seen_turns == set(range(8))
    assert seen_pictures == {0, 1}
    assert len(corners) == 4 * 3 + 2 * 5  # each place where a patch fits


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_and_hr_lie_on_each_other(scale: int) -> None:
    generator = torch.Generator().manual_seed(0)
    hr_picture = torch.randint(0, 256, (3, 48, 60), generator=generator, dtype=torch.uint8)
    low = bicubic(hr_picture, scale)
    lr, hr = PatchBank([hr_picture], scale).sample(20, 5)
    places = {}  # where each turned LR patch stands in the whole LR picture, and the HR square above it
    for top in range(low.shape[1] - 4):
        for left in range(low.shape[2] - 4):
            square = low[:, top : top + 5, left : left + 5]
            big = hr_picture[:, scale * top : scale * (top + 5), scale * left : scale * (left + 5)]
            for small_turned, big_turned in zip(turns(square), turns(big), strict=True):
                places[small_turned.numpy().tobytes()] = big_turned
    for small, large in zip((lr * 255).round().byte(), (hr * 255).round().byte(), strict=True):
        assert torch.equal(places[small.contiguous().numpy().tobytes()], large)


def test_copying_and_gathering_give_the_same_patches() -> None:
    bank = PatchBank({"a": coded(30, 41, 3), "b": coded(25, 33, 4)}, (2, 3))
    for scale in (2, 3):
        bank._generator.manual_seed(5)
        copied = bank.sample(32, 4, scale)
        bank._generator.manual_seed(5)
        bank._cut = lambda *settings: bank._gather(*settings).float() / 255  # type: ignore[method-assign]
        gathered = bank.sample(32, 4, scale)
        del bank._cut
        assert torch.equal(copied[0], gathered[0])
        assert torch.equal(copied[1], gathered[1])


def test_equal_seeds_give_equal_batches_and_other_seeds_others() -> None:
    pictures = [torch.rand(3, 40, 40)]
    first, again, other = (PatchBank(pictures, 2, seed=s) for s in (7, 7, 8))
    a, b, c = (bank.sample(8, 6)[1] for bank in (first, again, other))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert not torch.equal(first.sample(8, 6)[1], a)


def test_several_scales_are_drawn_by_batch_and_can_be_named() -> None:
    bank = PatchBank([torch.rand(3, 48, 48)], scale=(2, 3, 4))
    drawn = [pair[1].shape[-1] // pair[0].shape[-1] for pair in (bank.sample(1, 5) for _ in range(300))]
    assert all(70 < drawn.count(scale) < 130 for scale in (2, 3, 4))
    assert bank.sample(2, 5, scale=3)[1].shape == (2, 3, 15, 15)
    with pytest.raises(ValueError, match="scales"):
        bank.sample(2, 5, scale=5)


def test_one_channel_banks_hold_the_luma() -> None:
    picture = torch.rand(3, 12, 12)
    _, hr = PatchBank([picture], 2, channels=1).sample(1, 6)
    levels = luma((picture * 255 + 0.5).floor().byte())
    assert any(torch.equal((hr[0] * 255).round().byte(), turned) for turned in turns(levels))


def test_gray_pictures_fill_three_channels() -> None:
    _, hr = PatchBank([torch.rand(1, 12, 12)], 2).sample(2, 4)
    assert torch.equal(hr[:, 0], hr[:, 2])


def test_versions_share_the_original_and_each_is_made_anew() -> None:
    made: list[torch.Tensor] = []

    def darker(hr: torch.Tensor, scale: int) -> torch.Tensor:
        made.append(bicubic(hr, scale) // (len(made) + 1))
        return made[-1]

    bank = PatchBank({"a": coded(12, 12, 200), "b": coded(12, 12, 100)}, 2, degrade=darker, versions=3)
    assert bank.names == ["a"] * 3 + ["b"] * 3
    assert len(made) == 6
    assert bank._buffer.numel() == 2 * (3 * 144 + 3 * 3 * 36)  # each HR once, three LR
    lr, hr = bank.sample(200, 6)
    seen = {
        (round(float(h[2, 0, 0]) * 255), round(float(x[2, 0, 0]) * 255)) for x, h in zip(lr, hr, strict=True)
    }
    assert seen == {(200, 200), (200, 100), (200, 66), (100, 25), (100, 20), (100, 16)}


def test_a_training_cannot_go_on_with_other_troubles() -> None:
    pictures = [torch.rand(3, 24, 24)]
    known = {
        PatchBank(pictures, 2, degrade=how).fingerprint()
        for how in (bicubic, Degradation(), Degradation(blur=1.0))
    }
    assert len(known) == 3
    again = PatchBank(pictures, 2, degrade=Degradation(blur=1.0)).fingerprint()
    assert again in known


def test_small_pictures_are_reported_once_and_skipped() -> None:
    bank = PatchBank({"small": coded(8, 8, 1), "large": coded(40, 40, 2)}, 2)
    with pytest.warns(UserWarning, match=r"1 of 2 .* smaller than a patch of 6 LR pixels at x2 .* small"):
        _, hr = bank.sample(50, 6)
    assert set((hr[:, 2] * 255).round().flatten().tolist()) == {2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bank.sample(1, 6)
    with pytest.raises(ValueError, match="no picture holds a patch of 30 LR pixels at x2"):
        bank.sample(1, 30)
    twice = PatchBank({"small": coded(8, 8, 1), "large": coded(40, 40, 2)}, 2, versions=2)
    with pytest.warns(UserWarning, match=r"1 of 2 .* skipped: small$"):
        twice.sample(1, 6)


def test_pictures_smaller_than_the_scale_are_left_out_by_name() -> None:
    with pytest.warns(UserWarning, match="smaller"), pytest.raises(ValueError, match="too small: tiny"):
        PatchBank({"tiny": torch.rand(3, 3, 9)}, 4)
    with pytest.warns(UserWarning, match="1 pictures are smaller than 4 pixels"):
        bank = PatchBank({"tiny": torch.rand(3, 3, 9), "fine": torch.rand(3, 9, 9)}, 4)
    assert bank.names == ["fine"]
    assert bank.skipped == ["tiny"]
    assert len(bank) == 1


def test_a_large_bank_lies_in_a_file_and_gives_the_same(tmp_path: Path) -> None:
    pictures = [torch.rand(3, 30, 30) for _ in range(4)]
    in_memory, mapped = PatchBank(pictures, 2), PatchBank(pictures, 2, memory_map_above=100)
    assert mapped._folder is not None
    folder = Path(mapped._folder.name)
    assert [file.stat().st_size for file in folder.iterdir()] == [4 * 3 * (30 * 30 + 15 * 15)]
    assert torch.equal(in_memory.sample(8, 5)[0], mapped.sample(8, 5)[0])
    del mapped
    assert not folder.exists()


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(Path, "open", lambda *_: Full())
    with pytest.raises(OSError, match=r"could not be stored \(No space left on device\); free space"):
        PatchBank([torch.rand(3, 30, 30)], 2, memory_map_above=100)
    monkeypatch.undo()
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_read_picture_by_picture(tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(coded(10, 12, number).permute(1, 2, 0).numpy()).save(tmp_path / f"{number}.png")
    bank = PatchBank(tmp_path, 2)
    assert bank.names == ["0", "1", "2"]
    assert set(np.unique((bank.sample(60, 4)[1][:, 2] * 255).round())) == {0, 1, 2}


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ({"images": []}, ValueError, "no picture to take"),
        ({"scale": 0}, ValueError, "whole numbers"),
        ({"scale": ()}, ValueError, "whole numbers"),
        ({"channels": 2}, ValueError, "1 .luma. or 3"),
        ({"scale": (2.0,)}, ValueError, "whole numbers"),
        ({"images": [torch.rand(3, 9, 9) * 255]}, ValueError, "divide by 255"),
        ({"images": [torch.full((3, 9, 9), float("nan"))]}, ValueError, "outside"),
        ({"images": [np.zeros((3, 9, 9))]}, TypeError, "must be a tensor, not ndarray"),
        ({"images": [torch.rand(2, 9, 9)]}, ValueError, r"\(1, H, W\) or \(3, H, W\)"),
        ({"images": "no/such/folder"}, FileNotFoundError, "no such folder"),
    ],
)
def test_wrong_arguments_are_named(call: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        PatchBank(**{"images": [torch.rand(3, 9, 9)], "scale": 2, **call})


def test_batch_and_patch_must_be_positive(tmp_path: Path) -> None:
    bank = PatchBank([torch.rand(3, 9, 9)], 2)
    for batch, patch in ((0, 3), (2, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            bank.sample(batch, patch)
    with pytest.raises(ImageError, match="no pictures"):
        PatchBank(tmp_path, 2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_bank_on_a_gpu_samples_there() -> None:
    lr, hr = PatchBank([torch.rand(3, 40, 40)], 2, "cuda").sample(4, 6)
    assert lr.is_cuda
    assert hr.is_cuda


def test_the_draws_go_on_from_a_state_and_from_another_devices_state_by_a_seed_made_of_it() -> None:
    pictures = [torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(1))]
    first, second = PatchBank(pictures, 2, seed=0), PatchBank(pictures, 2, seed=5)
    first.sample(3, 4)
    second.set_state(first.state())
    for a, b in zip(first.sample(3, 4), second.sample(3, 4), strict=True):
        assert torch.equal(a, b)
    for foreign in (first, second):
        foreign.set_state(torch.arange(16, dtype=torch.uint8))
    for a, b in zip(first.sample(3, 4), second.sample(3, 4), strict=True):
        assert torch.equal(a, b)
