// A stage as a process of its own: the command that a person would give. Its document goes to the record, what it says
// on the way to the log and to whoever watches; a request to stop is passed on once.

import CSystem
import Checkpoints
import Diagnostics
import Glibc

/// A running command.
struct StageProcess {
    /// How it ended.
    struct Ending: Equatable {
        /// The exit status; 128 and the signal's number when one ended it.
        let status: Int32
        let seconds: Double
    }

    /// Runs a command of this program to its end.
    ///
    /// To be called from the main thread: the process is killed when the thread that began it ends.
    ///
    /// - Parameters:
    ///   - record: the file that takes its document, appearing when it is whole.
    ///   - log: the file that takes what it says.
    ///   - line: called with each line that it says.
    static func run(
        _ words: [String], record: String, log: String, line: (String) -> Void
    ) throws(Failure) -> Ending {
        let temporary = record + ".writing"
        let output = try create(temporary)
        defer { close(output) }
        let logFile = try create(log)
        defer { close(logFile) }
        let program = "/proc/self/exe"
        var pointers: [UnsafeMutablePointer<CChar>?] = (["ingot"] + words).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        let clock = ContinuousClock()
        let start = clock.now
        var said: Int32 = -1
        let process = ingot_spawn(program, &pointers, output, &said)
        guard process > 0 else { throw notStarted(words) }
        defer { close(said) }
        follow(said, process, logFile, line)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let ending = Ending(
            status: status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F),
            seconds: (clock.now - start) / .seconds(1))
        guard fsync(output) == 0 else { throw FileAccess.failure(.writeFailed, record) }
        try FileAccess.rename(temporary, to: record)
        return ending
    }

    /// Reads what the process says until it ends, and passes a request to stop on.
    private static func follow(_ pipe: Int32, _ process: pid_t, _ log: Int32, _ line: (String) -> Void) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var isAsked = false
        while true {
            if StopFlag.isRaised, !isAsked {
                isAsked = true
                kill(process, StopFlag.signal)
            }
            var ready = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 100) != 0 else { continue }
            let count = read(pipe, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let words = Array(rest[...end])
                _ = words.withUnsafeBytes { write(log, $0.baseAddress, $0.count) }
                line(String(decoding: words.dropLast(), as: UTF8.self))
                rest.removeSubrange(...end)
            }
        }
        if !rest.isEmpty { _ = rest.withUnsafeBytes { write(log, $0.baseAddress, $0.count) } }
    }

    private static func create(_ path: String) throws(Failure) -> Int32 {
        try FileAccess.createFolder(parentFolder(path))
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
        return file
    }

    private static func notStarted(_ words: [String]) -> Failure {
        Failure(
            Finding(
                .error, .stageNotStarted, "a stage cannot be started",
                found: String(cString: strerror(errno)),
                remedy: "give the command by hand: ingot " + words.map(shellWord).joined(separator: " ")))
    }
}
