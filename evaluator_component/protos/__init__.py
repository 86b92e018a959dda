"""Generated message classes; the sources are in `proto/` (run `proto/generate.sh`)."""
