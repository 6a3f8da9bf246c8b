// Reading large ranges of a file fast: bytes that are in the page cache are taken from there, the rest is
// read past it (O_DIRECT). Where a file system cannot do that, plain reads that drop the cache behind them.
// No mapping: mapped pages count as resident and a truncated file would be a SIGBUS.

import CSystem
import Diagnostics
import Glibc

/// A file opened for reading ranges into aligned buffers.
package final class BulkReader: @unchecked Sendable {
    package let path: String
    /// The file as it was when it was opened; compare with `checkUnchanged` after the last read.
    package let identity: FileIdentity
    private let cached: Int32
    private let direct: Int32
    /// The file, mapped to ask which pages are in the cache; never read through.
    private let map: UnsafeMutableRawPointer?

    package init(path: String) throws(Failure) {
        self.path = path
        let cached = try FileAccess.openForReading(path)
        do throws(Failure) {
            identity = try FileIdentity(descriptor: cached, path: path)
        } catch {
            close(cached)
            throw error
        }
        self.cached = cached
        // Fails on file systems without direct transfers; reads then go through the cache.
        direct = ingot_open_direct(path, O_RDONLY, 0)
        // Asking by a read that must not wait (RWF_NOWAIT) would start readahead: everything read twice.
        let pages =
            identity.size > 0 && Self.maySeeResidency(cached, path)
            ? mmap(nil, identity.size, PROT_READ, MAP_SHARED, cached, 0) : nil
        map = pages == MAP_FAILED ? nil : pages
    }

    deinit {
        if let map { munmap(map, identity.size) }
        close(cached)
        if direct >= 0 { close(direct) }
    }

    /// Whether the kernel tells this user which pages of the file are cached; to others it says that all are.
    private static func maySeeResidency(_ descriptor: Int32, _ path: String) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_uid == geteuid() || access(path, W_OK) == 0
    }

    /// Bytes a buffer needs for any range of a length: the aligned window around it can be two blocks longer.
    package static func capacity(for length: Int) -> Int { alignedUp(length) + AlignedBuffer.alignment }

    /// Reads a range of the file and gives the bytes, somewhere inside the buffer.
    package func read(_ range: Range<Int>, into buffer: AlignedBuffer) throws(Failure)
        -> UnsafeRawBufferPointer
    {
        guard !range.isEmpty else { return UnsafeRawBufferPointer(rebasing: buffer.bytes[0..<0]) }
        guard range.upperBound <= identity.size else { throw shortRead(range, identity.size) }
        let start = alignedDown(range.lowerBound)
        let window = alignedUp(range.upperBound) - start
        let whole = min(window, identity.size - start)
        precondition(window <= buffer.bytes.count, "the buffer was sized for a smaller range")
        guard let base = buffer.bytes.baseAddress else { throw shortRead(range, 0) }

        let got =
            if let map, ingot_is_cached(map + start, whole) == 1 {
                FileAccess.readFully(
                    cached, UnsafeMutableRawBufferPointer(start: base, count: whole), at: start)
            } else {
                readUncached(base, window: window, whole: whole, at: start)
            }
        guard got >= 0 else { throw FileAccess.failure(.readFailed, path) }
        guard got >= whole else { throw shortRead(range, start + got) }
        let offset = range.lowerBound - start
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[offset..<(offset + range.count)])
    }

    private func readUncached(_ base: UnsafeMutableRawPointer, window: Int, whole: Int, at start: Int) -> Int
    {
        if direct >= 0 {
            var done = 0
            while done < whole {
                let got = pread(direct, base + done, window - done, off_t(start + done))
                if got < 0 {
                    if errno == EINTR { continue }
                    // Alignment the device does not accept after all: go on through the cache.
                    if errno == EINVAL { break }
                    return -1
                }
                if got == 0 { return done }
                done += got
                if done < whole, done % AlignedBuffer.alignment != 0 { break }
            }
            if done >= whole { return done }
        }
        let got = FileAccess.readFully(
            cached, UnsafeMutableRawBufferPointer(start: base, count: whole), at: start)
        if got > 0 { posix_fadvise(cached, off_t(start), off_t(got), POSIX_FADV_DONTNEED) }
        return got
    }

    /// Throws when the file was written, truncated or replaced since it was opened.
    package func checkUnchanged() throws(Failure) {
        let now = try FileIdentity(descriptor: cached, path: path)
        let named = try FileAccess.identity(path)
        guard now == identity, named == identity else {
            throw Failure(
                Finding(
                    .error, .changedWhileRead, "this file changed while it was being read", file: path,
                    expected: "\(grouped(identity.size)) bytes, unmodified since the run began",
                    found: now.size == identity.size && named.size == identity.size
                        ? "a newer modification time or another file of that name"
                        : "\(grouped(named.size)) bytes",
                    remedy: "let whatever writes it finish, then repeat with --resume"))
        }
    }

    private func shortRead(_ range: Range<Int>, _ end: Int) -> Failure {
        Failure(
            Finding(
                .error, .changedWhileRead, "this file became shorter while it was being read", file: path,
                expected: "at least \(grouped(range.upperBound)) bytes", found: "\(grouped(end)) bytes",
                remedy: "copy the file again, then repeat with --resume"))
    }
}
