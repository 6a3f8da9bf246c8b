// The few file-system calls this target needs, each failing with a finding that names the path.

import CSystem
import Diagnostics
import Glibc

/// What identifies the content of a file cheaply: it changes when the file is written or replaced.
package struct FileIdentity: Equatable, Sendable {
    package let size: Int
    let device: UInt
    let inode: UInt
    let modified: Instant
    let changed: Instant

    struct Instant: Equatable, Sendable {
        let seconds: Int
        let nanoseconds: Int
    }

    init(_ status: stat) {
        size = Int(status.st_size)
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        modified = Instant(seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
        changed = Instant(seconds: status.st_ctim.tv_sec, nanoseconds: status.st_ctim.tv_nsec)
    }

    /// A line that tells this content from a later one of the same path.
    package var text: String {
        "\(size) \(device):\(inode) \(modifiedText)"
    }

    /// The same for machines that share a disk: each numbers its devices, and some its files, in its own way.
    package var portableText: String { "\(size) \(modifiedText)" }

    /// When it was last written: seconds and nanoseconds of the system's clock.
    package var modifiedText: String { "\(modified.seconds).\(modified.nanoseconds)" }

    /// The identity of an open file.
    package init(descriptor: Int32, path: String) throws(Failure) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileAccess.failure(.readFailed, path) }
        self.init(status)
    }
}

/// The few file-system calls the project needs, with findings for errors.
package enum FileAccess {
    /// What stands at a path.
    package enum Kind: Sendable { case file, folder, symbolicLink, other, nothing }

    package static func kind(_ path: String, followingLinks: Bool = true) -> Kind {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return .nothing }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        case S_IFLNK: return .symbolicLink
        default: return .other
        }
    }

    package static func identity(_ path: String) throws(Failure) -> FileIdentity {
        var status = stat()
        guard stat(path, &status) == 0 else { throw missingOrUnreadable(path) }
        return FileIdentity(status)
    }

    /// Opens a regular file for reading.
    ///
    /// A folder or a device is an error, not a surprise later.
    package static func openForReading(_ path: String) throws(Failure) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw missingOrUnreadable(path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw Failure(
                Finding(
                    .error, .pathUnreadable, "not a regular file", file: path, expected: "a regular file",
                    found: kind(path) == .folder ? "a folder" : "something else"))
        }
        return descriptor
    }

    /// Reads a small file whole.
    package static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        let size = try FileIdentity(descriptor: descriptor, path: path).size
        guard size <= limit else {
            throw Failure(
                Finding(
                    .error, .fileTooLarge, "this file is larger than its kind can be", file: path,
                    expected: "at most \(grouped(limit)) bytes", found: "\(grouped(size)) bytes"))
        }
        var bytes = [UInt8](repeating: 0, count: size)
        try read(descriptor, into: &bytes, at: 0, path: path)
        return bytes
    }

    /// Reads a short range of a file.
    package static func read(_ path: String, range: Range<Int>) throws(Failure) -> [UInt8] {
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: range.count)
        try read(descriptor, into: &bytes, at: range.lowerBound, path: path)
        return bytes
    }

    /// Fills an array from an offset; a file that ends early is an error.
    package static func read(
        _ descriptor: Int32, into bytes: inout [UInt8], at offset: Int, path: String
    ) throws(Failure) {
        let count = bytes.count
        let got = bytes.withUnsafeMutableBytes { readFully(descriptor, $0, at: offset) }
        guard got == count else {
            throw got < 0
                ? failure(.readFailed, path)
                : Failure(
                    Finding(
                        .error, .readFailed, "the file ends too early", file: path,
                        expected: "\(grouped(count)) bytes at offset \(grouped(offset))",
                        found: "\(grouped(got)) bytes"))
        }
    }

    /// Reads until the buffer is full or the file ends; bytes read, or −1 with errno set.
    package static func readFully(
        _ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int
    )
        -> Int
    {
        guard let base = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, base + done, buffer.count - done, off_t(offset + done))
            if got < 0 {
                if errno == EINTR { continue }
                return -1
            }
            if got == 0 { break }
            done += got
        }
        return done
    }

    /// The names in a folder, sorted, without `.` and `..`.
    package static func names(in folder: String) throws(Failure) -> [String] {
        guard let stream = opendir(folder) else {
            throw errno == ENOTDIR
                ? Failure(
                    Finding(
                        .error, .pathNotFolder, "not a folder", file: folder, expected: "a folder",
                        found: "a file"))
                : missingOrUnreadable(folder)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The finding for a path that could not be opened, from errno.
    package static func missingOrUnreadable(_ path: String) -> Failure {
        guard errno == ENOENT || errno == ENOTDIR else { return failure(.pathUnreadable, path) }
        let near = neighbour(of: path)
        return Failure(
            Finding(
                .error, .pathMissing, "no such file or folder", file: path, expected: "an existing path",
                found: "nothing there", remedy: near.map { "did you mean \($0)?" } ?? "check the path"))
    }

    /// The finding for a failed call, from errno; a full disk has its own code and advice.
    package static func failure(_ code: DiagnosticCode, _ path: String) -> Failure {
        failure(code, path, errorNumber: errno)
    }

    package static func failure(_ code: DiagnosticCode, _ path: String, errorNumber: Int32) -> Failure {
        let cause = String(cString: strerror(errorNumber))
        if errorNumber == ENOSPC || errorNumber == EDQUOT || errorNumber == EFBIG {
            return Failure(
                Finding(
                    .error, .diskFull, "no space is left for the output", file: path,
                    remedy: "free space or choose another --output, then repeat with --resume", cause: cause))
        }
        let what =
            switch code {
            case .cannotCreate: "cannot create this"
            case .writeFailed: "writing failed"
            case .readFailed: "reading failed"
            default: "cannot be opened"
            }
        let remedy = code == .cannotCreate ? "choose a folder you may write to" : nil
        return Failure(Finding(.error, code, what, file: path, remedy: remedy, cause: cause))
    }
}
