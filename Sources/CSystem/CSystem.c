#define _GNU_SOURCE
#include "CSystem.h"
#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
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

int ingot_spawn(const char *program, char *const arguments[], int output, int *said) {
    int report[2];
    int errors[2];
    if (pipe2(report, O_CLOEXEC) != 0) return -1;
    if (pipe2(errors, O_CLOEXEC) != 0) {
        const int number = errno;
        close(report[0]);
        close(report[1]);
        errno = number;
        return -1;
    }
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) {
        const int number = errno;
        close(report[0]);
        close(report[1]);
        close(errors[0]);
        close(errors[1]);
        errno = number;
        return -1;
    }
    if (child == 0) {
        // Only async-signal-safe calls from here: other threads of the parent may hold any lock.
        const int input = open("/dev/null", O_RDONLY);
        if (input >= 0 && setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent
            && dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 && dup2(errors[1], STDERR_FILENO) >= 0) {
            execv(program, arguments);
        }
        const int number = errno;
        (void)!write(report[1], &number, sizeof number);
        _exit(127);
    }
    close(report[1]);
    close(errors[1]);
    int number = 0;
    const ssize_t told = read(report[0], &number, sizeof number);
    close(report[0]);
    if (told == (ssize_t)sizeof number) {
        (void)waitpid(child, NULL, 0);
        close(errors[0]);
        errno = number;
        return -1;
    }
    *said = errors[0];
    return child;
}
