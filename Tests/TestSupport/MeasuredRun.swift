// Runs a program and says what it cost: the kernel's own count of its peak memory, and the time it took.

import Foundation

/// A finished run with its cost.
package struct MeasuredRun: Sendable {
    package let exit: Int32
    package let seconds: Double
    /// The largest resident set of the process, in bytes.
    package let peakBytes: Int
    package let output: String

    /// Runs a program to its end and keeps its standard output.
    package init(_ program: String, _ arguments: [String]) throws {
        let said = NSTemporaryDirectory() + "ingot-measured-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: said) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, said, O_WRONLY | O_CREAT, 0o600)
        // As from a shell: the thread this runs on may block signals, and that would be inherited.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        let clock = ContinuousClock()
        let start = clock.now
        var process = pid_t()
        guard posix_spawn(&process, program, &actions, &attributes, &pointers, environ) == 0 else {
            throw CannotStart(program: program)
        }
        var status: Int32 = 0
        var peak = 0
        while true {
            peak = max(peak, Self.peak(of: process))
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process { break }
            guard ended == 0 else { throw CannotStart(program: program) }
            usleep(1000)
        }
        seconds = (clock.now - start) / .seconds(1)
        exit = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
        peakBytes = peak
        output = try String(contentsOfFile: said, encoding: .utf8)
    }

    /// The kernel's high-water mark of a process that runs; 0 when it has ended.
    ///
    /// Not `ru_maxrss`: a spawned process inherits in it what its parent, this one, had resident.
    private static func peak(of process: pid_t) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return 0 }
        return (line.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
    }

    struct CannotStart: Error { let program: String }
}
