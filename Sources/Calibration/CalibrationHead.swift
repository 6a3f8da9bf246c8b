// What a calibration says about itself: what was calibrated, on what, with which options, and what the numbers mean.
// No path and no host name: it travels.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// What a calibration says about itself.
package struct CalibrationHead: Equatable, Sendable {
    /// The version of the document.
    package static let schema = 2

    /// One file of texts that was calibrated on.
    package struct Data: Equatable, Sendable {
        /// The file's own name.
        package let name: String
        /// SHA-256 of the file.
        package let digest: String
        package let texts: Int
        package let tokens: Int

        /// Memberwise.
        package init(name: String, digest: String, texts: Int, tokens: Int) {
            self.name = name
            self.digest = digest
            self.texts = texts
            self.tokens = tokens
        }
    }

    /// The program with its version.
    package var tool: String
    /// The folder's own name.
    package var source: String
    /// SHA-256 of config.json and of the headers of all shards: see CalibrationPlan.
    package var sourceDigest: String
    /// What was read: one file, or those of the runs that were merged, by digest.
    package var data: [Data]
    package var backend: String
    package var numerics: String
    package var observers: Set<Observer>
    /// Whether every token went through every expert for the statistics of experts.
    package var allExperts: Bool
    /// Whether the prediction layer ran too.
    package var predicts: Bool

    /// Memberwise.
    package init(
        tool: String, source: String, sourceDigest: String, data: [Data], backend: String, numerics: String,
        observers: Set<Observer>, allExperts: Bool, predicts: Bool
    ) {
        self.tool = tool
        self.source = source
        self.sourceDigest = sourceDigest
        self.data = data
        self.backend = backend
        self.numerics = numerics
        self.observers = observers
        self.allExperts = allExperts
        self.predicts = predicts
    }

    package var texts: Int { data.reduce(0) { $0 + $1.texts } }
    package var tokens: Int { data.reduce(0) { $0 + $1.tokens } }
    /// The names of the data files.
    package var dataNames: String { data.map(\.name).joined(separator: ", ") }
    /// The digests of the data files.
    package var dataDigest: String { data.map(\.digest).joined(separator: " ") }

    var document: JSONObject {
        var object = JSONObject()
        object["schema"] = .integer(Self.schema)
        object["tool"] = .string(tool)
        object["source"] = ["name": .string(source), "sha256": .string(sourceDigest)]
        object["data"] = .array(
            data.map {
                [
                    "name": .string($0.name), "sha256": .string($0.digest), "texts": .integer($0.texts),
                    "tokens": .integer($0.tokens),
                ]
            })
        object["backend"] = .string(backend)
        object["numerics"] = .string(numerics)
        object["observers"] = .array(observers.sorted().map { .string($0.rawValue) })
        object["all_experts"] = .bool(allExperts)
        object["prediction_layer"] = .bool(predicts)
        // What the numbers in the file mean: a reader of another version must not guess.
        object["bins"] = [
            "lowest_exponent": .integer(MagnitudeBins.lowestExponent),
            "highest_exponent": .integer(MagnitudeBins.highestExponent),
            "per_octave": .integer(MagnitudeBins.perOctave),
        ]
        object["sum_fraction_bits"] = .integer(ExactSum.fractionBits)
        object["group_width"] = .integer(InputStatistics.groupWidth)
        return object
    }

    init(_ reader: StrictReader) throws(DocumentError) {
        func exactly(_ reader: StrictReader, _ key: String, _ value: Int) throws(DocumentError) {
            guard try reader.integer(key) == value else { throw reader.mismatch(key, "\(value)") }
        }
        try exactly(reader, "schema", Self.schema)
        tool = try reader.string("tool")
        let source = try reader.object("source")
        self.source = try source.string("name")
        sourceDigest = try source.string("sha256")
        try source.finish()
        var data: [Data] = []
        for item in try reader.objects("data") {
            data.append(
                Data(
                    name: try item.string("name"), digest: try item.string("sha256"),
                    texts: try Self.count(item, "texts"), tokens: try Self.count(item, "tokens")))
            try item.finish()
        }
        guard !data.isEmpty, data.reduce(0, { $0 + $1.tokens }) <= ExactSum.termLimit else {
            throw reader.mismatch("data", "files of 1 to \(ExactSum.termLimit) tokens")
        }
        self.data = data
        backend = try reader.string("backend")
        numerics = try reader.string("numerics")
        var observers: Set<Observer> = []
        for name in try reader.strings("observers") {
            guard let observer = Observer(rawValue: name) else {
                throw reader.mismatch("observers", Observer.allCases.map(\.rawValue).joined(separator: ", "))
            }
            observers.insert(observer)
        }
        self.observers = observers
        allExperts = try reader.bool("all_experts")
        predicts = try reader.bool("prediction_layer")
        let bins = try reader.object("bins")
        try exactly(bins, "lowest_exponent", MagnitudeBins.lowestExponent)
        try exactly(bins, "highest_exponent", MagnitudeBins.highestExponent)
        try exactly(bins, "per_octave", MagnitudeBins.perOctave)
        try bins.finish()
        try exactly(reader, "sum_fraction_bits", ExactSum.fractionBits)
        try exactly(reader, "group_width", InputStatistics.groupWidth)
    }
    /// A count that sums have room for.
    private static func count(_ reader: StrictReader, _ key: String) throws(DocumentError) -> Int {
        let count = try reader.integer(key)
        guard (1...ExactSum.termLimit).contains(count) else {
            throw reader.mismatch(key, "1 to \(ExactSum.termLimit)")
        }
        return count
    }
}

extension CalibrationRecord {
    /// Refuses a calibration of another checkpoint.
    ///
    /// - Throws: CAL-010 when config.json or the headers of the shards are not those that were calibrated.
    package func check(isOf checkpoint: Checkpoint) throws(Failure) {
        let digest = try checkpoint.identityDigest()
        guard digest != head.sourceDigest else { return }
        throw Failure(
            Finding(
                .error, .calibrationOfOther, "this calibration is of another checkpoint",
                file: joined(folder, Self.documentName), field: "source",
                expected: "\(lastComponent(checkpoint.folder)), sha256 \(digest)",
                found: "\(head.source), sha256 \(head.sourceDigest)",
                remedy: "ingot calibrate \(checkpoint.folder) --data FILE --output FOLDER"))
    }
}
