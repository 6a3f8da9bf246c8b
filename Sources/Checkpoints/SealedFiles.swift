// Small files written whole: beside their name, synced, renamed, folder synced. And the folder operations
// that a seal needs.

import CSystem
import Diagnostics
import Glibc

extension FileAccess {
    /// Writes a small file so that it is either absent or whole, and gives its digest.
    package static func writeSealed(_ text: String, to path: String) throws(Failure) -> WriteBehind.Sealed {
        try writeSealed(to: path) { (write) throws(Failure) in try write(text) }
    }

    /// The same for a text that comes in pieces and is never in memory whole.
    package static func writeSealed(
        to path: String, _ body: (_ write: (String) throws(Failure) -> Void) throws(Failure) -> Void
    ) throws(Failure) -> WriteBehind.Sealed {
        let temporary = path + ".writing-\(getpid())"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(.cannotCreate, path) }
        var digest = FileDigest()
        var count = 0
        var pending: [UInt8] = []
        func flush() throws(Failure) {
            let errorNumber: Int32? = pending.withUnsafeBytes { bytes in
                digest.update(bytes)
                return writeFully(descriptor, bytes)
            }
            if let errorNumber { throw failure(.writeFailed, path, errorNumber: errorNumber) }
            count += pending.count
            pending.removeAll(keepingCapacity: true)
        }
        do throws(Failure) {
            defer { close(descriptor) }
            try body { (piece) throws(Failure) in
                // Not a whole long piece at once: it is in memory already.
                var rest = piece.utf8[...]
                while !rest.isEmpty {
                    pending.append(contentsOf: rest.prefix(1 << 16))
                    rest = rest.dropFirst(1 << 16)
                    if pending.count >= 1 << 16 { try flush() }
                }
            }
            try flush()
            guard fsync(descriptor) == 0 else { throw failure(.writeFailed, path) }
        } catch {
            unlink(temporary)
            throw error
        }
        try rename(temporary, to: path)
        return WriteBehind.Sealed(bytes: count, digest: digest.finish())
    }

    /// Writes all bytes at the position of the descriptor; the errno of a failure.
    static func writeFully(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32? {
        var done = 0
        while done < bytes.count, let base = bytes.baseAddress {
            let wrote = write(descriptor, base + done, bytes.count - done)
            if wrote < 0 {
                if errno == EINTR { continue }
                return errno
            }
            done += wrote
        }
        return nil
    }

    /// Renames and makes the new name durable.
    package static func rename(_ from: String, to: String) throws(Failure) {
        guard Glibc.rename(from, to) == 0 else { throw failure(.cannotCreate, to) }
        try syncFolder(parentFolder(to))
    }

    /// Makes the names in a folder durable.
    package static func syncFolder(_ folder: String) throws(Failure) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(.writeFailed, folder) }
        defer { close(descriptor) }
        // Some file systems cannot sync a folder and say EINVAL; the rename stands all the same.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(.writeFailed, folder) }
    }

    /// Creates a folder, and its parents where they are missing.
    package static func createFolder(_ path: String) throws(Failure) {
        if mkdir(path, 0o755) == 0 || (errno == EEXIST && kind(path) == .folder) { return }
        guard errno == ENOENT, parentFolder(path) != path else { throw failure(.cannotCreate, path) }
        try createFolder(parentFolder(path))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure(.cannotCreate, path) }
    }

    /// Removes a file or a folder with what is in it, never following links.
    package static func remove(_ path: String) throws(Failure) {
        switch kind(path, followingLinks: false) {
        case .nothing: return
        case .folder:
            for name in try names(in: path) { try remove(joined(path, name)) }
            guard rmdir(path) == 0 else { throw failure(.writeFailed, path) }
        default:
            guard unlink(path) == 0 else { throw failure(.writeFailed, path) }
        }
    }

    /// Bytes free to this user on the file system that holds a path.
    package static func freeBytes(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
