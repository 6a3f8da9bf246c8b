// Activations, routes and logits that another program recorded: a folder with golden.json and a safetensors
// file. What a tensor is follows from its name:
//
//   CASE.tokens        I64 [T]       CASE.router.I.idx      I64 [T, C], ascending by expert
//   CASE.embed         F32 [T, H]    CASE.router.I.weight   F32 [T, C], scaling factor included
//   CASE.layer.I.attn  F32 [T, H]    CASE.router.I.logits   F32 [T, E]
//   CASE.layer.I.mlp   F32 [T, H]    CASE.router.I.margin   F32 [T]
//   CASE.layer.I.out   F32 [T, H]    CASE.prompt            I64 [P], what CASE.greedy continues; else CASE.tokens
//   CASE.final_norm    F32 [T, H]    CASE.greedy            I64 [N], greedy continuation
//   CASE.logits        F32 [T, V]    rope.inv_freq F32 [R/2], rope.attention_scaling F32 [1]
//
// Only CASE.tokens must be there. Legend: T tokens, H hidden, E experts, C chosen, V vocabulary, R rotating
// channels.

import Backends
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A recorded run.
///
/// - Checked by: RecordedRunTests.
package struct RecordedRun: Sendable {
    /// One text of the recording.
    package struct Case: Equatable, Sendable {
        package let name: String
        package let tokens: [Int]
        /// What the greedy continuation continues; nil without one.
        package let prompt: [Int]?
        /// Empty without one.
        package let greedy: [Int]
    }

    /// The file with the tensors.
    package let path: String
    /// What the recorded pass rounded its activations to; nil where the recording does not say.
    ///
    /// From `dtype` in the file's metadata, else from the file's name: `bfloat16.safetensors`.
    package let format: NumberFormat?
    /// In the order of their names.
    package let cases: [Case]
    private let records: [String: TensorRecord]

    /// The file that says what a recording is.
    package static let describing = "golden.json"
    /// The file that a recorder writes: every tensor is F32, whatever was computed.
    static let written = "float32.safetensors"
    /// Layers and experts beyond any model.
    private static let layerLimit = 1 << 16
    private static let expertLimit = 1 << 16

    /// Whether a path is a recording: its folder, or its safetensors file.
    package static func isRecording(_ path: String) -> Bool {
        if path.hasSuffix(".safetensors") { return FileAccess.kind(path) == .file }
        return FileAccess.kind(joined(path, "config.json")) == .nothing
            && FileAccess.kind(joined(path, describing)) == .file
    }

    /// Opens a recording; of several files the one in F32.
    package static func open(_ path: String) throws(Failure) -> RecordedRun {
        if path.hasSuffix(".safetensors") { return try RecordedRun(path: path) }
        let files = try FileAccess.names(in: path).filter { $0.hasSuffix(".safetensors") }.sorted()
        guard let file = files.contains(written) ? written : files.first else {
            throw Failure(
                Finding(
                    .error, .recordingMalformed, "a recorded run without its tensors", file: path,
                    expected: "\(written), or another safetensors file, beside \(describing)",
                    found: "none"))
        }
        return try RecordedRun(path: joined(path, file))
    }

    private init(path: String) throws(Failure) {
        self.path = path
        let header = try ShardHeader.read(path: path, mode: .reference)
        format = try Self.format(header, path)
        records = Dictionary(header.tensors.map { ($0.name, $0) }) { first, _ in first }
        let names = records.keys.filter { $0.hasSuffix(".tokens") }.map { String($0.dropLast(7)) }.sorted()
        var cases: [Case] = []
        for name in names {
            let tokens = try Self.integers("\(name).tokens", records, path)
            guard !tokens.isEmpty, tokens.allSatisfy({ $0 >= 0 }) else {
                throw Self.malformed(path, "\(name).tokens", "token ids, one at least", "\(tokens.prefix(4))")
            }
            let greedy =
                records["\(name).greedy"] == nil ? [] : try Self.integers("\(name).greedy", records, path)
            let hasPrompt = records["\(name).prompt"] != nil
            let prompt = hasPrompt ? try Self.integers("\(name).prompt", records, path) : tokens
            guard !prompt.isEmpty, (prompt + greedy).allSatisfy({ $0 >= 0 }) else {
                throw Self.malformed(path, "\(name).prompt", "token ids, one at least", "\(prompt.prefix(4))")
            }
            cases.append(
                Case(name: name, tokens: tokens, prompt: greedy.isEmpty ? nil : prompt, greedy: greedy))
        }
        guard !cases.isEmpty else {
            throw Self.malformed(path, nil, "a tensor CASE.tokens for every text", "none")
        }
        self.cases = cases
    }

    /// The format that a name stands for; both torch's names and ours are read.
    private static func format(_ header: ShardHeader, _ path: String) throws(Failure) -> NumberFormat? {
        let names: [String: NumberFormat] = [
            "float32": .f32, "f32": .f32, "bfloat16": .bf16, "bf16": .bf16, "float16": .f16, "f16": .f16,
        ]
        guard let said = header.metadata("dtype") else {
            let file = path.split(separator: "/").last ?? ""
            return names[String(file.prefix { $0 != "." })]
        }
        guard let format = names[said] else {
            throw malformed(path, nil, "dtype float32, bfloat16 or float16 in the metadata", said)
        }
        return format
    }

    // MARK: What is there

    /// Whether every case has a tensor of this name after its own.
    func has(_ suffix: String) -> Bool { cases.allSatisfy { records["\($0.name).\(suffix)"] != nil } }

    /// The layers of which anything was recorded for every case.
    package var layers: [Int] {
        var layers: Set<Int> = []
        for name in records.keys {
            let parts = name.split(separator: ".")
            for (index, part) in parts.enumerated() where part == "layer" || part == "router" {
                guard index + 1 < parts.count, let layer = Int(parts[index + 1]) else { continue }
                if (0..<Self.layerLimit).contains(layer) { layers.insert(layer) }
            }
        }
        return layers.sorted()
    }

    /// Names of tensors, after the case's, that only some cases have: they are left out of a comparison.
    package var partial: [String] {
        var counts: [String: Int] = [:]
        for one in cases {
            for suffix in Self.suffixes(layers) where records["\(one.name).\(suffix)"] != nil {
                counts[suffix, default: 0] += 1
            }
        }
        return counts.filter { $0.value < cases.count }.keys.sorted()
    }

    /// What a comparison looks at, of some layers.
    private static func suffixes(_ layers: [Int]) -> [String] {
        ["embed", "final_norm", "logits"]
            + layers.flatMap { layer in
                ["attn", "mlp", "out"].map { "layer.\(layer).\($0)" }
                    + ["idx", "weight", "logits"].map { "router.\(layer).\($0)" }
            }
    }

    /// R/2 rotary frequencies and the factor on cosines and sines; nil where they were not recorded.
    package func frequencies() throws(Failure) -> (inverse: [Float], factor: Float)? {
        guard records["rope.inv_freq"] != nil else { return nil }
        let inverse = Array(try matrix("rope.inv_freq").values)
        let factor =
            records["rope.attention_scaling"] == nil
            ? 1 : try matrix("rope.attention_scaling").values.first ?? 1
        return (inverse, factor)
    }

    // MARK: Playing

    /// Shows what was recorded of some cases, laid end to end, in the order of a forward pass.
    package func play(_ chosen: [Case], into queue: EventQueue) throws(Failure) {
        if has("embed") { queue.push(.embedding(try stacked("embed", chosen))) }
        for layer in layers {
            if has("layer.\(layer).attn") {
                queue.push(.attention(layer: layer, try stacked("layer.\(layer).attn", chosen)))
            }
            if has("router.\(layer).idx") {
                queue.push(.routes(layer: layer, try routes(layer, chosen)))
            }
            if has("layer.\(layer).mlp") {
                queue.push(.mlp(layer: layer, try stacked("layer.\(layer).mlp", chosen)))
            }
            if has("layer.\(layer).out") {
                queue.push(.residual(layer: layer, try stacked("layer.\(layer).out", chosen)))
            }
        }
        if has("final_norm") { queue.push(.finalHidden(try stacked("final_norm", chosen))) }
        if has("logits") {
            let logits = try stacked("logits", chosen)
            queue.push(.logits(logits, columns: 0..<logits.columns))
        }
    }

    private func stacked(_ suffix: String, _ chosen: [Case]) throws(Failure) -> Matrix {
        var parts: [Matrix] = []
        for one in chosen {
            let name = "\(one.name).\(suffix)"
            let part = try matrix(name)
            guard part.rows == one.tokens.count, part.columns == parts.first?.columns ?? part.columns else {
                throw Self.malformed(
                    path, name, "[\(one.tokens.count), \(parts.first.map { "\($0.columns)" } ?? "width")]",
                    "[\(part.rows), \(part.columns)]")
            }
            parts.append(part)
        }
        return Matrix.stacked(parts)
    }

    private func routes(_ layer: Int, _ chosen: [Case]) throws(Failure) -> Routes {
        let key = "router.\(layer)"
        let tokens = chosen.reduce(0) { $0 + $1.tokens.count }
        var (experts, perToken) = ([Int](), 0)
        for one in chosen {
            let ids = try integers("\(one.name).\(key).idx")
            experts += ids
            let each = ids.count / one.tokens.count
            if one == chosen[0] { perToken = each }
            guard each > 0, each == perToken, ids.count == each * one.tokens.count,
                ids.allSatisfy({ (0..<Self.expertLimit).contains($0) })
            else {
                throw Self.malformed(
                    path, "\(one.name).\(key).idx",
                    "[\(one.tokens.count), \(max(1, perToken))] ids of experts",
                    abridged(ids.map(String.init)))
            }
        }
        let weights = has("\(key).weight") ? Array(try stacked("\(key).weight", chosen).values) : []
        guard weights.isEmpty || weights.count == experts.count else {
            throw Self.malformed(
                path, "\(chosen[0].name).\(key).weight", "\(experts.count) weights", "\(weights.count)")
        }
        let width = (experts.max() ?? 0) + 1
        let logits =
            has("\(key).logits")
            ? try stacked("\(key).logits", chosen)
            : Matrix(rows: tokens, columns: width, values: Array(repeating: .nan, count: tokens * width))
        guard logits.columns >= width else {
            throw Self.malformed(
                path, "\(chosen[0].name).\(key).idx", "experts below \(logits.columns)", "\(width - 1)")
        }
        var margins: [Float] = []
        for one in chosen {
            let name = "\(one.name).\(key).margin"
            let own =
                records[name] == nil
                ? Array(repeating: .nan, count: one.tokens.count) : Array(try matrix(name).values)
            guard own.count == one.tokens.count else {
                throw Self.malformed(path, name, "\(one.tokens.count) margins", "\(own.count)")
            }
            margins += own
        }
        return Self.sorted(
            Routes(
                expertsPerToken: perToken, experts: experts, weights: weights, logits: logits,
                margins: margins))
    }

    /// The same routes, each token's experts ascending.
    private static func sorted(_ routes: Routes) -> Routes {
        var (experts, weights) = (routes.experts, routes.weights)
        for token in 0..<routes.tokenCount {
            let range = token * routes.expertsPerToken..<(token + 1) * routes.expertsPerToken
            let order = range.sorted { routes.experts[$0] < routes.experts[$1] }
            for (place, index) in zip(range, order) {
                experts[place] = routes.experts[index]
                if !weights.isEmpty { weights[place] = routes.weights[index] }
            }
        }
        return Routes(
            expertsPerToken: routes.expertsPerToken, experts: experts, weights: weights,
            logits: routes.logits, margins: routes.margins)
    }

    // MARK: Reading

    /// A tensor of floats as a matrix; a vector is one row.
    func matrix(_ name: String) throws(Failure) -> Matrix {
        guard let record = records[name] else {
            throw Self.malformed(path, name, "a tensor of floats", "no such tensor")
        }
        guard [.f32, .bf16, .f16].contains(record.dtype), record.shape.rank <= 2 else {
            throw Self.malformed(
                path, name, "a matrix of F32, BF16 or F16", "\(record.dtype.rawValue) \(record.shape)")
        }
        let values = floats(try FileAccess.read(path, range: record.dataRange), record.dtype)
        let columns = record.shape.dimensions.last ?? 1
        return Matrix(rows: columns == 0 ? 0 : values.count / columns, columns: columns, values: values)
    }

    private func integers(_ name: String) throws(Failure) -> [Int] {
        try Self.integers(name, records, path)
    }

    private static func integers(
        _ name: String, _ records: [String: TensorRecord], _ path: String
    ) throws(Failure) -> [Int] {
        guard let record = records[name], record.dtype == .i64 || record.dtype == .i32 else {
            throw malformed(path, name, "a tensor of I64 or I32", records[name]?.dtype.rawValue ?? "none")
        }
        let width = record.dtype.bits / 8
        let bytes = try FileAccess.read(path, range: record.dataRange)
        return bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / width).map {
                width == 8
                    ? Int(truncatingIfNeeded: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self))
                    : Int(buffer.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
            }
        }
    }

    private static func malformed(
        _ path: String, _ tensor: String?, _ expected: String, _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, .recordingMalformed, "a recorded run that cannot be read", file: path, tensor: tensor,
                expected: expected, found: found, remedy: "record it again; docs/07-parity.md has the layout")
        )
    }
}
