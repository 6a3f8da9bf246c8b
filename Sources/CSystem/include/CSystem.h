#pragma once
// Linux calls that Swift's Glibc overlay does not show, as plain functions. Each returns what the call
// returns; errno is the caller's to read.
#include <stddef.h>
#include <stdint.h>

// open() past the page cache (O_DIRECT | O_CLOEXEC | flags). EINVAL where the file system cannot.
int ingot_open_direct(const char *path, int flags, unsigned mode);

// Sends further transfers of an open file through the page cache. Returns 0 when it was direct and no longer is.
int ingot_clear_direct(int file);

// Whether all pages of a mapped range are in the page cache: 1 or 0. Touches none of them. The address must be a
// multiple of the page size.
int ingot_is_cached(const void *pages, size_t count);

// Reserves disk blocks so that a full disk is an early error and not a late one. Returns an errno, 0 when done.
int ingot_reserve(int file, int64_t length);

// Swaps two folders in one step (RENAME_EXCHANGE).
int ingot_exchange(const char *a, const char *b);

// Starts writing back a range of dirty pages without waiting.
void ingot_start_writeback(int file, int64_t offset, int64_t length);

// Gives free heap memory back to the system where the C library can.
void ingot_release_memory(void);

// Makes freed pieces of 256 KiB and more go back to the system at once.
void ingot_return_large_memory(void);

// Keeps freed pieces of up to 32 MiB for the next ones of their size.
void ingot_keep_large_memory(void);

// Starts a program in a process group of its own, with /dev/null as its input; it is killed when the thread that
// started it ends. `said` gets the reading end of its standard error. Returns its process number, or -1 with errno set.
int ingot_spawn(const char *program, char *const arguments[], int output, int *said);
