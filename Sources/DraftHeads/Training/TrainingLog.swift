// The log of a training: JSON lines, appended as they come. It says nothing of the clock, so that a training that was
// stopped and taken up again has the log of one that was not.

import Checkpoints
import Diagnostics
import Documents
import Glibc

/// An append-only file of JSON lines.
final class TrainingLog {
    static let fileName = "training.jsonl"

    private let path: String
    private let descriptor: Int32
    /// Bytes written.
    private(set) var count: Int

    /// Opens or creates the log of a folder.
    ///
    /// - Parameter kept: bytes of an earlier run to keep; what follows is cut off.
    /// - Throws: when there are fewer.
    init(folder: String, keeping kept: Int) throws(Failure) {
        path = joined(folder, Self.fileName)
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        count = kept
        guard descriptor >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
        guard lseek(descriptor, 0, SEEK_END) >= off_t(kept), ftruncate(descriptor, off_t(kept)) == 0,
            lseek(descriptor, 0, SEEK_END) == off_t(kept)
        else { throw FileAccess.failure(.writeFailed, path) }
    }

    deinit { close(descriptor) }

    func append(_ line: JSONObject) throws(Failure) {
        let bytes = Array((JSONValue.object(line).text(.compact) + "\n").utf8)
        var done = 0
        while done < bytes.count {
            let wrote = bytes[done...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if wrote < 0, errno == EINTR { continue }
            guard wrote >= 0 else { throw FileAccess.failure(.writeFailed, path) }
            done += wrote
        }
        count += bytes.count
    }

    /// Makes all lines durable.
    func sync() throws(Failure) {
        guard fdatasync(descriptor) == 0 else { throw FileAccess.failure(.writeFailed, path) }
    }
}
