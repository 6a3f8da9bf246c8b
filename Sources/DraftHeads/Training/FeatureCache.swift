// Hidden states on disk, so that a target that does not fit is passed once and not at every step: of each text the
// states that the head fuses, and, where something is learnt, the last state after the final norm, from which the
// target's head makes its distribution again. Files of some texts each are frames of zstd, read at any place; a
// file is sealed before the next is begun, so that a pass that was stopped goes on from there.
//
// Legend: F·W fused states, W width of a state, T tokens of a text, J learnt positions of it.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// The document of a cache.
package struct FeatureRecord: Equatable, Sendable {
    package static let fileName = "features.json"
    package var tool: String
    package var targetDigest: String
    package var dataDigest: String
    package var length: Int
    package var points: [AuxiliaryPoint]
    package var code: FeatureCode
    /// Texts of each file, in the order of the data, and its packed size and digest.
    package var files: [File]

    /// One file of a cache.
    package struct File: Equatable, Sendable {
        package var texts: Int
        package var bytes: Int
        package var digest: String
    }

    /// The name of a file.
    static func name(_ index: Int) -> String { "features-\(index + 1).zst" }

    /// Bytes of the packed files.
    package var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

    package var document: JSONValue {
        var object = JSONObject()
        object["schema"] = 1
        object["kind"] = "draft-features"
        object["tool"] = .string(tool)
        object["target_sha256"] = .string(targetDigest)
        object["data_sha256"] = .string(dataDigest)
        object["length"] = .integer(length)
        object["states_entering_layers"] = .array(points.map { .integer(($0.afterLayer ?? -1) + 1) })
        object["code"] = .string(code.rawValue)
        object["files"] = .array(
            files.map {
                ["texts": .integer($0.texts), "bytes": .integer($0.bytes), "sha256": .string($0.digest)]
            })
        return .object(object)
    }

    /// Reads the document of a folder.
    package static func read(_ folder: String) throws(Failure) -> FeatureRecord {
        let path = joined(folder, fileName)
        return try readDocument(
            try FileAccess.read(path, limit: 1 << 26), code: .featureCacheMalformed, file: path
        ) { (document) throws(DocumentError) in try FeatureRecord(document) }
    }

    private init(_ document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        try reader.schema(1)
        guard try reader.string("kind") == "draft-features" else {
            throw reader.mismatch("kind", "draft-features")
        }
        tool = try reader.string("tool")
        targetDigest = try reader.string("target_sha256")
        dataDigest = try reader.string("data_sha256")
        length = try reader.integer("length")
        let layers = try reader.integers("states_entering_layers")
        guard layers.allSatisfy({ $0 >= 0 }) else {
            throw reader.mismatch("states_entering_layers", "numbers of layers")
        }
        points = layers.map { .entering(layer: $0) }
        code = try reader.choice("code", FeatureCode.self)
        files = []
        for file in try reader.objects("files") {
            files.append(
                File(
                    texts: try file.integer("texts"), bytes: try file.integer("bytes"),
                    digest: try file.string("sha256")))
            try file.finish()
        }
        try reader.finish()
    }

    package init(
        tool: String, targetDigest: String, dataDigest: String, length: Int, points: [AuxiliaryPoint],
        code: FeatureCode
    ) {
        self.tool = tool
        self.targetDigest = targetDigest
        self.dataDigest = dataDigest
        self.length = length
        self.points = points
        self.code = code
        files = []
    }
}

/// Features from a cache.
///
/// - Checked by: FeatureCacheTests.
package final class CachedFeatures: FeatureSource {
    package let record: FeatureRecord
    private let pass: ForwardPass
    private let vocabulary: DraftVocabulary
    private let workers: Workers
    private let width: Int
    /// File and offset there of each text.
    private var places: [[Int]: (file: Int, offset: Int)] = [:]
    private let readers: [SeekableReader]
    private let folder: String

    /// Opens a cache of a plan's texts.
    ///
    /// - Parameter pass: of the target; only its embedding and head are read.
    /// - Throws: DRAFT-009 when the cache is of another target, data or head.
    package init(
        _ folder: String, plan: TrainingPlan, pass: ForwardPass, threads: Int
    ) throws(Failure) {
        let record = try FeatureRecord.read(folder)
        (self.record, self.pass, self.folder) = (record, pass, folder)
        vocabulary = plan.vocabulary
        workers = Workers(count: threads)
        width = pass.configuration.hiddenSize
        let points = plan.configuration.auxiliaryPoints
        for (what, expected, found) in [
            ("target", plan.targetDigest, record.targetDigest),
            ("data", plan.texts.digest, record.dataDigest),
            ("length", "\(plan.recipe.length)", "\(record.length)"),
            ("states", "\(points.map(\.afterLayer))", "\(record.points.map(\.afterLayer))"),
            ("texts", "\(plan.texts.texts.count)", "\(record.files.reduce(0) { $0 + $1.texts })"),
        ] where expected != found {
            throw Failure(
                Finding(
                    .error, .featureCacheMalformed, "the cache of hidden states is of another \(what)",
                    file: folder, expected: expected, found: found,
                    remedy: "ingot draft features with the target, data and options of this training"))
        }
        var readers: [SeekableReader] = []
        var next = 0
        for (index, file) in record.files.enumerated() {
            let path = joined(folder, FeatureRecord.name(index))
            readers.append(try SeekableReader(path: path))
            var offset = 0
            for text in plan.texts.texts[next..<next + file.texts] {
                places[text.tokens] = (index, offset)
                offset += Self.bytes(text, record.code, points.count, width)
            }
            next += file.texts
            guard readers[index].count == offset else {
                throw Failure(
                    Finding(
                        .error, .featureCacheMalformed, "a file of the cache is of another length",
                        file: path,
                        expected: "\(grouped(offset)) bytes of states", found: grouped(readers[index].count),
                        remedy: "make or copy the cache again"))
            }
        }
        self.readers = readers
    }

    /// Bytes of a text before packing.
    static func bytes(_ text: TrainingText, _ code: FeatureCode, _ points: Int, _ width: Int) -> Int {
        code.bytes(rows: text.tokens.count * points + text.judged.count, width: width)
    }

    package func sequences(_ texts: [TrainingText]) throws(Failure) -> [TrainingSequence] {
        let points = record.points
        let tap = FeatureTap(texts, points, vocabulary, width, workers)
        var finals: [Float] = []
        for (index, text) in texts.enumerated() {
            guard let place = places[text.tokens] else {
                throw Failure(
                    Finding(
                        .error, .featureCacheMalformed, "the cache does not hold a text", file: folder,
                        expected: "every text of the training", found: "none of these tokens",
                        remedy: "ingot draft features with the data of this training"))
            }
            let count = Self.bytes(text, record.code, points.count, width)
            let bytes = try readers[place.file].read(place.offset..<place.offset + count)
            let states = FloatRows(rows: text.judged.count, columns: width) { _ in }
            let split = record.code.bytes(rows: text.tokens.count * points.count, width: width)
            bytes.withUnsafeBytes { bytes in
                record.code.decode(
                    UnsafeRawBufferPointer(rebasing: bytes[..<split]),
                    rows: text.tokens.count * points.count, width: width, into: tap.features[index].base)
                record.code.decode(
                    UnsafeRawBufferPointer(rebasing: bytes[split...]), rows: text.judged.count, width: width,
                    into: states.base)
            }
            finals += states.values
        }
        try embed(texts, tap)
        let hidden = Matrix(rows: finals.count / width, columns: width, values: finals)
        try pass.weights.strips(of: WeightKey(.outputHead)) { (columns, strip) throws(Failure) in
            tap.logits(pass.backend.product(hidden, strip), rows: tap.judgedRows, columns: columns)
        }
        return tap.finish()
    }

    private func embed(_ texts: [TrainingText], _ tap: FeatureTap) throws(Failure) {
        let distinct = Set(texts.flatMap(\.tokens)).sorted()
        let table = try pass.weights.rows(distinct, of: WeightKey(.embedding)).decoded
        var rows: [Int: Int] = [:]
        for (row, token) in distinct.enumerated() { rows[token] = row }
        for (index, text) in texts.enumerated() {
            table.withUnsafeBufferPointer { table in
                guard let base = table.baseAddress else { return }
                for (place, token) in text.tokens.enumerated() {
                    (tap.embeddings[index].base + place * width).update(
                        from: base + rows[token, default: 0] * width, count: width)
                }
            }
        }
    }
}
