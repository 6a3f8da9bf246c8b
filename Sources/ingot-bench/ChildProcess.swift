// A command timed as a whole process.

import Diagnostics
import Glibc

struct ChildProcess {
    let seconds: Double

    /// Runs a command to its end; throws when it cannot start or fails.
    ///
    /// - Parameters:
    ///   - output: the file that takes its standard output.
    ///   - allowed: exit statuses that are no failure.
    init(_ arguments: [String], output: String = "/dev/null", allowed: [Int32] = [0]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        let clock = ContinuousClock()
        let start = clock.now
        var process = pid_t()
        guard posix_spawnp(&process, arguments[0], &actions, nil, &pointers, environ) == 0 else {
            throw BenchError(message: "cannot start \(arguments[0])")
        }
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process, status & 0x7F == 0, allowed.contains(status >> 8)
        else {
            throw BenchError(message: "\(arguments.joined(separator: " ")) failed with status \(status)")
        }
        seconds = (clock.now - start) / .seconds(1)
    }
}

struct BenchError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
