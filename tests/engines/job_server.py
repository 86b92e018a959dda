"""Beam job servers for Flink and Spark: the released jar, or one put together from its parts.

Beam publishes a job server for each engine as one large jar (`beam-runners-flink-1.20-job-server`).
Where a Maven mirror lacks it, the runner itself and what it depends on do the same job: they are
copied into one jar here, without the engine's own classes, which the engine brings along.

Synopsis::

    python tests/engines/job_server.py flink .venv-flink    # prints the path of the jar
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["ENGINES", "Engine", "Unavailable", "find", "install"]

_REPOSITORY = Path.home() / ".m2" / "repository" / "org" / "apache" / "beam"


class Unavailable(Exception):
    """What is needed is not there; the message says what."""


@dataclass(frozen=True)
class Engine:
    """Where the job server of an engine comes from.

    Attributes:
        released: artifact id of the released job server, of this Beam's version.
        runner: artifact id of the runner, where there is no job server.
        runner_version: the newest version of the runner whose dependencies are all to be had.
        main: main class.
        own: prefixes of the engine's own jars, which do not go into the jar.
        libraries: where the engine's jars lie, from its environment on.
    """

    released: str
    runner: str
    runner_version: str
    main: str
    own: tuple[str, ...]
    libraries: str


ENGINES = {
    "flink": Engine(
        "beam-runners-flink-1.20-job-server",
        "beam-runners-flink-1.19",
        "2.62.0",
        "org.apache.beam.runners.flink.FlinkJobServerDriver",
        ("flink-", "log4j", "slf4j-simple"),
        "lib/python3.11/site-packages/pyflink/lib",
    ),
    "spark": Engine(
        "beam-runners-spark-3-job-server",
        "beam-runners-spark-3",
        "2.62.0",
        "org.apache.beam.runners.spark.SparkJobServerDriver",
        ("spark-", "hadoop-", "scala-", "slf4j-", "log4j"),
        "lib/python3.11/site-packages/pyspark/jars",
    ),
}


def find(name: str, environment: Path) -> Path:
    """Returns the path of an installed job server.

    Raises:
        Unavailable: it is not installed.
    """
    for path in (_released(ENGINES[name]), _assembled(name, environment)):
        if path.exists():
            return path
    raise Unavailable(f"no Beam job server for {name}: run `make {name}`")


def install(name: str, environment: Path) -> Path:
    """Fetches or puts together a job server, once; returns its path.

    Raises:
        Unavailable: Maven is missing, or its repository has neither.
    """
    try:
        return find(name, environment)
    except Unavailable:
        pass
    engine = ENGINES[name]
    wanted = f"org.apache.beam:{engine.released}:{version('apache-beam')}"
    found = _maven("dependency:get", f"-Dartifact={wanted}", "-Dtransitive=false")
    if not found.returncode:
        return _released(engine)
    print(f"{wanted} cannot be had; putting one together from {engine.runner}", flush=True)
    return _assemble(name, environment)


def _released(engine: Engine) -> Path:
    number = version("apache-beam")
    return _REPOSITORY / engine.released / number / f"{engine.released}-{number}.jar"


def _assembled(name: str, environment: Path) -> Path:
    return environment / f"beam-{name}-job-server.jar"


def _maven(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["mvn", "--quiet", "--batch-mode", *arguments],
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except FileNotFoundError as error:
        raise Unavailable("Maven (mvn) is not installed") from error


def _assemble(name: str, environment: Path) -> Path:
    engine = ENGINES[name]
    folder = (environment / "job-server").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pom.xml").write_text(_POM.format(name=name, engine=engine))
    done = _maven(
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={folder / 'lib'}",
        folder=folder,
    )
    if done.returncode:
        raise Unavailable(f"Maven cannot resolve {engine.runner}:\n{done.stdout[-1000:]}")
    jars = [
        jar for jar in sorted((folder / "lib").glob("*.jar")) if not jar.name.startswith(engine.own)
    ]
    own = sorted((environment / engine.libraries).glob("*.jar"))
    target = _assembled(name, environment)
    _merge(jars, target.with_suffix(".part"), engine.main, own)
    target.with_suffix(".part").rename(target)
    return target


def _merge(jars: list[Path], target: Path, main: str, own: list[Path]) -> None:
    """Puts jars into one; of a file that several have, the first counts, of services all."""
    written: set[str] = set()
    services: dict[str, list[str]] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        out.writestr("META-INF/MANIFEST.MF", _manifest(main, own))
        for jar in jars:
            with zipfile.ZipFile(jar) as source:
                for name in source.namelist():
                    if name.startswith("META-INF/services/") and not name.endswith("/"):
                        services.setdefault(name, []).append(source.read(name).decode())
                    elif not _skipped(name) and name not in written:
                        written.add(name)
                        out.writestr(name, source.read(name))
        for name, texts in services.items():
            out.writestr(name, "\n".join(texts) + "\n")


def _skipped(name: str) -> bool:
    """Tells whether a file is about its own jar: signatures, manifests, an index of classes."""
    about = ("META-INF/MANIFEST.MF", "META-INF/INDEX.LIST", "module-info.class")
    signed = name.startswith("META-INF/") and name.endswith((".SF", ".RSA", ".DSA"))
    return signed or name.endswith("/") or name in about


def _manifest(main: str, own: list[Path]) -> str:
    """Returns a manifest that names the engine's jars; its lines have at most 72 bytes."""
    lines = ["Manifest-Version: 1.0", f"Main-Class: {main}"]
    long = "Class-Path: " + " ".join(f"file:{jar.resolve()}" for jar in own)
    lines.append(long[:70])
    lines += [" " + long[at : at + 69] for at in range(70, len(long), 69)]
    return "\n".join(lines) + "\n\n"


_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>{name}-job-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.beam</groupId>
      <artifactId>{engine.runner}</artifactId>
      <version>{engine.runner_version}</version>
    </dependency>
  </dependencies>
</project>
"""


if __name__ == "__main__":
    try:
        print(install(sys.argv[1], Path(sys.argv[2])))
    except Unavailable as error:
        sys.exit(str(error))
