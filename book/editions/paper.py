"""A page of the built book made ready for paper, where nothing can be pressed, moved or opened."""

import posixpath
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, Tag

from book.editions.deck import unpacked

SHORT = 12
"""Lines of code up to which folded code is printed."""

NOT_ON_PAPER = (
    "script, noscript, link, button, .headerlink, .srlib-explorer > .controls, .srlib-explorer > .hint, "
    ".srlib-explorer > .told, .srlib-explorer > .frame[hidden], .srlib-filtered .controls, "
    ".srlib-figure details, .toggle-button, .viewcode-link, .cell.tag_exercise > .cell_output"
)
PHOTO = "In the HTML book you can drop a photo of your own here, and networks enlarge it in your browser."
SLIDER = "In the HTML book a slider lays these pictures over each other."
RATED = "In the HTML book you can rate these pictures blind, one at a time."


@dataclass
class Paper:
    """A page for the one PDF: its name ("notebooks/04_srcnn"), its title, its body, and the hints and
    solutions of its exercises, which stand at the end of the book."""

    name: str
    title: str
    body: Tag
    solutions: list[Tag] = field(default_factory=list)


def slug(name: str) -> str:
    """What the ids of a page begin with in the one document."""
    return name.replace("/", "-")


def on_paper(html: str, name: str, pages: Mapping[str, str], styles: set[str]) -> Paper:
    """A built page without what needs a screen. ``pages``: the pages of the PDF by their place in the built
    book, {"notebooks/04_srcnn.html": "notebooks/04_srcnn"}; ``styles``: the components' style sheets that the
    document has already."""
    soup = BeautifulSoup(html, "html.parser")
    article = soup.select_one("article.bd-article") or soup.select_one("article")
    heading = article.find("h1") if article else None
    if article is None or heading is None:
        raise ValueError(f"{name}: the built page has no article with a heading")
    for one in article.select(NOT_ON_PAPER):
        one.decompose()
    for style in article.find_all("style"):
        if style.get_text() in styles:
            style.decompose()
        else:
            styles.add(style.get_text())
    _local(article, name, pages)
    paper = Paper(name=name, title=heading.get_text().strip(), body=article)
    make = soup.new_tag
    _components(article, make)
    _questions(article, make, slug(name))
    _folded(paper, make)
    article.name, article["id"] = "div", slug(name)
    article["class"] = ["bd-article", "page"]
    return paper


def _local(article: Tag, name: str, pages: Mapping[str, str]) -> None:
    """Addresses and ids that are right in the one document: a link to a page that is not in it is words."""
    folder, here = posixpath.dirname(name), slug(name)
    for one in article.find_all(True):
        if one.find_parent("svg"):
            continue  # what a drawing refers to is in the drawing
        if one.get("id"):
            one["id"] = f"{here}--{one['id']}"
        for key in ("for", "aria-labelledby", "aria-describedby"):
            if one.get(key):
                one[key] = f"{here}--{one[key]}"
        source = str(one.get("src", ""))
        if source and not source.startswith("data:"):
            one["src"] = posixpath.normpath(posixpath.join("../html", folder, source))
        address = one.get("href")
        if one.name == "a" and address is not None and not re.match(r"[a-z]+:", str(address)):
            page, _, place = str(address).partition("#")
            there = pages.get(posixpath.normpath(posixpath.join(folder, page))) if page else name
            if there is None:
                one.unwrap()
            else:
                one["href"] = f"#{slug(there)}" + (f"--{place}" if place else "")


def _components(article: Tag, make: Callable[..., Tag]) -> None:
    """Sliders as pictures side by side, frames for a photo as a sentence."""
    for one in article.select(".srlib-compare"):
        pictures = one.select(".pictures > figure")
        one["class"] = ["srlib-compare", "pair" if len(pictures) in (2, 4) else "many"]
        one.append(_paragraph(make, SLIDER, "elsewhere"))
    for one in article.select(".srlib-photo"):
        one.clear()
        one.append(_paragraph(make, PHOTO, "elsewhere"))
    for one in article.select(".srlib-opinion"):
        for words in one.find_all("p"):
            words.decompose()
        one.insert(0, _paragraph(make, RATED, "elsewhere"))


def _questions(article: Tag, make: Callable[..., Tag], here: str) -> None:
    """Questions with their options; the answers at the end of the page. What a run said of a prediction
    stands where it was said."""
    answers = make("ol")
    for one in article.select(".srlib-question"):
        packed = str(one.get("data-notes", ""))
        notes = unpacked(packed) if packed else {}
        words = one.find("legend") or one.find("strong")
        new = make("div", attrs={"class": "question"})
        ask = make("p", attrs={"class": "ask"})
        ask.extend(list(words.contents) if words else [])
        if one.get("data-of"):
            new.append(ask)
            new.append(
                _paragraph(
                    make, f"The run says: {notes['options'][notes['answer']]}. {notes['why']}", "answer"
                )
            )
        else:
            options = make("ol", attrs={"type": "a"})
            labels = one.select("label > span")
            for label in labels:
                item = make("li")
                item.extend(list(label.contents))
                options.append(item)
            if notes:
                number = len(answers.contents) + 1
                ask.insert(0, f"Question {number}. ")
                letter = string.ascii_lowercase[notes["right"]]
                answers.append(_paragraph(make, f"{letter}. {notes['notes'][notes['right']]}", "", "li"))
            new.extend([ask, options])
        one.replace_with(new)
    if answers.contents:
        section = make("section", attrs={"class": "answers", "id": f"{here}--answers"})
        heading = make("h2")
        heading.string = "Answers to the questions"
        section.extend([heading, answers])
        article.append(section)


def _folded(paper: Paper, make: Callable[..., Tag]) -> None:
    """Folded code is printed if it is short, hints and solutions go to the end of the book, what else was
    folded stands open."""
    for one in paper.body.select("details.hide"):
        code = one.select_one(".cell_input")
        lines = len(code.get_text().strip().splitlines()) if code else 0
        if code and lines <= SHORT:
            one.replace_with(code)
        else:
            one.replace_with(
                _paragraph(make, f"{lines} lines of code: in the notebook and the HTML book.", "elsewhere")
            )
    for one in paper.body.find_all("details"):
        summary = one.find("summary")
        said = summary.get_text().strip() if summary else ""
        if summary:
            summary.name = "p"
            summary["class"] = "summary"
        section = one.find_parent("section")
        one.name = "div"
        if said.startswith(("Hint", "Solution")) and section is not None:
            _to_the_end(paper, make, section, one)


def _to_the_end(paper: Paper, make: Callable[..., Tag], section: Tag, folded: Tag) -> None:
    """Hints and a solution of one exercise, with a link there and one back."""
    place = f"{section['id']}--solution"
    if not paper.solutions or paper.solutions[-1].get("id") != place:
        heading = section.find(["h2", "h3", "h4"])
        new = make("section", attrs={"id": place})
        title = make("h3")
        back = make("a", attrs={"href": f"#{section['id']}"})
        back.string = heading.get_text().strip() if heading else "Exercise"
        title.append(back)
        new.append(title)
        paper.solutions.append(new)
        link = make("a", attrs={"href": f"#{place}"})
        link.string = "Hints and the solution are at the end of the book."
        words = make("p", attrs={"class": "elsewhere"})
        words.append(link)
        folded.insert_before(words)
    paper.solutions[-1].append(folded.extract())


def _paragraph(make: Callable[..., Tag], text: str, kind: str, tag: str = "p") -> Tag:
    """A paragraph of plain text whose `backticks` are code."""
    new = make(tag, attrs={"class": kind} if kind else {})
    for at, part in enumerate(re.split(r"`([^`]+)`", text)):
        if at % 2:
            code = make("code")
            code.string = part
            new.append(code)
        else:
            new.append(part)
    return new
