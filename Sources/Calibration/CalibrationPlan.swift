// What a calibration will read, in which batches, and everything that would stop it, found before the first pass.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tokenisation

/// What was asked for.
package struct CalibrationRequest: Sendable {
    /// The checkpoint's folder.
    package var checkpoint: String
    /// The JSONL file.
    package var data: String
    package var observers: Set<Observer>
    package var allExperts: Bool
    package var predicts: Bool
    /// Bytes for weights, activations and statistics together.
    package var memory: Int
    /// The program with its version, for the record.
    package var tool: String

    /// Memberwise.
    package init(
        checkpoint: String, data: String, observers: Set<Observer>, allExperts: Bool, predicts: Bool,
        memory: Int, tool: String
    ) {
        self.checkpoint = checkpoint
        self.data = data
        self.observers = observers
        self.allExperts = allExperts
        self.predicts = predicts
        self.memory = memory
        self.tool = tool
    }
}

/// A calibration that can run.
package struct CalibrationPlan: Sendable {
    package let request: CalibrationRequest
    package let weights: CheckpointWeights
    package let backend: any Backend
    /// All texts in the order of the file.
    package let rows: [TokenRow]
    /// Texts of each pass.
    package let batches: [Range<Int>]
    package let head: CalibrationHead
    /// Bytes that the statistics take, in memory and in the file.
    package let stateBytes: Int

    package var configuration: BailingMoeV2Configuration { weights.configuration }

    /// SHA-256 of everything that the result depends on, batches included.
    package var digest: String {
        var object = head.document
        object["batches"] = .array(batches.map { .integer($0.upperBound) })
        return FileDigest.of(JSONValue.object(object).text(.compact))
    }

    /// - Parameter batchTokens: tokens of a pass at most; nil for as many as the memory allows.
    /// - Throws: every bad row with its line; memory that does not suffice.
    package init(
        _ request: CalibrationRequest, backend: any Backend, batchTokens: Int? = nil
    ) throws(Failure) {
        self.request = request
        self.backend = backend
        let opened = try CheckpointWeights.open(request.checkpoint, budget: 0)
        let configuration = opened.configuration
        let predicts = request.predicts && configuration.predictionLayer != nil
        rows = try Self.rows(request, configuration)
        let tokens = rows.reduce(0) { $0 + $1.tokens.count }
        stateBytes = CalibrationState.bytes(
            configuration, observers: request.observers, predicting: predicts)
        let room = request.memory - stateBytes - Self.bytesPerPass(configuration)
        let each = Self.bytesPerToken(configuration)
        let longest = rows.map(\.tokens.count).max() ?? 0
        guard room >= longest * each else {
            let needed = request.memory - room + longest * each
            throw Failure(
                Finding(
                    .error, .calibrationMemory, "statistics and one pass do not fit the memory",
                    option: "--memory",
                    expected: "\(byteCount(needed)): \(byteCount(stateBytes)) of statistics, the rest for "
                        + "a text of \(grouped(longest)) tokens",
                    found: byteCount(request.memory),
                    remedy: "--memory \(needed / 1_000_000 + 1)MB, fewer kinds in --observe, or shorter texts"
                ))
        }
        // A model that fits in half of the room is kept between batches; of a larger one nothing is.
        let fits = opened.checkpoint.dataBytes <= room / 2
        let limit = batchTokens ?? max(longest, min(1 << 16, (fits ? room / 2 : room) / each))
        batches = Self.batches(rows.map(\.tokens.count), limit: limit)
        weights = try CheckpointWeights.open(
            request.checkpoint, budget: fits ? room / 2 : 0, keepsParts: false)
        head = CalibrationHead(
            tool: request.tool, source: lastComponent(request.checkpoint),
            sourceDigest: try opened.checkpoint.identityDigest(),
            data: [
                CalibrationHead.Data(
                    name: lastComponent(request.data), digest: try digestFile(request.data).digest,
                    texts: rows.count, tokens: tokens)
            ],
            backend: backend.name, numerics: backend.numerics.name, observers: request.observers,
            allExperts: request.allExperts, predicts: predicts)
    }

    // MARK: Rows

    /// Every text as tokens.
    ///
    /// - Throws: CAL-002 and CAL-003 with lines, of all rows together.
    private static func rows(
        _ request: CalibrationRequest, _ configuration: BailingMoeV2Configuration
    ) throws(Failure) -> [TokenRow] {
        var collector = FindingCollector()
        var encoder: SampleEncoder?
        var rows: [TokenRow] = []
        for row in try SampleRow.read(request.data) {
            let tokens: [Int]
            if case .tokens(let given) = row.content {
                tokens = given
            } else {
                if encoder == nil { encoder = try SampleEncoder(folder: request.checkpoint) }
                tokens = try encoder?.tokens(row) ?? []
            }
            if let finding = fault(tokens, configuration, "\(request.data), line \(row.line)") {
                collector.add(finding)
            }
            rows.append(TokenRow(name: row.name, tokens: tokens))
        }
        try collector.findings.throwErrors()
        let count = rows.reduce(0) { $0 + $1.tokens.count }
        guard count <= ExactSum.termLimit else {
            throw Failure(
                Finding(
                    .error, .calibrationRowImpossible, "more tokens than sums have room for",
                    file: request.data, expected: "at most \(grouped(ExactSum.termLimit)) tokens",
                    found: grouped(count), remedy: "calibrate on a part of the texts"))
        }
        return rows
    }

    private static func fault(
        _ tokens: [Int], _ configuration: BailingMoeV2Configuration, _ place: String
    ) -> Finding? {
        if tokens.isEmpty {
            return Finding(
                .error, .calibrationRowImpossible, "a text without tokens", file: place,
                expected: "one token at least", found: "none", remedy: "remove the line")
        }
        if tokens.count > configuration.contextLength {
            return Finding(
                .error, .textTooLong, "a text is longer than the model's context", file: place,
                expected: "at most \(grouped(configuration.contextLength)) tokens",
                found: "\(grouped(tokens.count)) tokens", remedy: "split the text into several lines")
        }
        let limit = configuration.vocabularySize
        guard let id = tokens.first(where: { $0 >= limit }) else { return nil }
        return Finding(
            .error, .calibrationRowImpossible, "a token is not in the vocabulary of the model", file: place,
            expected: "ids below \(grouped(limit))", found: "\(id)",
            remedy: "use the tokenizer that came with this checkpoint")
    }

    /// Whole texts in their order, as many as the limit takes, one at least.
    static func batches(_ lengths: [Int], limit: Int) -> [Range<Int>] {
        var (batches, first, used) = ([Range<Int>](), 0, 0)
        for (index, length) in lengths.enumerated() {
            if index > first, used + length > limit {
                batches.append(first..<index)
                (first, used) = (index, 0)
            }
            used += length
        }
        if first < lengths.count { batches.append(first..<lengths.count) }
        return batches
    }

    // MARK: Memory and digests

    /// Bytes of activations that one token of a pass needs, about.
    ///
    /// - Source: as of one side of a comparison, measured there.
    static func bytesPerToken(_ configuration: BailingMoeV2Configuration) -> Int {
        20 * configuration.hiddenSize + 6 * (configuration.fusedRows + configuration.attentionWidth)
    }

    /// Bytes that a pass needs whatever the number of tokens: weights on their way and buffers that go round.
    ///
    /// The dense MLP's and attention's weights, six experts' (being read, waiting, multiplied, and as many idle
    /// buffers), and 32 MiB.
    ///
    /// - Source: measured on a full-width layer with experts: 225 MB and 125 kB a token, of 258 MB and 137 kB here.
    static func bytesPerPass(_ configuration: BailingMoeV2Configuration) -> Int {
        let dense = configuration.denseLayerCount > 0 ? 3 * configuration.denseWidth : 0
        let attention = configuration.fusedRows + configuration.attentionWidth
        let rows = dense + attention + 18 * configuration.expertWidth
        return rows * configuration.hiddenSize * 2 + 32 << 20
    }
}
