#include "CEmbedded.h"
#include "EmbeddedFiles.inc"

size_t ingot_embedded_count(void) { return sizeof files / sizeof files[0]; }

ingot_embedded_file ingot_embedded_at(size_t index) { return files[index]; }
