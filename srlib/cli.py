"""The ``srlib`` command: doctor, fetch, train, evaluate, upscale, export, duplicates, experiment, challenge,
zoo."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from srlib import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Expected faults (a missing file, no network) end as one line on stderr and exit
    code 1; a wrong call ends with 2; anything else is a bug and shows its traceback."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except BrokenPipeError:  # srlib doctor | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError) as fault:
        print(f"srlib {options.command}: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"srlib {options.command}: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="srlib", description="The library of the super-resolution course-book."
    )
    parser.add_argument("--version", action="version", version=f"srlib {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="is this machine ready? versions, device, data")
    doctor.set_defaults(run=_doctor)

    fetch = commands.add_parser("fetch", help="get image sets by name (set5, b100, div2k-train, ...)")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="without a name: list them")
    fetch.add_argument("--quiet", action="store_true", help="no progress bar")
    fetch.set_defaults(run=_fetch)

    _train_options(commands.add_parser("train", help="train a network by its plan: weights and card"))

    evaluate = commands.add_parser("evaluate", help="a table row: PSNR and SSIM of a network on a set")
    evaluate.add_argument("name", help="a network of the zoo, a weights file of your own, or bicubic")
    evaluate.add_argument("-s", "--scale", type=int, required=True)
    evaluate.add_argument("--data", default="photos", help="a set's name or a folder (default: %(default)s)")
    evaluate.add_argument("--path", choices=["y", "rgb"], help="how LR is made (default: as suits the model)")
    evaluate.add_argument("--channel", choices=["y", "rgb"], default="y")
    evaluate.add_argument("--border", type=int, help="pixels left out at each side (default: the scale)")
    evaluate.add_argument("--ensemble", action="store_true", help="the mean of 8 flips and turns")
    evaluate.add_argument("-o", "--out", type=Path, help="also write the report as JSON")
    evaluate.set_defaults(run=_evaluate)

    large = commands.add_parser("upscale", help="enlarge pictures: files, folders, any size")
    large.add_argument("sources", nargs="+", type=Path, metavar="SOURCE", help="a picture or a folder")
    large.add_argument(
        "-m", "--model", default="edsr-baseline", help="of the zoo, or a file (default: %(default)s)"
    )
    large.add_argument("-s", "--scale", type=int, required=True)
    large.add_argument(
        "-o", "--out", type=Path, help="file for one, folder for several (default: PHOTO-x4.png, FOLDER-x4)"
    )
    large.add_argument("--tile", type=int, default=256, help="pixels a side done at once (default: 256)")
    large.add_argument("--ensemble", action="store_true", help="the mean of 8 flips and turns")
    large.add_argument("--device", choices=["cpu", "cuda"], help="default: the fastest there is")
    large.add_argument("--force", action="store_true", help="replace files that exist")
    large.set_defaults(run=_upscale)

    export = commands.add_parser("export", help="a network as an ONNX file, checked against onnxruntime")
    export.add_argument("name", help="a network of the zoo, or a weights file of your own")
    export.add_argument("-s", "--scale", type=int, required=True)
    export.add_argument("--onnx", type=Path, metavar="FILE", nargs="?", help="default: NAME-xSCALE.onnx")
    export.add_argument("--force", action="store_true", help="replace the file if it is there")
    export.set_defaults(run=_export)

    hunt = commands.add_parser(
        "duplicates", help="search sets of pictures for those of other sets, by content"
    )
    hunt.add_argument("sets", nargs="+", metavar="SET", help="sets or folders to search")
    hunt.add_argument("--of", nargs="+", metavar="SET", required=True, help="sets or folders sought in them")
    hunt.add_argument("--above", type=float, default=0.3, help="least likeness told (default: %(default)s)")
    hunt.add_argument("-o", "--out", type=Path, help="write the finds as JSON")
    hunt.set_defaults(run=_duplicates)

    trial = commands.add_parser(
        "experiment", help="make a chapter's recorded experiment anew, or go on with it"
    )
    trial.add_argument("name", nargs="?", help="without a name: list them with what was recorded")
    trial.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: 0 1 2")
    trial.add_argument("--minutes", type=float, help="begin no further run after so many minutes")
    trial.add_argument("--out", type=Path, help="folder of the records (default: the book's)")
    trial.set_defaults(run=_experiment)

    growing = commands.add_parser("comparison", help="measure every row of the chapters' table anew")
    growing.set_defaults(run=_comparison)

    contest = commands.add_parser("challenge", help="judge an entry to the 60-second challenge (chapter 12)")
    contest.add_argument("entry", type=Path, help="a Python file with network()")
    contest.add_argument(
        "--seed", type=int, action="append", dest="seeds", help="may be repeated; default: three unknown ones"
    )
    contest.add_argument("--seconds", type=float, help="for trying: so long instead of a minute")
    contest.add_argument("--pictures", type=Path, help="a folder of your own pictures, judged by as well")
    contest.set_defaults(run=_challenge)

    animals = commands.add_parser("zoo", help="trained weights: list, table, card, retrain, train-next, pack")
    actions = animals.add_subparsers(dest="action", metavar="ACTION")
    animals.set_defaults(run=_zoo_list)
    actions.add_parser("list", help="what there is").set_defaults(run=_zoo_list)
    actions.add_parser("table", help="results beside the papers', as Markdown").set_defaults(run=_zoo_table)
    card = actions.add_parser("card", help="all that is known of one")
    card.add_argument("name")
    card.add_argument("-s", "--scale", type=int)
    card.set_defaults(run=_zoo_card)
    following = actions.add_parser("train-next", help="take the next line of the queue, or go on with it")
    following.add_argument("--minutes", type=float, help="stop in good order after so many minutes")
    following.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept")
    following.add_argument("--queue", type=Path, help=argparse.SUPPRESS)
    following.add_argument("--out", type=Path, help="folder of the weights (default: the zoo)")
    following.set_defaults(run=_zoo_train_next)
    again = actions.add_parser("retrain", help="train weights of the zoo anew, as their card says")
    again.add_argument("name")
    again.add_argument("-s", "--scale", type=int)
    again.add_argument("--minutes", type=float, help="stop in good order after so many minutes")
    again.add_argument("--runs", type=Path, default=Path("runs/retrained"), help="where runs are kept")
    again.add_argument("--out", type=Path, help="folder of the weights (default: the run's folder)")
    again.add_argument("--numbers", choices=["float32", "bf16"], help="as for train")
    again.add_argument("--show", action="store_true", help="only print the command")
    again.set_defaults(run=_zoo_retrain)
    pack = actions.add_parser("pack", help="one file of training images, for a machine without them")
    pack.add_argument("names", nargs="+", metavar="SET")
    pack.add_argument("-o", "--out", type=Path, default=Path("runs/training-images.zip"))
    pack.set_defaults(run=_zoo_pack)
    return parser


def _train_options(train: argparse.ArgumentParser) -> None:
    train.add_argument("name", help="the network: edsr-baseline, fsrcnn, ...")
    train.add_argument("-s", "--scale", type=int)
    train.add_argument("--profile", choices=["quick", "full"], help="default: SRLIB_PROFILE, or quick")
    train.add_argument("--data", help="what on: leaves:150, set names, folders, joined by +")
    train.add_argument("--steps", type=int, help="so many instead of the plan's")
    train.add_argument(
        "--set", dest="changes", action="append", default=[], metavar="FIELD=VALUE", help="change the recipe"
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--minutes", type=float, help="stop in good order after so many minutes")
    train.add_argument("--from-scratch", action="store_true", help="x3 and x4 without the weights of x2")
    train.add_argument("--start", metavar="NAME:SCALE", help="begin with these weights of the zoo")
    train.add_argument(
        "--numbers", choices=["float32", "bf16"], help="no timing of settings: channels last, these numbers"
    )
    train.add_argument(
        "--measure", default="photos,set5,set14,b100", metavar="SETS", help="test sets (default: %(default)s)"
    )
    train.add_argument("--pack", type=Path, help="take sets from this file (srlib zoo pack)")
    train.add_argument("--note", default="", help="a line for the card")
    train.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept")
    train.add_argument("--out", type=Path, help="folder of weights and card (default: the run's folder)")
    train.set_defaults(run=_train)


def _doctor(_: argparse.Namespace) -> int:
    from srlib.doctor import doctor

    return 1 if doctor() else 0


def _fetch(options: argparse.Namespace) -> None:
    from srlib import data

    if not options.names:
        for name in data.names():
            try:
                where = str(data.find(name) or "not here")
            except data.DataError as fault:
                where = str(fault)
            print(f"{name:18}{where}")
    for name in options.names:
        print(data.fetch(name, progress=not options.quiet))


def _train(options: argparse.Namespace) -> int:
    from srlib import settings, zoo
    from srlib.files import write_text
    from srlib.speed import fixed
    from srlib.zoo import train
    from srlib.zoo.table import table

    plan = train.planned(options)
    card = train.train(
        plan,
        runs=options.runs,
        out=options.out or options.runs / plan.title,
        seed=options.seed,
        minutes=options.minutes,
        pack_file=options.pack,
        setting=fixed(settings.device(), bf16=options.numbers == "bf16") if options.numbers else None,
        from_scratch=options.from_scratch,
        note=options.note,
        measured_on=options.measure.split(","),
    )
    if card is not None:
        print(card)
        if card.folder.resolve() == zoo.FOLDER.resolve():
            write_text(zoo.FOLDER.parent / "RESULTS.md", table() + "\n")
        print(f"use it with: srlib upscale PHOTO -m {card.folder / card.file} -s {plan.scales[0]}")
    return 0 if card is not None else 3


def _evaluate(options: argparse.Namespace) -> None:
    from torch import nn

    from srlib import zoo
    from srlib.evaluation import Bicubic, evaluate
    from srlib.inference import SelfEnsemble

    model: nn.Module
    if options.name == "bicubic":
        model = Bicubic(3 if options.path == "rgb" else 1)
    else:
        model = zoo.load(options.name, options.scale)
    if options.ensemble:
        model = SelfEnsemble(model)
    report = evaluate(
        model,
        options.data,
        options.scale,
        path=options.path,
        channel=options.channel,
        border=options.border,
    )
    print(report)
    if options.out:
        print(report.write(options.out))


def _upscale(options: argparse.Namespace) -> int:
    import torch

    from srlib import settings, zoo
    from srlib.inference import SelfEnsemble
    from srlib.stream import jobs, upscale_file

    if options.tile < 1:
        raise ValueError(f"--tile must be at least 1 pixel, not {options.tile}")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise ValueError("no CUDA device here; leave --device out")
    todo = jobs(options.sources, options.out, options.scale, force=options.force)
    model = zoo.load(options.model, options.scale, options.device or settings.device())
    if options.ensemble:
        model = SelfEnsemble(model)
    failed = 0
    for source, target in todo:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            done = upscale_file(model, source, target, options.scale, tile=options.tile, force=options.force)
            print(done, flush=True)
        except (OSError, ValueError) as fault:  # the other pictures shall not wait for this one
            print(f"srlib upscale: {fault}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def _export(options: argparse.Namespace) -> None:
    from srlib import zoo
    from srlib.export import to_onnx

    path = options.onnx or Path(f"{Path(options.name).stem}-x{options.scale}.onnx")
    if path.exists() and not options.force:
        raise FileExistsError(f"{path}: is there already; say --force to replace it")
    worst = to_onnx(zoo.load(options.name, options.scale), path, options.scale)
    print(f"{path}: checked with onnxruntime, largest difference {worst:.1e}")


def _duplicates(options: argparse.Namespace) -> None:
    import datetime
    import shlex
    import time

    from srlib import recipes, settings
    from srlib.data.duplicates import near_duplicates
    from srlib.files import write_json

    start = time.monotonic()
    sought, searched = (recipes.pictures("+".join(some))[0] for some in (options.of, options.sets))
    finds = near_duplicates(sought, searched, above=options.above)
    print(f"{len(sought)} pictures sought among {len(searched)}")
    for find in finds:
        print(f"{find.score:6.3f}  {find.one}  {find.other}")
    print("the same photograph gives above 0.7; look at the best of these with your own eyes")
    if options.out:
        call = ["duplicates", *options.sets, "--of", *options.of, "--above", str(options.above)]
        record = {
            "command": f"srlib {shlex.join(call)}",
            "sought": len(sought),
            "searched": len(searched),
            "finds": [vars(find) for find in finds],
            "minutes": round((time.monotonic() - start) / 60, 1),
            "device": settings.device_name(settings.device()),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }
        write_json(options.out, record)


def _experiment(options: argparse.Namespace) -> None:
    import time

    from srlib import experiments
    from srlib.experiments.chapters import EXPERIMENTS
    from srlib.names import there_are

    folder = options.out or experiments.FOLDER
    if options.name is None:
        wide = max(map(len, EXPERIMENTS))
        for name, it in EXPERIMENTS.items():
            done = (folder / f"{name}.json").exists()
            print(
                f"{name:{wide}}  chapter {it.chapter}: {it.question}{'' if done else ' (not recorded yet)'}"
            )
        return
    if options.name not in EXPERIMENTS:
        raise ValueError(f"there is no experiment {options.name!r}; {there_are(options.name, EXPERIMENTS)}")
    end = time.monotonic() + 60 * (options.minutes or float("inf"))
    record = experiments.perform(
        EXPERIMENTS[options.name],
        seeds=tuple(options.seeds),
        folder=folder,
        stop=lambda: time.monotonic() > end,
    )
    print(record)


def _comparison(_: argparse.Namespace) -> None:
    from srlib import comparison

    for row in comparison.record():
        print(f"{row.method:26} x{row.scale}  {row.psnr:6.2f} dB  {row.ssim:.4f}")
    print(f"written to {comparison.RECORD}")


def _challenge(options: argparse.Namespace) -> None:
    from srlib import challenge

    seconds = challenge.SECONDS if options.seconds is None else options.seconds
    print(challenge.judge(options.entry, seeds=options.seeds, seconds=seconds, pictures=options.pictures))


def _zoo_list(_: argparse.Namespace) -> None:
    from srlib import zoo

    for card in zoo.cards():
        row = card.results.get(f"photos x{card.scales[0]}", {})
        gain = f"{row['psnr']:.2f} dB (bicubic {row['bicubic']:.2f})" if row else ""
        print(
            f"{card.title:24}{card.parameters:>10,}  photos {gain}, {card.profile}, {card.all_steps:,} steps"
        )


def _zoo_table(_: argparse.Namespace) -> None:
    from srlib.zoo.table import table

    print(table())


def _zoo_card(options: argparse.Namespace) -> None:
    from srlib import zoo

    mine = [c for c in zoo.cards() if c.name == options.name and options.scale in (None, *c.scales)]
    for card in mine or [zoo.card(options.name, options.scale)]:
        print(card)


def _zoo_train_next(options: argparse.Namespace) -> int:
    from srlib import zoo
    from srlib.zoo import train

    queue = options.queue or train.QUEUE
    lines = train.waiting(queue)
    if not lines:
        print(f"{queue}: nothing is waiting")
        return 0
    print(f"next of {len(lines)}: srlib train {' '.join(lines[0])}")
    more = ["--runs", str(options.runs), "--out", str(options.out or zoo.FOLDER)]
    more += ["--minutes", str(options.minutes)] if options.minutes else []
    asked = _parser().parse_args(["train", *lines[0], *more])
    plan = train.planned(asked)
    asked.pack = train.packed_for(plan, options.runs)
    code = _train(asked)
    if code == 0:
        train.tick(lines[0], queue)
        print(f"its checkpoint: {train.set_aside(options.runs / plan.title)}")
    return code


def _zoo_retrain(options: argparse.Namespace) -> int:
    import shlex

    from srlib import zoo
    from srlib.zoo import train

    card = zoo.card(options.name, options.scale)
    arguments = train.command(card)
    print(f"srlib train {shlex.join(arguments)}")
    if warning := train.other_start(card):
        print(warning)
    if options.show:
        return 0
    more = ["--runs", str(options.runs), *(["--out", str(options.out)] if options.out else [])]
    more += ["--minutes", str(options.minutes)] if options.minutes else []
    more += ["--numbers", options.numbers] if options.numbers else []
    return _train(_parser().parse_args(["train", *arguments, *more]))


def _zoo_pack(options: argparse.Namespace) -> None:
    from srlib.data.pack import pack

    options.out.parent.mkdir(parents=True, exist_ok=True)
    path = pack(options.names, options.out)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
