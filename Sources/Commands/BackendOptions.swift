// How a forward pass is done: which backend, in which numbers, on how many threads, with how much memory.
// Every command that runs the model takes these options, and this is the one place that knows their words.

import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import Glibc

/// The backends by their names on the command line.
enum BackendChoice: String, CaseIterable {
    case reference, openblas, fused
}

/// Options of every command that runs the model.
struct BackendOptions: ParsableArguments {
    /// The title of these options in the help.
    static let title = "How the model is run"

    @Option(
        help: ArgumentHelp(
            "What multiplies: \(BackendChoice.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name"), completion: .backends)
    var backend = BackendChoice.fused.rawValue

    @Option(
        help: ArgumentHelp(
            "Whose roundings: \(NumericsProfile.names().joined(separator: ", ")).",
            valueName: "name"), completion: .numerics)
    var numerics = Numerics.f32.name

    @Option(
        help: ArgumentHelp(
            "Threads that multiply; the processors of the machine by default.", valueName: "count"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Weights kept in memory, such as 8GiB, half of the machine's by default; the rest is read again.",
            valueName: "size"))
    var memory: ByteSize?

    func validate() throws {
        guard (1...1024).contains(threads ?? 1) else {
            throw ValidationError("--threads takes a number from 1 to 1024")
        }
    }

    /// The backend that was asked for.
    ///
    /// - Throws: CLI-006 and NUMERICS-001 for names that are not known, both when both are.
    func makeBackend() throws(Failure) -> any Backend {
        try Self.make(backend, numerics, threads: threads ?? Self.processors)
    }

    /// A backend by the words of the command line.
    static func make(_ backend: String, _ numerics: String, threads: Int) throws(Failure) -> any Backend {
        let choice = BackendChoice(rawValue: backend)
        var findings: [Finding] = []
        if choice == nil {
            findings.append(
                unknown(.unknownBackend, "backend", backend, BackendChoice.allCases.map(\.rawValue)))
        }
        var numbers: Numerics?
        do throws(Failure) { numbers = try NumericsProfile.named(numerics).numerics } catch {
            findings += error.findings.map { finding in
                var finding = finding
                finding.subjects = [Finding.Subject(label: "option", value: "--numerics \(numerics)")]
                return finding
            }
        }
        guard let choice, let numbers, findings.isEmpty else { throw Failure(findings) }
        // Whoever asks for a backend runs passes.
        keepLargeMemory()
        switch choice {
        case .reference: return ReferenceBackend(numerics: numbers)
        case .openblas:
            try OpenBLASBackend.openLibrary()
            return OpenBLASBackend(numerics: numbers, threads: threads)
        case .fused: return FusedBackend(numerics: numbers, threads: threads)
        }
    }

    /// Bytes of weights that may stay in memory.
    var budget: Int { memory?.bytes ?? installedMemoryBytes() / 2 }

    private static func unknown(
        _ code: DiagnosticCode, _ option: String, _ word: String, _ names: [String]
    ) -> Finding {
        Finding(
            .error, code, "no such \(option)", option: "--\(option) \(word)",
            expected: names.joined(separator: ", "),
            remedy: nearMiss(word, among: names).map { "did you mean --\(option) \($0)?" })
    }

    /// Processors that are on.
    static var processors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
