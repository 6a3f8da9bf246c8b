// quantise.whole: `ingot quantise` as a process on a synthetic checkpoint, against `cp` and sync of the same
// input on the same disk, with the input in the page cache (warm) and out of it (cold).

import Checkpoints
import Diagnostics
import Documents
import Glibc

enum QuantiseMeasurement {
    static func run(turns: Int, program: String, folder: String, scheme: String) throws -> [Measurement] {
        let input = joined(folder, "ingot-bench-input")
        let output = joined(folder, "ingot-bench-output")
        let copy = joined(folder, "ingot-bench-copy")
        let report = joined(folder, "ingot-bench-report.json")
        try FileAccess.remove(input)
        defer { for path in [input, output, copy, report] { try? FileAccess.remove(path) } }
        let bytes = try writeSyntheticCheckpoint(input, layers: 2, experts: 48, shardBytes: 512 << 20)
        var results: [Measurement] = []
        for cold in [false, true] {
            var subject: [Double] = []
            var baseline: [Double] = []
            var peak = 0
            for turn in 0...turns {
                for path in [output, copy] { try FileAccess.remove(path) }
                _ = try ChildProcess(["sync"])
                try prepare(input, cold: cold)
                let quantise = try ChildProcess(
                    [
                        program, "quantise", input, "--scheme", scheme, "--output", output, "--quiet",
                        "--json",
                    ],
                    output: report)
                try FileAccess.remove(output)
                _ = try ChildProcess(["sync"])
                try prepare(input, cold: cold)
                let cp = try ChildProcess(["sh", "-c", "cp -r \"$0\" \"$1\" && sync \"$1\"/*", input, copy])
                peak = max(peak, try peakBytes(report))
                // The first turn warms both up.
                if turn > 0 {
                    subject.append(quantise.seconds)
                    baseline.append(cp.seconds)
                }
            }
            results.append(
                Measurement(
                    name: "quantise.\(scheme).\(cold ? "cold" : "warm")", bytes: bytes, subject: subject,
                    baseline: baseline, baselineName: "cp and sync", peakBytes: peak))
        }
        return results
    }

    /// The peak memory that the program reports of itself.
    static func peakBytes(_ report: String) throws -> Int {
        guard
            case .object(let document) = try JSONValue(parsing: try FileAccess.read(report, limit: 1 << 26)),
            case .number(let peak)? = document["peak_bytes"], let bytes = peak.integer
        else { throw BenchError(message: "no peak memory in \(report)") }
        return bytes
    }

    /// Puts the input into the page cache or takes it out; as root, empties the whole cache, as after a boot.
    static func prepare(_ folder: String, cold: Bool) throws {
        defer {
            let drop = open("/proc/sys/vm/drop_caches", O_WRONLY)
            if cold, drop >= 0, write(drop, "3", 1) == 1 {
                // A virtual machine hands freed pages back to its host; a fresh one has none to start with.
                sleep(5)
            }
            if drop >= 0 { close(drop) }
        }
        for name in try FileAccess.names(in: folder) {
            let path = joined(folder, name)
            guard cold else {
                _ = try ChildProcess(["cat", path])
                continue
            }
            let descriptor = open(path, O_RDONLY)
            guard descriptor >= 0 else { continue }
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }
}
