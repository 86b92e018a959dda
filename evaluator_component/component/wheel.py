"""Packs Python files into a wheel without a build tool.

TFX builds a wheel of the user's module with `setup.py bdist_wheel` in a subprocess: seconds, pages
of log, and setuptools in the environment. A wheel of pure Python is a zip file with three lists in
it; this writes it directly, byte for byte the same for the same files, so that its name can carry a
hash of its content and a step whose user code did not change stays cached.

Example:
    >>> import tempfile, pathlib, zipfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "hooks.py").write_text("def metrics(): return []")
    >>> wheel = write_wheel({"hooks.py": folder / "hooks.py"}, name="user_code", into=folder)
    >>> zipfile.ZipFile(wheel).namelist()[0]
    'hooks.py'
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["content_hash", "package_files", "write_wheel"]

_WHEEL = (
    "Wheel-Version: 1.0\nGenerator: evaluator_component\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)
#: Zip files carry times; a fixed one makes equal content equal bytes.
_TIME = (1980, 1, 1, 0, 0, 0)


def content_hash(files: Mapping[str, Path]) -> str:
    """Returns a hash (16 hex digits) of names and contents."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def package_files(folder: Path, prefix: str = "") -> dict[str, Path]:
    """Returns the Python files and data files of a package by their path in a wheel."""
    skipped = {"__pycache__"}
    return {
        f"{prefix}{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not skipped & set(path.parts)
    }


def write_wheel(
    files: Mapping[str, Path],
    *,
    name: str,
    into: Path,
    version: str = "0",
    requires: Sequence[str] = (),
) -> Path:
    """Writes a wheel and returns its path.

    Args:
        files: path inside the wheel -> file on disk.
        name: the distribution's name, letters, digits and underscores.
        into: the folder to write to; made if absent.
        version: the public version; the hash of the content is appended to it.
        requires: requirements, as in `Requires-Dist`.
    """
    version = f"{version}+{content_hash(files)}"
    info = f"{name}-{version}.dist-info"
    lines = [f"Requires-Dist: {requirement}\n" for requirement in requires]
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{''.join(lines)}"
    contents = {path: source.read_bytes() for path, source in files.items()}
    contents[f"{info}/METADATA"] = metadata.encode()
    contents[f"{info}/WHEEL"] = _WHEEL.encode()
    record = "".join(
        f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in contents.items()
    )
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()

    into.mkdir(parents=True, exist_ok=True)
    wheel = into / f"{name}-{version}-py3-none-any.whl"
    partial = wheel.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    partial.rename(wheel)
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
