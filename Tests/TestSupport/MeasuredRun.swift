// Runs ingot and says what it cost: its peak memory, and the time it took. The memory is what the program says
// of itself: what a parent is told (`ru_maxrss`) also counts the parent at the moment of the start.

import Foundation

/// A finished run with its cost.
package struct MeasuredRun: Sendable {
    package let exit: Int32
    package let seconds: Double
    /// The largest resident set of the process, in bytes.
    package let peakBytes: Int
    package let output: String

    /// Runs a program with `--json` to its end and keeps its standard output.
    package init(_ program: String, _ arguments: [String]) throws {
        let said = NSTemporaryDirectory() + "ingot-measured-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: said) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, said, O_WRONLY | O_CREAT, 0o600)
<<<<<<< HEAD
        var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments + ["--json"]).map { strdup($0) }
=======
        // As from a shell: the thread this runs on may block signals, and that would be inherited.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pointers: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
>>>>>>> faults
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        let clock = ContinuousClock()
        let start = clock.now
        var process = pid_t()
        guard posix_spawn(&process, program, &actions, &attributes, &pointers, environ) == 0 else {
            throw CannotStart(program: program)
        }
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process else { throw CannotStart(program: program) }
        seconds = (clock.now - start) / .seconds(1)
        exit = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F)
        output = try String(contentsOfFile: said, encoding: .utf8)
        let document = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        peakBytes = document?["peak_bytes"] as? Int ?? .max
    }

    struct CannotStart: Error { let program: String }
}
