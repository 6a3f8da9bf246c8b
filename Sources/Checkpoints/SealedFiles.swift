// Small files written whole: beside their name, synced, renamed, folder synced. And the folder operations
// that a seal needs.

import CSystem
import Diagnostics
import Glibc

extension FileAccess {
    /// Writes a small file so that it is either absent or whole, and gives its digest.
    package static func writeSealed(_ text: String, to path: String) throws(Failure) -> WriteBehind.Sealed {
        try writeSealed(pieces: CollectionOfOne(text), to: path)
    }

    /// The same for a text that comes in pieces.
    package static func writeSealed(pieces: some Sequence<String>, to path: String) throws(Failure)
        -> WriteBehind.Sealed
    {
        try writeSealed(data: pieces.lazy.map { Array($0.utf8) }, to: path)
    }

    /// The same for bytes that come in pieces.
    ///
    /// - Parameter temporary: the name in the making, on the same file system; nil for one beside its own.
    package static func writeSealed(
        data pieces: some Sequence<[UInt8]>, to path: String, temporary: String? = nil
    ) throws(Failure) -> WriteBehind.Sealed {
        let temporary = temporary ?? path + ".writing-\(getpid())"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(.cannotCreate, path) }
        var digest = FileDigest()
        var count = 0
        var errorNumber: Int32?
        var gathered: [UInt8] = []
        func flush() {
            errorNumber =
                errorNumber
                ?? gathered.withUnsafeBytes { buffer in
                    digest.update(buffer)
                    return writeFully(descriptor, buffer)
                }
            count += gathered.count
            gathered.removeAll(keepingCapacity: true)
        }
        for piece in pieces {
            gathered.append(contentsOf: piece)
            if gathered.count >= 1 << 18 { flush() }
        }
        flush()
        if errorNumber == nil, fsync(descriptor) != 0 { errorNumber = errno }
        close(descriptor)
        if let errorNumber {
            unlink(temporary)
            throw failure(.writeFailed, path, errorNumber: errorNumber)
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

    /// The path, or the nearest folder above it that is there.
    package static func existing(_ path: String) -> String {
        var path = path
        while kind(path) == .nothing, path != parentFolder(path) { path = parentFolder(path) }
        return path
    }

    /// Bytes free to this user on the file system that holds a path, or will when it is made.
    package static func freeBytes(at path: String) -> Int? {
        var status = statvfs()
        guard statvfs(existing(path), &status) == 0 else { return nil }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
