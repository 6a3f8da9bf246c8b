// Where a process writes the files of its units: a run that has the output to itself beside their names, processes
// that share a plan under names that no other process can have.

import Diagnostics
import Glibc
import Synchronization

/// Where the files of units are written.
package struct UnitPlace: Sendable {
    /// The folder that they get their names in.
    package let folder: String
    /// What the path of a file in the making begins with; nil for a name beside its own.
    private let staging: String?

    package init(folder: String, staging: String? = nil) {
        self.folder = folder
        self.staging = staging
    }

    /// Creates a file of a length known beforehand; it gets its name when it is sealed.
    package func writer(
        _ name: String, length: Int, longest: Int, block: Int, depth: Int
    ) throws(Failure) -> WriteBehind {
        try WriteBehind(
            path: joined(folder, name), staging: staging, length: length, longest: longest, block: block,
            depth: depth)
    }
}

/// A process among those that share a plan, on any machine.
struct WorkerName: Sendable {
    /// The machine and the process space in it: where process numbers mean something.
    private let space: String
    private let process: Int32
    private let draw: String

    init() {
        space = Self.ownSpace
        process = getpid()
        draw = String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// What the names of its temporary files begin with.
    var prefix: String { "\(space)-\(process)-\(draw)-" }

    /// Sixteen digits for this boot of this machine and this process space of it.
    ///
    /// Where the system does not say, a number of this process alone: its files are then nobody's to remove.
    private static let ownSpace: String = {
        guard let boot = try? FileAccess.read("/proc/sys/kernel/random/boot_id", range: 0..<36),
            let processes = resolvedLink("/proc/self/ns/pid")
        else { return "unknown\(UInt32.random(in: .min ... .max))" }
        return String(FileDigest.of(String(decoding: boot, as: UTF8.self) + processes).prefix(16))
    }()

    private static func resolvedLink(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(path, &buffer, buffer.count)
        return count > 0
            ? String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    /// Whether a file was left by a process of this machine that is no more.
    static func isAbandoned(_ name: String) -> Bool {
        let parts = name.split(separator: "-")
        guard parts.count >= 4, parts[0] == ownSpace, let process = Int32(parts[1]), process > 0 else {
            return false
        }
        return kill(process, 0) != 0 && errno == ESRCH
    }
}
