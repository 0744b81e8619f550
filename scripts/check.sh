#!/usr/bin/env bash
# Every check that is not a test, in order, stopping at the first that fails. Each is also a script of its own in package.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

start=$SECONDS
for step in lint types layers unused package; do
  began=$SECONDS
  npm run --silent "check:$step" || {
    echo "check:$step failed; run it alone with: npm run check:$step" >&2
    exit 1
  }
  echo "✓ $step ($((SECONDS - began)) s)"
done
echo "all checks passed ($((SECONDS - start)) s)"
