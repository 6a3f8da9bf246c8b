// A command timed as a whole process, with the peak memory the kernel counted for it.

import Diagnostics
import Glibc

struct ChildProcess {
    let seconds: Double
    let peakBytes: Int

    /// Runs a command to its end; throws when it cannot start or fails. Its output is discarded.
    init(_ arguments: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
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
        var usage = rusage()
        guard wait4(process, &status, 0, &usage) == process, status == 0 else {
            throw BenchError(message: "\(arguments.joined(separator: " ")) failed with status \(status)")
        }
        seconds = (clock.now - start) / .seconds(1)
        peakBytes = usage.ru_maxrss * 1024
    }
}

struct BenchError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
