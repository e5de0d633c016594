"""Image sets by name, from a folder that has them, from the cache, or from their public homes.

``fetch("set5")`` returns the set's folder. It looks in ``SRLIB_DATA`` first, then in the cache, and only then
in the network. A download goes to ``partial/<set>`` in the cache; when every file is there and its checksum
is right, that folder is renamed to ``<set>``. So a set in its place is whole, and one that was interrupted
goes on where it stopped. A classroom can serve the files itself: with ``SRLIB_MIRROR`` set to a base address,
each file is asked for at ``<mirror>/<set>/<file>``, under the names of ``registry/<set>.txt``.
"""

import errno
import shutil
import stat
import sys
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from srlib import settings
from srlib.data import sources
from srlib.data.download import DataError, Downloads
from srlib.data.sources import Source
from srlib.names import there_are

THREADS = 4  # files that are brought at the same time


def names() -> list[str]:
    """The names that `fetch` knows."""
    return list(sources.SOURCES)


def find(name: str) -> Path | None:
    """The folder of a set that is at hand, in ``SRLIB_DATA`` or in the cache, or None; never the network.
    A folder of ``SRLIB_DATA`` that lacks some of the set's files is a `DataError`."""
    source = _source(name)
    return _in_data_root(source) or _in_cache(source)


def fetch(name: str, *, progress: bool = True) -> Path:
    """The folder that holds the set called ``name`` (see `names`; capitals do not matter), downloaded with
    its checksums verified if it is not at hand. Whatever prevents that is a `DataError`."""
    source = _source(name)
    try:
        return _in_data_root(source) or _in_cache(source) or _from_network(source, progress)
    except DataError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            advice = f"the disk of {settings.cache_root()} is full; free some space and run again to resume"
        else:
            advice = f"{error}; check that folder, or set SRLIB_CACHE to one that can be written to"
        raise DataError(f"{source.title}: {advice}") from error


def _source(name: str) -> Source:
    """The set that goes by this name."""
    by_name = {
        alias: source for source in sources.SOURCES.values() for alias in (source.name, *source.aliases)
    }
    wanted = name.strip().lower().replace("_", "-")
    if wanted in by_name:
        return by_name[wanted]
    raise ValueError(f"no image set is called {name!r}; {there_are(wanted, by_name, names())}")


# --- what is at hand ---


def _in_data_root(source: Source) -> Path | None:
    """The set's folder below ``SRLIB_DATA``: in ``benchmarks/``, in ``train/`` or directly below."""
    root = settings.data_root()
    if root is None:
        return None
    if not root.is_dir():
        raise DataError(
            f"SRLIB_DATA is {str(root)!r}, which is no folder; correct it, or unset it to download"
        )
    places = [f"{place}{name}" for place in ("benchmarks/", "train/", "") for name in source.folders]
    folders = [folder for folder in (_folder_below(root, place) for place in places) if folder]
    for folder in folders:
        if not _missing(source, folder):
            return folder
    if not folders:
        return None
    missing = _missing(source, folders[0])
    few = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    raise DataError(
        f"{folders[0]} lacks {len(missing)} of the {len(sources.stems(source))} files of {source.title} "
        f"({few}); add them, or rename that folder to have the set downloaded"
    )


def _folder_below(root: Path, place: str) -> Path | None:
    """The folder at ``place`` below ``root``, whatever the capitals in its name."""
    folder = root
    for part in place.split("/"):
        same = sorted(
            entry for entry in folder.iterdir() if entry.name.lower() == part.lower() and entry.is_dir()
        )
        if not same:
            return None
        folder = same[0]
    return folder


def _missing(source: Source, folder: Path) -> list[str]:
    """The files of the set, without extension, that the folder does not have."""
    if source.stand_in and any(folder.glob(source.stand_in)):
        return []
    files = (path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    there = {path.relative_to(folder).with_suffix("").as_posix() for path in files}
    return [stem for stem in sources.stems(source) if stem not in there]


def _in_cache(source: Source) -> Path | None:
    """The set's folder in the cache if its download was finished and nothing has gone since."""
    folder = settings.cache_root() / source.name
    mark = folder / ".complete"
    current = mark.is_file() and mark.read_text() == sources.registry_digest(source)
    return folder if current and not _missing(source, folder) else None


# --- the network ---


def _from_network(source: Source, progress: bool) -> Path:
    """Downloads what is missing, puts the whole set in its place in the cache and returns that folder."""
    import filelock

    place = settings.cache_root() / source.name
    work = settings.cache_root() / "partial" / source.name
    work.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{work}.lock"):  # the system lets go of it even when a process is killed
        if folder := _in_cache(source):  # another process brought it while this one waited
            return folder
        note = f" Note: {source.note}." if source.note else ""
        print(f"{source.title}: licence: {source.licence}. Cite: {source.citation}.{note}", file=sys.stderr)
        if place.is_dir() and not work.exists():  # a file has gone: keep the others
            place.rename(work)
        work.mkdir(exist_ok=True)
        _download_files(source, work, progress)
        whole = _unpack(source, work) if source.archive else work
        for path in whole.rglob("*"):
            if path.suffix in ("", ".part") and path.is_file():  # left by a run that was killed
                path.unlink()
        (whole / ".complete").write_text(sources.registry_digest(source))
        shutil.rmtree(place, ignore_errors=True)
        whole.replace(place)
        shutil.rmtree(work, ignore_errors=True)
    return place


def _download_files(source: Source, work: Path, progress: bool) -> None:
    """Brings every file of the set into ``work``, a few at a time. Pooch verifies what it finds there, asks
    for the rest, and gives a file its name once its checksum is right."""
    import pooch
    import requests
    from tqdm import tqdm

    files = sources.remote_files(source, _mirror())
    known = {name: file.full_checksum for name, file in files.items()}
    keeper = pooch.Pooch(work, base_url="", registry=known, urls={name: f.url for name, f in files.items()})
    pooch.get_logger().setLevel("WARNING")  # no line per file
    bar = tqdm(total=source.bytes or None, unit="B", unit_scale=True, desc=source.title, disable=not progress)

    def advance(count: int) -> None:
        with bar.get_lock():
            bar.update(count)

    def bring(name: str) -> None:
        part = work / f"{name}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        advance(sum(path.stat().st_size for path in (work / name, part) if path.exists()))

        def downloader(url: str, output: str, _: pooch.Pooch) -> None:
            downloads.bring(url, part)
            part.replace(output)
            if not known[name] and not files[name].is_file(Path(output)):
                raise ValueError("the checksum begins with other digits")

        resumed = part.exists()
        try:
            keeper.fetch(name, downloader=downloader)
        except ValueError as error:  # a wrong checksum: pooch has deleted the file
            if resumed:  # perhaps the halves of two versions: once more from the beginning
                return bring(name)
            advice = f"run again; if that does not help, set SRLIB_DATA to a folder that has {source.title}"
            raise DataError(
                f"{files[name].url}: wrong checksum, so the file was deleted; {advice}"
            ) from error

    with bar, requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:
        downloads = Downloads(session, advance)
        try:
            for done in as_completed([pool.submit(bring, name) for name in files]):
                done.result()
        except BaseException:  # Ctrl-C too: let no other file go on
            downloads.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _mirror() -> str:
    """The base address to ask instead of the sets' homes; empty when none is set."""
    mirror = settings.mirror()
    if mirror and not mirror.startswith(("http://", "https://")):
        raise DataError(f"SRLIB_MIRROR is {mirror!r}; it must begin with http:// or https://")
    return mirror


# --- archives ---


def _unpack(source: Source, work: Path) -> Path:
    """Unpacks the set's zip file and returns the folder inside that has the pictures. An archive that
    reaches outside its folder, is larger than it should be, or is damaged, is deleted."""
    archive = work / next(iter(sources.remote_files(source)))
    unpacked = work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            for member in file.infolist():
                if _hostile(member):
                    raise zipfile.BadZipFile(f"it has an unsafe entry, {member.orig_filename!r}")
            if sum(member.file_size for member in file.infolist()) > source.unpacked_limit:
                raise zipfile.BadZipFile(f"it would unpack to more than {source.unpacked_limit} bytes")
            file.extractall(unpacked)
        for folder in (unpacked, *(path for path in unpacked.rglob("*") if path.is_dir())):
            if not _missing(source, folder):
                return folder
        raise zipfile.BadZipFile("it lacks some of the pictures")
    except BaseException as error:
        shutil.rmtree(unpacked, ignore_errors=True)
        if not isinstance(error, (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)):
            raise  # a full disk, say: the archive itself is good
        archive.unlink()
        advice = "run again to fetch it anew"
        raise DataError(f"{archive.name} was refused and deleted: {error}; {advice}") from error


def _hostile(member: zipfile.ZipInfo) -> bool:
    """True for an entry that is neither a plain file nor a folder below the archive's own folder."""
    path = member.orig_filename
    outside = path.startswith("/") or ".." in path.split("/") or any(mark in path for mark in "\\:\0")
    kind = stat.S_IFMT(member.external_attr >> 16)
    return outside or kind not in (0, stat.S_IFREG, stat.S_IFDIR)
