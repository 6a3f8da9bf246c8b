#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int ingot_open_direct(const char *path, int flags, unsigned mode) {
    return open(path, flags | O_DIRECT | O_CLOEXEC, mode);
}

int ingot_clear_direct(int file) {
    const int flags = fcntl(file, F_GETFL);
    if (flags < 0 || !(flags & O_DIRECT)) return -1;
    return fcntl(file, F_SETFL, flags & ~O_DIRECT);
}

int ingot_is_cached(const void *pages, size_t count) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char resident[1024];
    const size_t step = sizeof resident * page;
    for (size_t start = 0; start < count; start += step) {
        const size_t length = count - start < step ? count - start : step;
        if (mincore((char *)pages + start, length, resident) != 0) return 0;
        for (size_t index = 0; index < (length + page - 1) / page; index += 1) {
            if (!(resident[index] & 1)) return 0;
        }
    }
    return 1;
}

int ingot_reserve(int file, int64_t length) {
    if (length <= 0) return 0;
    // Not posix_fallocate: where the file system cannot reserve, glibc's emulation writes every block.
    if (fallocate(file, 0, 0, length) == 0) return 0;
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : errno;
}

int ingot_exchange(const char *a, const char *b) {
    return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

void ingot_start_writeback(int file, int64_t offset, int64_t length) {
    (void)sync_file_range(file, offset, length, SYNC_FILE_RANGE_WRITE);
}

void ingot_release_memory(void) {
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}

void ingot_return_large_memory(void) {
#ifdef __GLIBC__
    // Unset, the threshold grows with what is freed, and freed pieces below it stay resident.
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

void ingot_keep_large_memory(void) {
#ifdef __GLIBC__
    // The largest threshold that glibc takes; without a limit of its own, the top would be cut off after each piece.
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
    (void)mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
}
