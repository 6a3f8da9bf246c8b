#pragma once
// The profiles and the diagnostics pages, as bytes inside the program.
#include <stddef.h>

typedef struct {
    const char *path; // from the top of the repository, such as Profiles/schemes/fp8-block.json
    const unsigned char *bytes;
    size_t count;
} ingot_embedded_file;

size_t ingot_embedded_count(void);
ingot_embedded_file ingot_embedded_at(size_t index);
