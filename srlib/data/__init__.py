"""Pictures to learn from and to be judged by: in the box, by name from the network, or from a procedure."""

from srlib.data.bank import PatchBank
from srlib.data.fetch import DataError, fetch, find, names
from srlib.data.folder import load_folder, photos
from srlib.data.leaves import dead_leaves

__all__ = ["DataError", "PatchBank", "dead_leaves", "fetch", "find", "load_folder", "names", "photos"]
