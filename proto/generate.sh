#!/bin/sh
# Generates evaluator_component/protos/*_pb2.py and .pyi from proto/*.proto.
#
# protoc must be of the 4.25 line (grpcio-tools 1.62): its code loads on protobuf 3.20 up to 6.
# Usage: proto/generate.sh [output root]     PROTO_PYTHON=<python with grpcio-tools 1.62>
# Without PROTO_PYTHON a small environment .venv-proto is made.
set -eu
cd "$(dirname "$0")/.."
out="${1:-.}"
python="${PROTO_PYTHON:-.venv-proto/bin/python}"

if [ ! -x "$python" ] && [ -z "${PROTO_PYTHON:-}" ]; then
    python3 -m venv .venv-proto
    .venv-proto/bin/python -m pip install --quiet "grpcio-tools==1.62.3" "setuptools<80"
fi
case "$("$python" -m grpc_tools.protoc --version)" in
    "libprotoc 25."*) ;;
    *) echo "generate.sh: needs protoc 25 (grpcio-tools 1.62), got: $("$python" -m grpc_tools.protoc --version)" >&2; exit 2 ;;
esac

mkdir -p "$out"
# The virtual path keeps file names in the descriptor pool apart from those of other packages.
"$python" -m grpc_tools.protoc -I evaluator_component/protos=proto \
    --python_out="$out" --pyi_out="$out" \
    evaluator_component/protos/eval_config.proto \
    evaluator_component/protos/metrics_for_slice.proto \
    evaluator_component/protos/validation_result.proto \
    evaluator_component/protos/eval_model.proto \
    evaluator_component/protos/serving_wire.proto
