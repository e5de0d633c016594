"""Draws book/_static/opening.png, the picture of README and welcome page: python book/opening.py"""

from pathlib import Path

import torch

from srlib.data import photos
from srlib.degrade import bicubic
from srlib.images import save
from srlib.resize import imresize

HERE = Path(__file__).parent


def main() -> None:
    """The astronaut's face: four times too small (every pixel drawn as a square), enlarged by bicubic
    interpolation, and the true picture, side by side with white gaps."""
    hr = photos(["astronaut"])["astronaut"][:, 0:232, 100:332]  # (3, 232, 232)
    lr = bicubic(hr, 4)  # (3, 58, 58)
    views = [imresize(lr, 4, kernel="nearest"), imresize(lr, 4), hr]
    gap = torch.ones(3, 232, 8)
    row = torch.cat([views[0], gap, views[1], gap, views[2]], dim=2)
    print(save(row, HERE / "_static" / "opening.png"))


if __name__ == "__main__":
    main()
