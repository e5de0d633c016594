"""The many-answers toy: what it says is what numpy says, and all of it fits on the page."""

import re
import time
from typing import Any

import numpy as np
import pytest
import torch

from srlib.data.edges import edges
from srlib.show.explorers.answers import distances, many_answers


@pytest.fixture(scope="module")
def toy() -> Any:
    return many_answers()


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"<strong>([\d.]+) dB", text)]


def test_the_decibels_are_those_of_numpy_over_all_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(5, 1, 4, 4, generator=generator), torch.rand(7, 1, 4, 4, generator=generator)
    pairs = [np.mean((x.double() - y.double()).numpy() ** 2) for x in a for y in b]
    to_mean = [np.mean((a.double().mean(0) - y.double()).numpy() ** 2) for y in b]
    expected = (-10 * np.log10(np.mean(pairs)), -10 * np.log10(np.mean(to_mean)))
    assert distances(a, b) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("words", "scale"), [({}, 4), ({"scale": "x2", "blended": "32", "seed": "3"}, 2)])
def test_the_numbers_on_the_page_are_those_of_these_samples(
    toy: Any, words: dict[str, str], scale: int
) -> None:
    count, seed = int(words.get("blended", 8)), int(words.get("seed", 1))
    hr = edges(96, 36, scale, seed).double().numpy()
    answers, truths = hr[:32], hr[32:]
    one = np.mean([np.mean((answers - truth) ** 2) for truth in truths])
    mean = np.mean((truths - answers[:count].mean(axis=0)) ** 2)
    expected = [-10 * np.log10(one), -10 * np.log10(mean)]
    assert numbers(toy.text(**words)) == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize("scale", ["x2", "x3", "x4"])
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_the_more_are_blended_the_nearer_the_answer_and_the_blurrier(toy: Any, scale: str, seed: str) -> None:
    texts = [toy.text(blended=str(count), seed=seed, scale=scale) for count in (2, 8, 32)]
    decibels = [numbers(text)[1] for text in texts]
    kept = [int(re.findall(r"with (\d+)% of a sharp", text)[0]) for text in texts]
    sharp = numbers(texts[0])[0]
    assert decibels[0] > sharp
    assert sorted(kept, reverse=True) == kept
    assert kept[-1] < 50
    assert decibels[-1] - sharp == pytest.approx(10 * np.log10(2 * 32 / 33), abs=0.4)


def test_every_tile_has_words_and_what_is_blended_is_marked(toy: Any) -> None:
    text = toy.text(blended="2")
    words = re.findall(r'alt="([^"]+)"', text)
    assert [word.partition(":")[0] for word in words] == [
        "LR, 9 x 9",
        *(f"answer {i}" for i in range(1, 7)),
        "the blend of 2",
    ]
    assert [("not in the blend" in word) for word in words[1:7]] == [False, False, True, True, True, True]
    assert text.count("outline:") == 2
    assert text.count("outline-offset: -2px") == 2  # inside the picture, where nothing cuts it off
    assert "(and 26 more)" in toy.text(blended="32")
    assert "more)" not in toy.text(blended="4")


def test_the_saved_page_is_light_and_soon_drawn() -> None:
    begun = time.process_time()
    page = many_answers().still()
    assert page.text.count('class="frame"') == 54
    assert len(page) < 700_000
    assert time.process_time() - begun < 6


@pytest.mark.parametrize("size", [30, 12, 120])
def test_a_size_that_does_not_suit_all_scales_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 12"):
        many_answers(size)
