// A command that reads a checkpoint and writes another, as a whole process, against `cp` and sync of what it
// read, on the same disk and in turn.

import Checkpoints
import Diagnostics
import Documents
import Glibc

/// A synthetic checkpoint and the places beside it that comparisons write to.
struct CopyComparison {
    /// The checkpoint, made for the comparisons.
    let input: String
    /// Bytes of its tensor data.
    let bytes: Int
    private let output: String
    private let copy: String
    private let report: String
    private let turns: Int

    /// Makes the checkpoint, measures on it, and removes all that was written.
    static func run(
        folder: String, turns: Int, _ body: (CopyComparison) throws -> [Measurement]
    ) throws -> [Measurement] {
        let input = joined(folder, "ingot-bench-input")
        let output = joined(folder, "ingot-bench-output")
        let copy = joined(folder, "ingot-bench-copy")
        let report = joined(folder, "ingot-bench-report.json")
        try FileAccess.remove(input)
        defer { for path in [input, output, copy, report] { try? FileAccess.remove(path) } }
        let bytes = try writeSyntheticCheckpoint(input, layers: 2, experts: 48, shardBytes: 512 << 20)
        return try body(
            CopyComparison(
                input: input, bytes: bytes, output: output, copy: copy, report: report, turns: turns))
    }

    /// Times a command against the copy of a folder.
    ///
    /// - Parameters:
    ///   - command: words of the program without `--output`; it must know `--quiet` and `--json`.
    ///   - source: the folder that the command reads; the checkpoint by default.
    ///   - cold: whether both find it out of the page cache.
    ///   - allowed: exit statuses that are no failure.
    func measure(
        _ name: String, _ command: [String], source: String? = nil, cold: Bool = false,
        allowed: [Int32] = [0]
    ) throws -> Measurement {
        let source = source ?? input
        var subject: [Double] = []
        var baseline: [Double] = []
        var peak = 0
        for turn in 0...turns {
            for path in [output, copy] { try FileAccess.remove(path) }
            try prepare(source, cold: cold)
            let run = try ChildProcess(
                command + ["--output", output, "--quiet", "--json"], output: report, allowed: allowed)
            try FileAccess.remove(output)
            try prepare(source, cold: cold)
            let cp = try ChildProcess([
                "sh", "-c", "cp -r \"$0\" \"$1\" && find \"$1\" -type f -exec sync {} +", source, copy,
            ])
            peak = max(peak, try peakBytes())
            // The first turn warms both up.
            if turn > 0 {
                subject.append(run.seconds)
                baseline.append(cp.seconds)
            }
        }
        return Measurement(
            name: name, bytes: bytes, subject: subject, baseline: baseline, baselineName: "cp and sync",
            peakBytes: peak)
    }

    /// The peak memory that the program reports of itself.
    private func peakBytes() throws -> Int {
        guard
            case .object(let document) = try JSONValue(parsing: try FileAccess.read(report, limit: 1 << 26)),
            case .number(let peak)? = document["peak_bytes"], let bytes = peak.integer
        else { throw BenchError(message: "no peak memory in \(report)") }
        return bytes
    }

    /// Nothing waits to be written; the folder is in the page cache or out of it, as root with all else, as after
    /// a boot.
    private func prepare(_ folder: String, cold: Bool) throws {
        _ = try ChildProcess(["sync"])
        guard cold else {
            _ = try ChildProcess(["sh", "-c", "find \"$0\" -type f -exec cat {} + > /dev/null", folder])
            return
        }
        for name in try FileAccess.names(in: folder) {
            let descriptor = open(joined(folder, name), O_RDONLY)
            guard descriptor >= 0 else { continue }
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
        let drop = open("/proc/sys/vm/drop_caches", O_WRONLY)
        guard drop >= 0 else { return }
        if write(drop, "3", 1) == 1 {
            // A virtual machine hands freed pages back to its host; a fresh one has none to start with.
            sleep(5)
        }
        close(drop)
    }
}
