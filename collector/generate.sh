#!/usr/bin/env bash
# Writes collector/build anew from collector/manifest.yaml, with ocb at the components' own version.
# Needs the network, and may move indirect dependencies: look at the change of go.mod before
# committing it. Building needs none of this: the generated sources are in the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

version=$(sed -n 's/^  version: //p' manifest.yaml)
GOFLAGS=-mod=mod go run "go.opentelemetry.io/collector/cmd/builder@v${version}" \
  --config manifest.yaml --skip-compilation
