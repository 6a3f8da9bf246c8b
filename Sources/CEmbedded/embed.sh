#!/bin/sh
# Writes EmbeddedFiles.inc: every profile and diagnostics page as bytes inside the program, so that the
# program needs no folder beside it. Run from the top of the repository after adding or removing one
# (`make embed`); PackageGraphTests says when it is out of date.
set -eu
out=Sources/CEmbedded/EmbeddedFiles.inc
files=$(find Profiles docs/diagnostics -name '*.json' -o -name '*.md' | LC_ALL=C sort)
{
    echo "// Made by embed.sh; do not edit."
    n=0
    for file in $files; do
        printf 'static const unsigned char file_%d[] = {\n#embed "../../%s"\n};\n' "$n" "$file"
        n=$((n + 1))
    done
    echo "static const ingot_embedded_file files[] = {"
    n=0
    for file in $files; do
        printf '    {"%s", file_%d, sizeof file_%d},\n' "$file" "$n" "$n"
        n=$((n + 1))
    done
    echo "};"
} > "$out"
echo "$n files embedded"
