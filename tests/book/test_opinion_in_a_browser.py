"""The opinion-score lab in a real browser: rated by keys and mouse, its numbers held against scipy."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browser import complaints
from playwright.sync_api import Browser, Locator, Page
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio

from srlib.show import Html
from srlib.show._html import asset
from srlib.show.opinion import opinion

pytestmark = pytest.mark.slow

PHOTOS, METHODS = ("alpha", "beta", "gamma", "delta"), ("HR", "soft", "noisy", "dark", "coarse")
SIDE = 24


def drawn() -> dict[str, dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    made = {}
    for photo in PHOTOS:
        hr = torch.rand(3, SIDE, SIDE, generator=generator)
        noise = torch.randn(3, SIDE, SIDE, generator=generator)
        made[photo] = {
            "HR": hr,
            "soft": torch.nn.functional.avg_pool2d(hr, 3, 1, 1),
            "noisy": (hr + 0.1 * noise).clamp(0, 1),
            "dark": hr * 0.6,
            "coarse": hr[:, ::2, ::2].repeat_interleave(2, 1).repeat_interleave(2, 2),
        }
    return made


PICTURES = drawn()
PUBLISHED = {"Set5": {"HR": 4.32, "Soft": 1.97, "SRGAN": 3.58}, "Set14": {"HR": 4.32}, "BSD100": {"HR": 4.46}}
LAB = opinion(PICTURES, published=PUBLISHED, source="a paper")
ALL = [(photo, method) for photo in PHOTOS for method in METHODS]
SOURCES = re.findall(r'<img src="([^"]+)"', LAB.text)  # one for each of ALL, in that order
Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    pages: list[tuple[Page, list[str]]] = []

    def open_one(*elements: Html, script: str = "", **context: Any) -> Page:
        path = tmp_path / "page.html"
        body = "".join(element.text for element in elements or (LAB,))
        path.write_text(f'<!doctype html><meta charset="utf-8"><body>{body}', encoding="utf-8")
        page = browser.new_context(offline=True, **context).new_page()
        if script:
            page.add_init_script(script)
        pages.append((page, complaints(page)))
        page.goto(path.as_uri())
        return page

    yield open_one
    for page, faults in pages:
        assert faults == []
        page.context.close()


def lab(page: Page, number: int = 0) -> Locator:
    return page.locator(".srlib-opinion").nth(number)


def shown(root: Locator) -> int:
    """Which of ALL is on show."""
    return SOURCES.index(root.locator(".stage img").first.get_attribute("src") or "")


def progress(root: Locator) -> str:
    return root.locator("output").inner_text()


def rate_all(page: Page, score: Callable[[int], int], root: Locator | None = None) -> list[int]:
    """Rate every picture by its key; returns the order in which they came."""
    root = root or lab(page)
    root.locator(".stage img").first.click()
    order = []
    for _ in ALL:
        order.append(shown(root))
        page.keyboard.press(str(score(order[-1])))
    return order


def table(root: Locator, caption: str) -> dict[str, list[str]]:
    """The cells of the table of the results whose caption begins so, by the first in their row."""
    found = root.locator("table").filter(has=root.page.locator("caption").filter(has_text=caption))
    rows = found.locator("tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}


YOURS, PUBLISHED_TOO, RANKS = "Your mean opinion", "Published scores", "Spearman"


def scores(i: int) -> int:
    """A made-up reader: likes HR, then noise, is not always of one mind, and calls every dark one bad."""
    photo, method = divmod(i, len(METHODS))
    return {"HR": 5, "soft": 2 + photo % 3, "noisy": 4 - photo % 2, "dark": 1, "coarse": 1 + photo}[
        METHODS[method]
    ]


def psnr(i: int) -> float:
    photo, method = ALL[i]
    hr, x = (
        (PICTURES[photo][name] * 255).round().permute(1, 2, 0).double().numpy()
        @ np.array([65.481, 128.553, 24.966])
        / 255
        for name in ("HR", method)
    )
    return float(peak_signal_noise_ratio(hr, x, data_range=255))


# --- the numbers ---


@pytest.fixture
def numbers(opened: Open) -> Page:
    """A page with the script's own numeric functions at hand."""
    script = asset("srlib.show", "opinion.js")
    core = script[script.index("// --- numbers ---") : script.index("// --- the lab ---")]
    return opened(
        Html(f"<script>{core} window.core = {{ studentT, interval, spearman, shuffled }};</script>")
    )


def test_students_t_is_scipys(numbers: Page) -> None:
    asked = [(p, df) for p in (0.5, 0.9, 0.95, 0.99, 0.999) for df in [*range(1, 40), 99, 400]]
    found = numbers.evaluate("asked => asked.map(([p, df]) => core.studentT(p, df))", asked)
    np.testing.assert_allclose(found, [stats.t.ppf((1 + p) / 2, df) for p, df in asked], rtol=1e-9)


def test_the_interval_is_scipys(numbers: Page) -> None:
    for list_of_scores in ([1, 2, 4], [5, 5, 4, 3], [1, 5] * 13):
        half = numbers.evaluate("scores => core.interval(scores)", list_of_scores)
        low, high = stats.t.interval(
            0.95, len(list_of_scores) - 1, np.mean(list_of_scores), stats.sem(list_of_scores)
        )
        assert half == pytest.approx((high - low) / 2, rel=1e-9)


def test_the_rank_correlation_is_scipys_with_many_ties_too(numbers: Page) -> None:
    random = np.random.default_rng(0)
    for size, levels in ((16, 5), (60, 3), (60, 5), (60, 1000)):
        one, other = random.integers(1, levels + 1, (2, size)).tolist()
        found = numbers.evaluate("([a, b]) => core.spearman(a, b)", [one, other])
        assert found == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-12)


def test_the_order_is_a_shuffle_and_every_picture_comes_first_equally_often(numbers: Page) -> None:
    orders = np.array(
        numbers.evaluate("() => Array.from({length: 3000}, (_, i) => core.shuffled(6, i * 7919))")
    )
    assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(6), (3000, 1)))
    for position in (0, 3, 5):
        assert stats.chisquare(np.bincount(orders[:, position], minlength=6)).pvalue > 1e-4


# --- rating ---


def test_the_table_shows_scipys_numbers_for_ratings_given_by_keys(opened: Open) -> None:
    page = opened()
    assert sorted(rate_all(page, scores)) == list(range(20))
    found = table(lab(page), YOURS)
    for method in METHODS:
        mine = [scores(i) for i, (_, name) in enumerate(ALL) if name == method]
        mean, said, count = found[method][:3]
        assert float(mean) == pytest.approx(np.mean(mine), abs=0.0051)
        assert count == "4"
        if len(set(mine)) == 1:
            assert said == "all ratings equal"
        else:
            expected = np.clip(stats.t.interval(0.95, 3, np.mean(mine), stats.sem(mine)), 1, 5)
            assert [float(end) for end in said.split(" to ")] == pytest.approx(expected, abs=0.0051)
    theirs = table(lab(page), PUBLISHED_TOO)
    assert {method: theirs[method] for method in ("HR", "soft", "noisy", "SRGAN")} == {
        "HR": [found["HR"][0], "4.32", "4.32", "4.46"],
        "soft": [found["soft"][0], "1.97", "–", "–"],
        "noisy": [found["noisy"][0], "–", "–", "–"],
        "SRGAN": ["–", "3.58", "–", "–"],
    }
    assert "SRGAN" not in found


def test_an_interval_ends_where_the_scale_does(opened: Open) -> None:
    """Soft: 5, 5, 5, 4 would reach beyond 5. Noisy: 1, 5, 1, 5 says nothing. Coarse: 2, 3, 4, 3 fits."""
    page = opened()
    given = {
        "HR": [5] * 4,
        "soft": [5, 5, 5, 4],
        "noisy": [1, 5, 1, 5],
        "dark": [1] * 4,
        "coarse": [2, 3, 4, 3],
    }
    rate_all(page, lambda i: given[METHODS[i % len(METHODS)]][i // len(METHODS)])
    found = table(lab(page), YOURS)
    low = np.mean(given["soft"]) - stats.t.ppf(0.975, 3) * stats.sem(given["soft"])
    assert found["soft"][1] == f"{low:.2f} to 5.00"
    assert found["noisy"][1] == "1 to 5: too few ratings"
    low, high = stats.t.interval(0.95, 3, 3, stats.sem(given["coarse"]))
    assert found["coarse"][1] == f"{low:.2f} to {high:.2f}"


def test_it_says_that_the_published_scores_are_of_other_networks(opened: Open) -> None:
    page = opened(LAB, opinion({"alpha": PICTURES["alpha"]}))
    words = "The same name here may be another training."
    rate_all(page, scores)
    assert words in lab(page).inner_text()
    lab(page, 1).locator(".stage img").first.click()
    page.keyboard.press("3")
    lab(page, 1).get_by_role("button", name="results so far").click()
    assert words not in lab(page, 1).inner_text()  # nothing is published there


def test_what_is_to_be_known_of_a_method_is_said_with_the_result_and_not_before(opened: Open) -> None:
    page = opened(opinion(PICTURES, about={"soft": "A mean over <3 x 3>.", "dark": "Less light."}))
    assert "Less light" not in page.content()
    rate_all(page, scores)
    assert lab(page).locator("li").all_inner_texts() == ["soft: A mean over <3 x 3>.", "dark: Less light."]


def test_the_rank_correlations_are_scipys(opened: Open) -> None:
    page = opened()
    rate_all(page, scores)
    found = table(lab(page), RANKS)
    compared = [i for i, (_, method) in enumerate(ALL) if method != "HR"]
    by_picture = stats.spearmanr([psnr(i) for i in compared], [scores(i) for i in compared]).statistic
    means = [
        [np.mean([of(i) for i in compared if ALL[i][1] == method]) for method in METHODS[1:]]
        for of in (psnr, scores)
    ]
    assert found["PSNR"][1] == f"{by_picture:.2f} (16)"
    assert found["PSNR"][2] == f"{stats.spearmanr(*means).statistic:.2f} (4)"
    ranked = sorted(zip(means[0], METHODS[1:], strict=True), reverse=True)
    assert found["PSNR"][0] == " > ".join(method for _, method in ranked)
    # the reader's means: noisy 3.5, soft 2.75, coarse 2.5, dark 1
    assert found["you"][0] == "noisy > soft > coarse > dark"


def test_a_metric_that_counts_errors_agrees_when_it_falls(opened: Open) -> None:
    """Scores that follow GMSD exactly, least error best, correlate with it by +1."""
    from srlib.metrics import gmsd

    def error(i: int) -> float:
        photo, method = ALL[i]
        hr, x = ((PICTURES[photo][name] * 255).round().byte() for name in ("HR", method))
        return float(gmsd(x, hr))

    one_each = opinion({"alpha": PICTURES["alpha"]})
    by_error = sorted(range(1, 5), key=error)  # the four versions of alpha, best first
    page = opened(one_each)
    lab(page).locator(".stage img").first.click()
    for _ in METHODS:
        i = shown(lab(page))
        page.keyboard.press("5" if i == 0 else str(4 - by_error.index(i)))
    assert table(lab(page), RANKS)["GMSD"][1:] == ["1.00 (4)", "1.00 (4)"]


def test_with_too_few_ratings_it_says_so(opened: Open) -> None:
    page = opened()
    lab(page).locator(".stage img").first.click()
    first = shown(lab(page))
    page.keyboard.press("4")
    page.get_by_role("button", name="results so far").click()
    assert "You rated 1 of 20 pictures" in lab(page).inner_text()
    assert table(lab(page), YOURS)[ALL[first][1]][:3] == ["4.00", "too few ratings (needs 3)", "1"]
    assert table(lab(page), RANKS)["PSNR"][1].startswith("too few (")
    page.get_by_role("button", name="go on rating").click()
    assert progress(lab(page)) == "picture 2 of 20, 1 rated"


def test_equal_scores_have_no_rank_correlation(opened: Open) -> None:
    page = opened()
    rate_all(page, lambda _: 3)
    assert table(lab(page), RANKS)["SSIM"][1:] == ["none: all equal", "none: all equal"]
    assert "closest to you" not in lab(page).inner_text()


def rate_by_error(page: Page, sign: int) -> None:
    """Rate the five versions of alpha by their PSNR: with it, or against it."""
    by_psnr = sorted(range(1, 5), key=lambda i: sign * psnr(i))
    lab(page).locator(".stage img").first.click()
    for _ in METHODS:
        i = shown(lab(page))
        page.keyboard.press("5" if i == 0 else str(1 + by_psnr.index(i)))


def test_the_metric_closest_to_the_reader_is_named(opened: Open) -> None:
    page = opened(opinion({"alpha": PICTURES["alpha"]}))
    rate_by_error(page, 1)
    assert table(lab(page), RANKS)["PSNR"][1] == "1.00 (4)"
    assert re.search(r"Picture by picture PSNR.* closest to you", lab(page).inner_text())


def test_a_metric_that_ranks_the_other_way_round_is_not_called_close(opened: Open) -> None:
    one = PICTURES["alpha"]["HR"]
    more_and_more = {f"{n}": one * (1 - 0.15 * n) for n in range(1, 5)}  # every metric ranks these alike
    page = opened(opinion({"alpha": {"HR": one, **more_and_more}}))
    sources = re.findall(r'src="([^"]+)"', opinion({"alpha": {"HR": one, **more_and_more}}).text)
    lab(page).locator(".stage img").first.click()
    for _ in range(5):
        at = sources.index(lab(page).locator(".stage img").first.get_attribute("src") or "")
        page.keyboard.press(str(max(1, at)))
    assert {row[1] for name, row in table(lab(page), RANKS).items() if name != "you"} == {"-1.00 (4)"}
    assert "closest to you" not in lab(page).inner_text()
    assert "No metric ranks the pictures as you do." in lab(page).inner_text()


def test_a_rating_is_corrected_by_going_back(opened: Open) -> None:
    page = opened()
    root = lab(page)
    root.locator(".stage img").first.click()
    first = shown(root)
    page.keyboard.press("1")
    page.keyboard.press("Backspace")
    assert shown(root) == first
    assert page.get_by_label("1 bad").is_checked()
    page.keyboard.press("5")
    page.get_by_role("button", name="results so far").click()
    assert table(root, YOURS)[ALL[first][1]][0] == "5.00"


def test_a_click_rates_and_goes_on_while_arrow_keys_wait_for_enter(opened: Open) -> None:
    page = opened()
    root = lab(page)
    page.get_by_text("4 good").click()
    assert progress(root) == "picture 2 of 20, 1 rated"
    page.get_by_label("2 poor").click()
    assert progress(root) == "picture 3 of 20, 2 rated"
    page.get_by_label("1 bad").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert progress(root) == "picture 3 of 20, 3 rated"
    assert page.get_by_label("3 fair").is_checked()
    page.keyboard.press("Enter")
    assert progress(root) == "picture 4 of 20, 3 rated"


def test_a_key_held_down_rates_one_picture_and_others_hear_nothing(opened: Open) -> None:
    page = opened()
    page.evaluate("window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key))")
    lab(page).locator(".stage img").first.click()
    for _ in range(5):
        page.keyboard.down("3")
    page.keyboard.up("3")
    assert progress(lab(page)) == "picture 2 of 20, 1 rated"
    assert page.evaluate("heard") == []


def test_while_rating_the_page_tells_no_name(opened: Open) -> None:
    page = opened()
    told = re.sub(r"<(style|script)>.*?</\1>", "", page.content(), flags=re.S)
    for name in (*METHODS[1:], *PHOTOS):
        assert name not in told
    rate_all(page, scores)
    page.get_by_text("the pictures and their names").click()
    assert "gamma: noisy. Your 4; PSNR" in lab(page).inner_text()


def test_the_original_stands_beside_only_when_asked_for(opened: Open) -> None:
    page = opened()
    root = lab(page)
    assert not page.get_by_text("the original", exact=True).is_visible()
    page.get_by_label("show the original").check()
    for _ in range(3):
        photo = shown(root) // len(METHODS)
        assert root.locator(".stage img").nth(1).get_attribute("src") == SOURCES[photo * len(METHODS)]
        page.keyboard.press("3")
    page.get_by_label("show the original").uncheck()
    assert root.locator(".stage img").count() == 1
    page.keyboard.press("3")
    page.get_by_role("button", name="results so far").click()
    assert "You rated 4 of 20 pictures, 3 of them with the original beside." in root.inner_text()


# --- what is kept ---


def test_ratings_survive_a_reload_until_they_are_deleted(opened: Open) -> None:
    page = opened()
    root = lab(page)
    root.locator(".stage img").first.click()
    for key in "345":
        page.keyboard.press(key)
    following = shown(root)
    page.reload()
    assert progress(root) == "picture 4 of 20, 3 rated"
    assert shown(root) == following
    wipe = page.get_by_role("button", name="delete my ratings")
    wipe.click()
    assert progress(root) == "picture 4 of 20, 3 rated"  # asked once more
    page.get_by_role("button", name="press again").click()
    assert progress(root) == "picture 1 of 20, 0 rated"
    assert page.evaluate("Object.keys(localStorage).length") == 0


def test_a_new_start_has_a_new_order(opened: Open) -> None:
    page = opened()
    first = rate_all(page, scores)
    page.get_by_role("button", name="delete my ratings").click()
    page.get_by_role("button", name="press again").click()
    assert rate_all(page, scores) != first


@pytest.mark.parametrize("kept", ["nonsense", '{"seed": 1, "scores": {"0": 9}, "beside": {}}', "null", "7"])
def test_what_was_kept_and_makes_no_sense_is_left_alone(opened: Open, kept: str) -> None:
    key = re.findall(r'data-key="(\w+)"', LAB.text)[0]
    page = opened(script=f"localStorage.setItem('srlib opinion {key} 0', {kept!r})")
    assert progress(lab(page)) == "picture 1 of 20, 0 rated"


def test_it_works_where_nothing_may_be_kept(opened: Open) -> None:
    forbid = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"
    page = opened(script=forbid)
    rate_all(page, scores)
    assert table(lab(page), YOURS)["dark"][0] == "1.00"


def test_two_labs_on_a_page_do_not_disturb_each_other(opened: Open) -> None:
    page = opened(LAB, LAB)
    one, other = lab(page), lab(page, 1)
    rate_all(page, lambda _: 2, one)
    assert progress(other) == "picture 1 of 20, 0 rated"
    other.get_by_label("5 excellent").focus()
    page.keyboard.press("5")
    page.keyboard.press("Backspace")
    assert other.get_by_label("5 excellent").is_checked()
    assert table(one, YOURS)["dark"][0] == "2.00"
    page.reload()
    assert table(one, YOURS)["dark"][0] == "2.00"
    assert progress(other) == "picture 2 of 20, 1 rated"


def test_a_choice_in_one_lab_leaves_that_in_the_other(opened: Open) -> None:
    page = opened(LAB, LAB)
    for number in (0, 1):
        lab(page, number).get_by_label("2 poor").focus()
        page.keyboard.press("Space")
    assert [lab(page, number).get_by_label("2 poor").is_checked() for number in (0, 1)] == [True, True]


def test_without_scripts_all_pictures_stand_there_with_their_names(browser: Browser, tmp_path: Path) -> None:
    path = LAB.save(tmp_path / "lab.html")
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(path.as_uri())
    assert page.get_by_text("gamma: coarse").is_visible()
    assert page.locator("figure img").count() == 20
    page.context.close()


def test_an_unfinished_rating_prints_one_line_and_no_picture(opened: Open) -> None:
    page = opened()
    root = lab(page)
    root.locator(".stage img").first.click()
    page.keyboard.press("3")
    page.emulate_media(media="print")
    assert root.get_by_text("to be rated on the screen").is_visible()
    hidden = (root.locator("img").first, root.get_by_role("button"), root.get_by_text("A click or a key"))
    assert not [one for one in hidden if any(part.is_visible() for part in one.all())]
    page.emulate_media(media="screen")
    assert not root.get_by_text("to be rated on the screen").is_visible()


def test_a_finished_rating_prints_its_results_and_all_pictures_with_their_names(opened: Open) -> None:
    page = opened()
    root = lab(page)
    rate_all(page, scores)
    assert root.locator("figure:visible").count() == 0
    page.emulate_media(media="print")
    assert root.locator("figure:visible img").count() == 20
    labels = root.locator("figure:visible figcaption").all_inner_texts()
    assert labels == [f"{photo}: {method}" for photo, method in ALL]
    assert root.get_by_text("You rated 20 pictures").is_visible()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="delete my ratings").click()
    page.get_by_role("button", name="press again").click()
    assert "gamma" not in re.sub(r"<(style|script)>.*?</\1>", "", page.content(), flags=re.S)


def test_a_theme_that_centres_tables_and_indents_captions_changes_nothing(opened: Open) -> None:
    theme = Html(
        "<style>.x table { margin: 1rem auto; } .x figcaption { padding: 4px; margin: 4px; }</style>"
    )
    page = opened(theme, Html('<div class="x">'), LAB)
    left = lab(page).bounding_box()
    assert left
    captions = [one.bounding_box() for one in lab(page).locator(".stage figcaption:visible").all()]
    rate_all(page, scores)
    page.locator("summary").click()
    tables = [one.bounding_box() for one in lab(page).locator("table").all()]
    first = lab(page).locator(".grid:visible figcaption").first.bounding_box()
    assert len(tables) == 3
    for box in (*captions, *tables, first):
        assert box
        assert box["x"] == pytest.approx(left["x"], abs=0.5)


def test_on_a_phone_nothing_is_wider_than_the_page(opened: Open) -> None:
    head = Html('<meta name="viewport" content="width=device-width">')
    page = opened(head, LAB, viewport={"width": 390, "height": 844})
    page.get_by_label("show the original").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    rate_all(page, scores)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for one in lab(page).locator(".scroll").all():  # not even inside: a cut column gives no sign of itself
        assert one.evaluate("one => one.scrollWidth - one.clientWidth") == 0
