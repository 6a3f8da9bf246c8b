#!/usr/bin/env bash
# docs/scale/units-job.yaml against the schemas that Kubernetes publishes, every field known and of its type
# (kubernetes-validate has them in its wheel, one release after another).
#   judge_manifest.sh [MANIFEST]
# Exit 0 with one line "skipped: …" where the package is not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
manifest=${1:-$here/../../docs/scale/units-job.yaml}
environment=$("$here/setup.sh" --path)/kubernetes
if ! "$environment/bin/python" -c 'import kubernetes_validate' 2>/dev/null; then
    mkdir -p "$(dirname "$environment")"
    { "${PYTHON:-python3.11}" -m venv "$environment" && "$environment/bin/pip" install --quiet kubernetes-validate==1.37.0; } \
        >"$environment.log" 2>&1 || { echo "skipped: kubernetes-validate is not installable here (see $environment.log)"; exit 0; }
fi
"$environment/bin/python" - "$manifest" <<'P'
import sys, yaml, kubernetes_validate

failed = False
for document in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")):
    name = f"{document['kind']} {document['metadata']['name']}"
    # 1.33 is the first release in which all that the manifest says is stable; the newest one is the other end.
    for version in ("1.33", "1.37"):
        try:
            kubernetes_validate.validate(document, version, strict=True)
            print(f"PASS {name}: schema of {version}, strict")
        except kubernetes_validate.ValidationError as error:
            failed = True
            print(f"FAIL {name}: schema of {version}: {'.'.join(map(str, error.path))}: {error.message}")
sys.exit(failed)
P
