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
    private let units = Atomic<Int>(0)

    /// Opens or creates the journal of a folder and locks it against a second run.
    package init(folder: String) throws(Failure) {
        path = joined(folder, Self.fileName)
        descriptor = try Self.openLocked(path, folder: folder)
    }

    private static func openLocked(_ path: String, folder: String) throws(Failure) -> Int32 {
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let errorNumber = errno
                close(descriptor)
                if errorNumber == EINTR { continue }
                throw Failure(refusal(folder, errorNumber: errorNumber))
            }
            var held = stat()
            var named = stat()
            if fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino,
                held.st_dev == named.st_dev
            {
                return descriptor
            }
            // Between opening and locking, the run that held it sealed its folder and removed this file.
            close(descriptor)
        }
    }

    /// Whether a run that is alive holds the journal of a folder.
    package static func isHeld(in folder: String) -> Bool {
        let descriptor = open(joined(folder, fileName), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// The plan that a folder's journal is of; nil for a folder without one.
    package static func plan(in folder: String) -> String? {
        // The first line is short, whatever follows it.
        let path = joined(folder, fileName)
        guard let size = (try? FileAccess.identity(path))?.size,
            let bytes = try? FileAccess.read(path, range: 0..<min(size, 1 << 10)),
            let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
            case .object(let head)? = try? JSONValue(parsing: Array(bytes[..<end])),
            case .string(let plan)? = head["plan"]
        else { return nil }
        return plan
    }

    /// Why the journal of a folder could not be locked.
    package static func refusal(_ folder: String, errorNumber: Int32) -> Finding {
        guard errorNumber != EWOULDBLOCK else { return busy(folder) }
        return Finding(
            .error, .cannotLock, "this file system cannot lock files", file: folder,
            expected: "a lock that keeps a second run from this output", found: "flock failed",
            remedy: "mount it with locks (Lustre: -o flock), or choose an --output on another disk",
            cause: String(cString: strerror(errorNumber)))
    }

    /// What is said when another run holds the journal of a folder.
    static func busy(_ folder: String) -> Finding {
        Finding(
            .error, .outputBusy, "another run is writing to this output", file: folder,
            expected: "one run for an output", found: "a journal locked by another process",
            remedy: "wait for it, or choose another --output")
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
        units.store(max(0, entries.count - 1), ordering: .relaxed)
        return entries
    }

    /// What earlier runs of a plan have sealed, line by line; the first run of a plan notes which one it is.
    ///
    /// - Parameters:
    ///   - plan: the digest of everything that decides the bytes of the output.
    ///   - sameness: what must be as it was, for the message.
    /// - Throws: OUT-006 when the unfinished work is of another plan.
    package func units(ofPlan plan: String, sameness: String) throws(Failure) -> [JSONValue] {
        let entries = try entries()
        guard let first = entries.first else {
            try append(["plan": .string(plan), "format": 1])
            return []
        }
        guard case .object(let head) = first, head["plan"] == .string(plan) else {
            throw Failure(
                Finding(
                    .error, .resumeMismatch, "the unfinished work is of another plan",
                    file: parentFolder(path), expected: sameness, found: "a journal of a different plan",
                    remedy: "repeat the earlier command with --resume, or --replace to start over"))
        }
        return Array(entries.dropFirst())
    }

    /// Whether any unit is sealed: work that a later run can go on from.
    package var hasUnits: Bool { units.load(ordering: .relaxed) > 0 }

    /// Forgets everything that earlier runs sealed.
    package func clear() throws(Failure) {
        guard ftruncate(descriptor, 0) == 0, fdatasync(descriptor) == 0 else {
            throw FileAccess.failure(.writeFailed, path)
        }
    }

    /// Whether no run has noted anything yet.
    package var isEmpty: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_size == 0
    }

    /// Appends the line of a sealed unit and makes it durable.
    package func append(unit: JSONValue) throws(Failure) {
        try append(unit)
        units.add(1, ordering: .relaxed)
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
