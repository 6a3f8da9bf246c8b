// A finished calibration: calibration.json says what it is and what the files of arrays beside it hold; arrays are
// read one weight at a time.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

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
/// - Checked by: RecordTests, CalibrationFilesTests.
package struct CalibrationRecord: Sendable {
    package static let documentName = "calibration.json"
    package static let arraysName = "calibration.safetensors"
    package static let packedName = "calibration.arrays.zst"

    /// The folder as it was given.
    package let folder: String
    package let head: CalibrationHead
    let arrays: CalibrationArrays

    /// Opens a folder and checks the digests of its files; arrays are read when they are asked for.
    ///
    /// - Throws: CAL-001 for a document or arrays that are not whole.
    package static func read(_ folder: String) throws(Failure) -> CalibrationRecord {
        let path = joined(folder, documentName)
        let bytes = try FileAccess.read(path, limit: 1 << 24)
        let (head, files) = try readDocument(bytes, code: .calibrationMalformed, file: path) {
            (document) throws(DocumentError) in
            let reader = try StrictReader(document)
            let head = try CalibrationHead(reader)
            let files = try CalibrationFiles(reader)
            try reader.finish()
            return (head, files)
        }
        return CalibrationRecord(
            folder: folder, head: head, arrays: try CalibrationArrays(files, in: folder))
    }

    /// All arrays at once, for a report.
    package func state(_ configuration: BailingMoeV2Configuration) throws(Failure) -> CalibrationState {
        var state = CalibrationState(
            configuration, observers: head.observers, predicting: head.predicts)
        try state.read(arrays)
        return state
    }

    // MARK: One weight at a time

    /// What was seen of the inputs of a weight; nil for one whose inputs are not observed.
    ///
    /// Up has the inputs of gate. What was not asked for is empty.
    package func inputs(of key: WeightKey) throws(Failure) -> WeightInputs? {
        guard let site = InputSite(key), arrays.holds(site.prefix + ".tokens") else { return nil }
        let slot = key.expert ?? 0
        func row(_ name: String, _ kind: CalibrationColumn) throws(Failure) -> CalibrationColumn {
            try arrays.row(site.prefix + name, slot, kind)
        }
        let tokens = try row(".tokens", .integers([])).integers.first ?? 0
        let largest = try row(".group_largest", .floats([])).floats
        let smallest = try row(".group_smallest", .floats([])).floats
        let sums = try row(".group_sums", .wide([])).wide
        return WeightInputs(
            tokens: tokens,
            halfOverflows: try row(".float16_overflows", .integers([])).integers.first ?? 0,
            notFinite: try row(".not_finite", .integers([])).integers.first ?? 0,
            channelAbsmax: try row(".absmax", .floats([])).floats,
            squares: try row(".squares", .wide([])).wide.map(ExactSum.value),
            groups: zip(zip(largest, smallest), sums).map { pair, sum in
                (pair.0, pair.1, tokens == 0 ? 0 : ExactSum.value(sum) / Double(tokens))
            },
            histogram: try row(".histogram", .integers([])).integers)
    }

    /// Keys and values of a layer, by head; nil where they were not observed.
    package func cache(layer: Int) throws(Failure) -> CacheStatistics? {
        let prefix = "layers.\(layer)"
        guard arrays.holds(prefix + ".keys.absmax") else { return nil }
        var cache = CacheStatistics(heads: 0)
        cache.keys = try arrays.whole(prefix + ".keys.absmax", .floats([])).floats
        cache.values = try arrays.whole(prefix + ".values.absmax", .floats([])).floats
        cache.keysBeyond = try arrays.whole(prefix + ".keys.beyond_448", .integers([])).integers
        cache.valuesBeyond = try arrays.whole(prefix + ".values.beyond_448", .integers([])).integers
        return cache
    }

    /// Choices of a layer's router; nil where there is none or it was not observed.
    package func routes(layer: Int) throws(Failure) -> RouteStatistics? {
        let prefix = "layers.\(layer).router"
        guard arrays.holds(prefix + ".tokens") else { return nil }
        var routes = RouteStatistics(experts: 0)
        routes.tokens = try arrays.whole(prefix + ".tokens", .integers([])).integers
        routes.weights = try arrays.whole(prefix + ".weights", .wide([])).wide
        routes.margins = try arrays.whole(prefix + ".margins", .integers([])).integers
        return routes
    }
}
