// calibration.json: what was calibrated, on what, with which options, and where the arrays are. Arrays are in
// calibration.safetensors beside it and are read one weight at a time. No path and no host name: it travels.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tensors

/// What a calibration says about itself.
package struct CalibrationHead: Equatable, Sendable {
    /// The version of the document.
    package static let schema = 1

    /// The program with its version.
    package var tool: String
    /// The folder's own name.
    package var source: String
    /// SHA-256 of config.json and of the headers of all shards: see CalibrationPlan.
    package var sourceDigest: String
    /// The data file's own name.
    package var data: String
    /// SHA-256 of the data file.
    package var dataDigest: String
    package var texts: Int
    package var tokens: Int
    package var backend: String
    package var numerics: String
    package var observers: Set<Observer>
    /// Whether every token went through every expert for the statistics of experts.
    package var allExperts: Bool
    /// Whether the prediction layer ran too.
    package var predicts: Bool

    /// Memberwise.
    package init(
        tool: String, source: String, sourceDigest: String, data: String, dataDigest: String, texts: Int,
        tokens: Int, backend: String, numerics: String, observers: Set<Observer>, allExperts: Bool,
        predicts: Bool
    ) {
        self.tool = tool
        self.source = source
        self.sourceDigest = sourceDigest
        self.data = data
        self.dataDigest = dataDigest
        self.texts = texts
        self.tokens = tokens
        self.backend = backend
        self.numerics = numerics
        self.observers = observers
        self.allExperts = allExperts
        self.predicts = predicts
    }

    var document: JSONObject {
        var object = JSONObject()
        object["schema"] = .integer(Self.schema)
        object["tool"] = .string(tool)
        object["source"] = ["name": .string(source), "sha256": .string(sourceDigest)]
        object["data"] = [
            "name": .string(data), "sha256": .string(dataDigest), "texts": .integer(texts),
            "tokens": .integer(tokens),
        ]
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
        let data = try reader.object("data")
        self.data = try data.string("name")
        dataDigest = try data.string("sha256")
        texts = try data.integer("texts")
        tokens = try data.integer("tokens")
        try data.finish()
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
}

/// What a calibration has to say about the inputs of one weight.
package struct WeightInputs: Equatable, Sendable {
    /// Rows that were seen; with `allExperts` of the record all tokens, else those the router sent.
    package let tokens: Int
    /// Elements that float16 would make infinite.
    package let halfOverflows: Int
    /// Elements that are infinite or no number, in nothing below.
    package let notFinite: Int
    /// The largest magnitude of each input channel, [K].
    package let channelAbsmax: [Float]
    /// Σ x² of each input channel, [K].
    package let squares: [Double]
    /// Of each 128 channels, over tokens, the largest, smallest and mean of a token's largest magnitude.
    package let groups: [(largest: Float, smallest: Float, mean: Double)]
    /// Magnitudes in bins: see MagnitudeBins.
    package let histogram: [Int]

    /// The largest magnitude of all.
    package var absmax: Float { channelAbsmax.max() ?? 0 }

    /// Mean of x² of each channel, [K]; zeros where no token came.
    package var secondMoments: [Double] { squares.map { tokens == 0 ? 0 : $0 / Double(tokens) } }

    package static func == (a: WeightInputs, b: WeightInputs) -> Bool {
        a.tokens == b.tokens && a.halfOverflows == b.halfOverflows && a.notFinite == b.notFinite
            && a.channelAbsmax == b.channelAbsmax && a.squares == b.squares && a.histogram == b.histogram
            && a.groups.elementsEqual(b.groups, by: ==)
    }
}

/// A finished calibration, opened.
///
/// - Checked by: RecordTests.
package struct CalibrationRecord: Sendable {
    package static let documentName = "calibration.json"
    package static let arraysName = "calibration.safetensors"

    /// The folder as it was given.
    package let folder: String
    package let head: CalibrationHead
    private let records: [String: TensorRecord]

    private var path: String { joined(folder, Self.arraysName) }

    /// Opens a folder; arrays are read when they are asked for.
    ///
    /// - Throws: CAL-001 for a document or arrays that are not whole.
    package static func read(_ folder: String) throws(Failure) -> CalibrationRecord {
        let path = joined(folder, documentName)
        let bytes = try FileAccess.read(path, limit: 1 << 24)
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .calibrationMalformed, file: path))
        }
        let (head, size) = try parse(document, path)
        return try CalibrationRecord(folder, head, bytes: size)
    }

    /// What the document says, and bytes of the arrays' file.
    private static func parse(
        _ document: JSONValue, _ path: String
    ) throws(Failure) -> (CalibrationHead, Int) {
        do throws(DocumentError) {
            let reader = try StrictReader(document)
            let head = try CalibrationHead(reader)
            let file = try reader.object("arrays")
            guard try file.string("name") == arraysName else { throw file.mismatch("name", arraysName) }
            let size = try file.integer("bytes")
            _ = try file.string("sha256")
            try file.finish()
            try reader.finish()
            return (head, size)
        } catch { throw Failure(Finding(error, code: .calibrationMalformed, file: path)) }
    }

    private init(_ folder: String, _ head: CalibrationHead, bytes: Int) throws(Failure) {
        self.folder = folder
        self.head = head
        let header = try ShardHeader.read(path: joined(folder, Self.arraysName), mode: .strict)
        guard header.fileSize == bytes else {
            throw CalibrationState.malformed(
                joined(folder, Self.arraysName), nil, "\(grouped(bytes)) bytes",
                "\(grouped(header.fileSize))")
        }
        records = Dictionary(header.tensors.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Writes the document of arrays that are written.
    static func write(_ head: CalibrationHead, arrays: WriteBehind.Sealed, to folder: String) throws(Failure)
    {
        var document = head.document
        document["arrays"] = [
            "name": .string(arraysName), "bytes": .integer(arrays.bytes), "sha256": .string(arrays.digest),
        ]
        _ = try FileAccess.writeSealed(
            JSONValue.object(document).text() + "\n", to: joined(folder, documentName))
    }

    /// All arrays at once, for a report or to be merged.
    package func state(_ configuration: BailingMoeV2Configuration) throws(Failure) -> CalibrationState {
        var state = CalibrationState(
            configuration, observers: head.observers, predicting: head.predicts)
        try state.read(path)
        return state
    }

    // MARK: One weight at a time

    /// What was seen of the inputs of a weight; nil for one whose inputs are not observed.
    ///
    /// Up has the inputs of gate. What was not asked for is empty.
    package func inputs(of key: WeightKey) throws(Failure) -> WeightInputs? {
        guard let site = InputSite(key), records[site.prefix + ".tokens"] != nil else { return nil }
        let slot = key.expert ?? 0
        let tokens = try row(site.prefix + ".tokens", slot, .integers([])).integers.first ?? 0
        let largest = try row(site.prefix + ".group_largest", slot, .floats([])).floats
        let smallest = try row(site.prefix + ".group_smallest", slot, .floats([])).floats
        let sums = try row(site.prefix + ".group_sums", slot, .wide([])).wide
        return WeightInputs(
            tokens: tokens,
            halfOverflows: try row(site.prefix + ".float16_overflows", slot, .integers([])).integers.first
                ?? 0,
            notFinite: try row(site.prefix + ".not_finite", slot, .integers([])).integers.first ?? 0,
            channelAbsmax: try row(site.prefix + ".absmax", slot, .floats([])).floats,
            squares: try row(site.prefix + ".squares", slot, .wide([])).wide.map(ExactSum.value),
            groups: zip(zip(largest, smallest), sums).map { pair, sum in
                (pair.0, pair.1, tokens == 0 ? 0 : ExactSum.value(sum) / Double(tokens))
            },
            histogram: try row(site.prefix + ".histogram", slot, .integers([])).integers)
    }

    /// Keys and values of a layer, by head; nil where they were not observed.
    package func cache(layer: Int) throws(Failure) -> CacheStatistics? {
        let prefix = "layers.\(layer)"
        guard records[prefix + ".keys.absmax"] != nil else { return nil }
        var cache = CacheStatistics(heads: 0)
        cache.keys = try whole(prefix + ".keys.absmax", .floats([])).floats
        cache.values = try whole(prefix + ".values.absmax", .floats([])).floats
        cache.keysBeyond = try whole(prefix + ".keys.beyond_448", .integers([])).integers
        cache.valuesBeyond = try whole(prefix + ".values.beyond_448", .integers([])).integers
        return cache
    }

    /// Choices of a layer's router; nil where there is none or it was not observed.
    package func routes(layer: Int) throws(Failure) -> RouteStatistics? {
        let prefix = "layers.\(layer).router"
        guard records[prefix + ".tokens"] != nil else { return nil }
        var routes = RouteStatistics(experts: 0)
        routes.tokens = try whole(prefix + ".tokens", .integers([])).integers
        routes.weights = try whole(prefix + ".weights", .wide([])).wide
        routes.margins = try whole(prefix + ".margins", .integers([])).integers
        return routes
    }

    private func whole(_ name: String, _ kind: CalibrationColumn) throws(Failure) -> CalibrationColumn {
        guard let record = records[name] else { return kind.reading([]) }
        return kind.reading(try FileAccess.read(path, range: try checked(record, kind)))
    }

    /// The part of an array that belongs to one slot.
    private func row(
        _ name: String, _ slot: Int, _ kind: CalibrationColumn
    ) throws(Failure) -> CalibrationColumn {
        guard let record = records[name] else { return kind.reading([]) }
        let range = try checked(record, kind)
        let slots = record.shape.dimensions.first ?? 1
        guard slot < slots else {
            throw CalibrationState.malformed(path, name, "more than \(slot) experts", "\(slots)")
        }
        let width = range.count / slots
        let start = range.lowerBound + slot * width
        return kind.reading(try FileAccess.read(path, range: start..<start + width))
    }

    private func checked(_ record: TensorRecord, _ kind: CalibrationColumn) throws(Failure) -> Range<Int> {
        guard record.dtype == kind.dtype else {
            throw CalibrationState.malformed(
                path, record.name, kind.dtype.rawValue, record.dtype.rawValue)
        }
        return record.dataRange
    }
}
