#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

int ingot_open_direct(const char *path, int flags, unsigned mode) {
    return open(path, flags | O_DIRECT | O_CLOEXEC, mode);
}

int ingot_clear_direct(int file) {
    const int flags = fcntl(file, F_GETFL);
    if (flags < 0 || !(flags & O_DIRECT)) return -1;
    return fcntl(file, F_SETFL, flags & ~O_DIRECT);
}

ptrdiff_t ingot_read_cached(int file, void *buffer, size_t count, int64_t offset) {
    struct iovec vector = {.iov_base = buffer, .iov_len = count};
    return preadv2(file, &vector, 1, offset, RWF_NOWAIT);
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
