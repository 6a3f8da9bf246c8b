// Sides, artefacts and comparisons for the tests of this target.

import Backends
import Checkpoints
import Diagnostics
import Documents
import Parity
import ReferenceModel
import TestSupport
import Testing
import Tokenisation

/// A checkpoint as a side, its weights in memory.
func model(_ folder: String, isReference: Bool = false) throws -> ModelSide {
    let weights = try CheckpointWeights.open(folder, budget: 1 << 30)
    let backend: any Backend =
        isReference ? ReferenceBackend(numerics: .f32) : OpenBLASBackend(numerics: .f32, threads: 1)
    return ModelSide(
        folder: folder, weights: weights,
        pass: ForwardPass(weights.configuration, weights: weights, backend: backend))
}

/// The recorded values of the authors' code for a fixture.
func golden(_ name: String) throws -> ParitySide {
    .recorded(try RecordedRun.open(Repository.checkpoint(name) + "/golden"))
}

/// Texts of tokens drawn from a seed.
func drawnRows(_ lengths: [Int], vocabulary: Int = 512) -> [TokenRow] {
    var generator = SeededGenerator(seed: 11)
    return lengths.enumerated().map { index, length in
        TokenRow(
            name: "text \(index)",
            tokens: (0..<length).map { _ in Int(generator.next() % UInt64(vocabulary)) })
    }
}

/// Compares two sides; texts are those of a recording, or drawn.
func compare(
    _ left: ParitySide, _ right: ParitySide, _ checks: Set<ParityCheck>, tolerance: String? = nil,
    rows: [TokenRow]? = nil, items: [TokenItem] = [], batchTokens: Int = 4096
) throws -> ParityResult {
    let name = tolerance ?? ToleranceChoice.choose(left, right).name
    let rows = rows ?? left.recording?.rows ?? right.recording?.rows ?? drawnRows([40, 17, 1])
    return try ParityRun(
        left: left, right: right, rows: rows, items: items,
        tolerance: try Tolerance.named(name, .embedded), checks: checks, batchTokens: batchTokens
    ).run(progress: SilentProgress())
}

/// Compares the weights of two folders.
func compareWeights(_ left: String, _ right: String, tolerance: String? = nil) throws -> ParityResult {
    try compare(.model(try model(left)), .model(try model(right)), [.weights], tolerance: tolerance)
}

extension ParityResult {
    /// Findings of a code.
    func findings(_ code: DiagnosticCode) -> [Finding] { findings.filter { $0.code == code } }

    /// All that was found, for messages of tests.
    var told: String { findings.map { $0.told }.joined(separator: "\n") }
}

extension Finding {
    /// Everything it says in one line.
    var told: String {
        "\(code): \(what); " + subjects.map { "\($0.label) \($0.value)" }.joined(separator: ", ")
            + "; expected \(expected ?? "-"); found \(found ?? "-"); cause \(cause ?? "-")"
    }

    /// The value of a subject.
    func subject(_ label: String) -> String? { subjects.first { $0.label == label }?.value }
}

/// What a call throws; nil when it does not.
func failure<Value>(_ body: () throws -> Value) -> Failure? {
    do {
        _ = try body()
        return nil
    } catch let error as Failure { return error } catch {
        Issue.record("another error: \(error)")
        return nil
    }
}
