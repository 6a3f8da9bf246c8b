// The writing end of a pipeline: bytes are appended into staging buffers; a second thread digests them and
// writes them past the page cache. The file appears under its name only when it is whole, synced and digested.

import CSystem
import Diagnostics
import Dispatch
import Glibc
import Synchronization

/// A file being written from front to back, of a length known beforehand.
package final class WriteBehind: Sendable {
    /// What a sealed file is.
    package struct Sealed: Sendable, Equatable {
        package let bytes: Int
        /// SHA-256, 64 hexadecimal digits.
        package let digest: String

        package init(bytes: Int, digest: String) {
            self.bytes = bytes
            self.digest = digest
        }
    }

    private struct Block: @unchecked Sendable {
        let buffer: AlignedBuffer
        let count: Int
        /// The last block of the file is padded to whole transfer units and cut afterwards.
        let isLast: Bool
    }

    private struct Filling: @unchecked Sendable {
        var buffer: AlignedBuffer?
        var used = 0
        var appended = 0
    }

    private let path: String
    private let temporary: String
    private let length: Int
    private let full: BoundedQueue<Block>
    private let free: BoundedQueue<AlignedBuffer>
    private let filling = Mutex(Filling())
    private let outcome = Mutex<Result<Sealed, Failure>?>(nil)
    private let stopped = DispatchSemaphore(value: 0)

    /// Creates the file under a temporary name beside its own and reserves its blocks.
    ///
    /// - Parameters:
    ///   - staging: what the temporary path begins with, on the same file system; nil for one beside its own.
    ///   - longest: the most bytes one `append` call will ask for.
    ///   - block: bytes of one write; a few MiB.
    package init(
        path: String, staging: String? = nil, length: Int, longest: Int, block: Int, depth: Int
    ) throws(Failure) {
        self.path = path
        self.length = length
        let number = Self.sequence.wrappingAdd(1, ordering: .relaxed).newValue
        temporary = (staging ?? "\(path).writing-\(getpid())-") + "\(number)"
        let file = try Self.create(temporary, length: length)
        full = BoundedQueue(limit: depth)
        free = BoundedQueue(limit: depth)
        // Room for one whole append on top of the unwritten rest of the block before.
        let capacity = max(block, longest) + AlignedBuffer.alignment
        for _ in 0..<depth { _ = free.push(AlignedBuffer(capacity: capacity)) }
        let buffer = free.pop()
        filling.withLock { $0.buffer = buffer }
        DispatchQueue(label: "ingot.write-behind").async { [self] in
            let result = write(to: file)
            outcome.withLock { $0 = result }
            if case .failure = result {
                unlink(temporary)
                free.close()
                full.close()
            }
            stopped.signal()
        }
    }

    private static let sequence = Atomic<Int>(0)

    /// Asks for room for so many bytes, lets the body fill it, and takes the bytes as written.
    package func append<Value>(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let room = try room(for: count)
        let value = try body(room)
        filling.withLock {
            $0.used += count
            $0.appended += count
        }
        return value
    }

    /// Appends bytes of any number.
    package func append(_ bytes: UnsafeRawBufferPointer, longest: Int) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let end = min(start + longest, bytes.count)
            try append(end - start) {
                $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
            start = end
        }
    }

    private func room(for count: Int) throws(Failure) -> UnsafeMutableRawBufferPointer {
        let (current, used) = filling.withLock { ($0.buffer, $0.used) }
        guard let current else { throw failureOfWriter() }
        if used + count <= current.bytes.count {
            return UnsafeMutableRawBufferPointer(rebasing: current.bytes[used..<(used + count)])
        }
        // Hand over whole transfer units; the rest moves to the front of the next buffer.
        let whole = alignedDown(used)
        guard let next = free.pop() else { throw failureOfWriter() }
        let rest = UnsafeRawBufferPointer(rebasing: current.bytes[whole..<used])
        next.bytes.copyMemory(from: rest)
        filling.withLock {
            $0.buffer = next
            $0.used = rest.count
        }
        guard full.push(Block(buffer: current, count: whole, isLast: false)) else { throw failureOfWriter() }
        return UnsafeMutableRawBufferPointer(rebasing: next.bytes[rest.count..<(rest.count + count)])
    }

    /// Writes what is left, syncs, gives the file its name and syncs the folder.
    package func seal() throws(Failure) -> Sealed {
        let (buffer, used, appended) = filling.withLock { ($0.buffer, $0.used, $0.appended) }
        precondition(appended == length, "a file of \(length) bytes was sealed after \(appended)")
        if let buffer { _ = full.push(Block(buffer: buffer, count: used, isLast: true)) }
        full.close()
        waitForWriter()
        guard let result = outcome.withLock({ $0 }) else { throw failureOfWriter() }
        let sealed = try result.get()
        try FileAccess.rename(temporary, to: path)
        return sealed
    }

    /// Gives up: ends the thread and removes what was written.
    package func abandon() {
        full.close()
        free.close()
        waitForWriter()
        unlink(temporary)
    }

    private func waitForWriter() {
        stopped.wait()
        stopped.signal()
    }

    private func failureOfWriter() -> Failure {
        waitForWriter()
        if case .failure(let failure)? = outcome.withLock({ $0 }) { return failure }
        return Failure(Finding(.error, .writeFailed, "writing was abandoned", file: path))
    }

    // MARK: The writing thread

    private func write(to file: OutputFile) -> Result<Sealed, Failure> {
        defer { close(file.descriptor) }
        let digest = BackgroundDigest()
        var offset = 0
        while let block = full.pop() {
            let padded = file.isDirect ? alignedUp(block.count) : block.count
            for index in block.count..<max(padded, block.count) { block.buffer.bytes[index] = 0 }
            // The write waits for the disk while another thread takes the digest.
            digest.update(block.buffer, count: block.count)
            let number = file.write(block.buffer.bytes, count: padded, at: offset)
            digest.wait()
            if let number {
                return .failure(FileAccess.failure(.writeFailed, path, errorNumber: number))
            }
            offset += block.count
            _ = free.push(block.buffer)
            if block.isLast {
                // After a failed sync the pages may be lost: the file is discarded, the sync never repeated.
                guard ftruncate(file.descriptor, off_t(length)) == 0, fsync(file.descriptor) == 0 else {
                    return .failure(FileAccess.failure(.writeFailed, path))
                }
                return .success(Sealed(bytes: length, digest: digest.finish()))
            }
        }
        return .failure(Failure(Finding(.error, .writeFailed, "writing was abandoned", file: path)))
    }

    private static func create(_ path: String, length: Int) throws(Failure) -> OutputFile {
        let flags = O_WRONLY | O_CREAT | O_EXCL
        var descriptor = ingot_open_direct(path, flags, 0o644)
        let isDirect = descriptor >= 0
        if !isDirect {
            if errno == EINVAL { unlink(path) }
            descriptor = open(path, flags | O_CLOEXEC, 0o644)
        }
        guard descriptor >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
        let number = ingot_reserve(descriptor, Int64(length))
        guard number == 0 else {
            close(descriptor)
            unlink(path)
            throw FileAccess.failure(.cannotCreate, path, errorNumber: number)
        }
        return OutputFile(descriptor: descriptor, isDirect: isDirect)
    }
}

/// SHA-256 taken on a thread of its own, one block at a time.
private final class BackgroundDigest: @unchecked Sendable {
    private let queue = DispatchQueue(label: "ingot.digest")
    private let done = DispatchSemaphore(value: 0)
    /// Touched by the queue between `update` and `wait`, by the caller otherwise.
    private var digest = FileDigest()

    /// Starts on a block; its bytes must stay until `wait` returns.
    func update(_ buffer: AlignedBuffer, count: Int) {
        queue.async { [self] in
            digest.update(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count]))
            done.signal()
        }
    }

    func wait() { done.wait() }

    func finish() -> String { digest.finish() }
}

/// An open file that takes blocks, past the page cache or, where that cannot be, dropping it behind.
private struct OutputFile: Sendable {
    let descriptor: Int32
    let isDirect: Bool

    /// Writes bytes at an offset; the errno of a failure.
    func write(_ bytes: UnsafeMutableRawBufferPointer, count: Int, at offset: Int) -> Int32? {
        guard let base = bytes.baseAddress else { return nil }
        var done = 0
        while done < count {
            let wrote = pwrite(descriptor, base + done, count - done, off_t(offset + done))
            if wrote < 0 {
                if errno == EINTR { continue }
                // Some network file systems open directly and then refuse: go on through the cache.
                if errno == EINVAL, isDirect, ingot_clear_direct(descriptor) == 0 { continue }
                return errno
            }
            done += wrote
        }
        if !isDirect {
            ingot_start_writeback(descriptor, Int64(offset), Int64(count))
            // The block before this one has had time to reach the disk.
            posix_fadvise(descriptor, 0, off_t(offset), POSIX_FADV_DONTNEED)
        }
        return nil
    }
}
