// The journal of a writing stage: one JSON line for the plan and one for each sealed unit, so that a run
// killed at any point goes on where it stopped. A torn last line is no line.

import Diagnostics
import Documents
import Glibc
import Synchronization

/// An append-only list of sealed units, locked by the run that writes it.
package final class Journal: Sendable {
    package static let fileName = ".ingot-journal.jsonl"

    package let path: String
    private let descriptor: Int32
    private let lock = Mutex(())

    /// Opens or creates the journal of a folder and locks it against a second run.
    package init(folder: String) throws(Failure) {
        path = joined(folder, Self.fileName)
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Failure(
                Finding(
                    .error, .outputBusy, "another run is writing to this output", file: folder,
                    expected: "one run for an output", found: "a journal locked by another process",
                    remedy: "wait for it, or choose another --output"))
        }
    }

    deinit { close(descriptor) }

    /// The lines of earlier runs that are whole, parsed; anything after the first torn line is dropped.
    package func entries() throws(Failure) -> [JSONValue] {
        let bytes = try FileAccess.read(path, limit: 1 << 31)
        var entries: [JSONValue] = []
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            guard let value = try? JSONValue(parsing: Array(bytes[start..<end])) else { break }
            entries.append(value)
            start = end + 1
        }
        // What follows was never sealed: cut it off, so that new lines do not run into it.
        if start < bytes.count, ftruncate(descriptor, off_t(start)) != 0 {
            throw FileAccess.failure(.writeFailed, path)
        }
        return entries
    }

    /// Appends one line and makes it durable.
    package func append(_ entry: JSONValue) throws(Failure) {
        let line = Array((entry.text(.compact) + "\n").utf8)
        let errorNumber: Int32? = lock.withLock { _ in
            let written = line.withUnsafeBytes { FileAccess.writeFully(descriptor, $0) }
            return written ?? (fdatasync(descriptor) == 0 ? nil : errno)
        }
        if let errorNumber { throw FileAccess.failure(.writeFailed, path, errorNumber: errorNumber) }
    }
}
