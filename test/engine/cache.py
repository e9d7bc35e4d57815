"""What is slow to make is made once and kept: ${XDG_CACHE_HOME:-~/.cache}/egressd-test."""

import contextlib
import fcntl
import os
import pathlib
import shutil


def folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(base, "egressd-test")
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def _lock(name):
    with open(folder() / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kept(name, make):
    """The path of `name`; where there is none, make(path) first makes it, a file or a folder.

    What make() needs besides may lie below path with ".scratch" added.
    """
    final = folder() / name
    partial, scratch = folder() / f"{name}.partial", folder() / f"{name}.partial.scratch"
    with _lock(name):
        if not final.exists():
            _remove(partial, scratch)
            try:
                make(partial)
                partial.rename(final)
            finally:
                _remove(partial, scratch)
    return final


def _remove(*paths):
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
