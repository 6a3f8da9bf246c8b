// The arrays of a state under the names they have in the files of a calibration. What is written and what is read
// back follow from one list.
//
//   layers.L.ROLE.tokens, .float16_overflows, .not_finite   I64 [S]
//   layers.L.ROLE.absmax         F32 [S, K]        layers.L.keys.absmax, .values.absmax       F32 [G]
//   layers.L.ROLE.squares        I64 [S, K, 2]     layers.L.keys.beyond_448, .values.…        I64 [G]
//   layers.L.ROLE.group_largest  F32 [S, runs]     layers.L.router.tokens                     I64 [E]
//   layers.L.ROLE.group_smallest F32 [S, runs]     layers.L.router.weights                    I64 [E, 2]
//   layers.L.ROLE.group_sums     I64 [S, runs, 2]  layers.L.router.margins                    I64 [B]
//   layers.L.ROLE.histogram      I64 [S, B]        stream.absmax F32, stream.float16_overflows I64 [layers + 1]
//
// Sums are integers of 128 bits in units of 2^−60, the low word first, the high word signed.

import Checkpoints
import Diagnostics
import Tensors

/// The numbers of one array.
enum CalibrationColumn: Equatable {
    case floats([Float])
    case integers([Int])
    /// Two words each.
    case wide([Int128])

    var dtype: DType {
        if case .floats = self { .f32 } else { .i64 }
    }

    /// Calls a body with the bytes as they stand in a file.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch self {
        case .floats(let values): values.withUnsafeBytes(body)
        case .integers(let values): values.withUnsafeBytes(body)
        case .wide(let values): values.withUnsafeBytes(body)
        }
    }

    /// The same kind of numbers from bytes of a file.
    func reading(_ bytes: [UInt8]) -> CalibrationColumn {
        bytes.withUnsafeBytes { buffer in
            switch self {
            case .floats:
                .floats(
                    (0..<buffer.count / 4).map {
                        buffer.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
                    })
            case .integers:
                .integers(
                    (0..<buffer.count / 8).map {
                        buffer.loadUnaligned(fromByteOffset: $0 * 8, as: Int.self)
                    })
            case .wide:
                .wide(
                    (0..<buffer.count / 16).map { index in
                        let low = buffer.loadUnaligned(fromByteOffset: index * 16, as: UInt64.self)
                        let high = buffer.loadUnaligned(fromByteOffset: index * 16 + 8, as: Int64.self)
                        return Int128(high) << 64 + Int128(low)
                    })
            }
        }
    }

    var floats: [Float] { if case .floats(let values) = self { values } else { [] } }
    var integers: [Int] { if case .integers(let values) = self { values } else { [] } }
    var wide: [Int128] { if case .wide(let values) = self { values } else { [] } }
}

/// One array with its name and shape.
struct NamedColumn {
    let description: TensorDescription
    let column: CalibrationColumn

    init(_ name: String, _ dimensions: [Int], _ column: CalibrationColumn) {
        var dimensions = dimensions
        if case .wide = column { dimensions.append(2) }
        description = TensorDescription(name: name, dtype: column.dtype, shape: Shape(dimensions))
        self.column = column
    }

    init(_ description: TensorDescription, _ column: CalibrationColumn) {
        self.description = description
        self.column = column
    }
}

extension InputStatistics {
    /// The arrays that are there.
    func columns(_ prefix: String) -> [NamedColumn] {
        let all: [NamedColumn] = [
            NamedColumn(prefix + ".tokens", [slots], .integers(tokens)),
            NamedColumn(prefix + ".float16_overflows", [slots], .integers(halfOverflows)),
            NamedColumn(prefix + ".not_finite", [slots], .integers(notFinite)),
            NamedColumn(prefix + ".squares", [slots, channels], .wide(squares)),
            NamedColumn(prefix + ".group_sums", [slots, groups], .wide(groupSums)),
            NamedColumn(prefix + ".histogram", [slots, MagnitudeBins.count], .integers(histogram)),
            NamedColumn(prefix + ".absmax", [slots, channels], .floats(absmax)),
            NamedColumn(prefix + ".group_largest", [slots, groups], .floats(groupLargest)),
            NamedColumn(prefix + ".group_smallest", [slots, groups], .floats(groupSmallest)),
        ]
        return all.filter { $0.column.withBytes { !$0.isEmpty } }
    }

    /// Takes arrays read from a file in the place of its own.
    mutating func take(_ prefix: String, _ read: [String: CalibrationColumn]) {
        tokens = read[prefix + ".tokens"]?.integers ?? tokens
        halfOverflows = read[prefix + ".float16_overflows"]?.integers ?? halfOverflows
        notFinite = read[prefix + ".not_finite"]?.integers ?? notFinite
        squares = read[prefix + ".squares"]?.wide ?? squares
        groupSums = read[prefix + ".group_sums"]?.wide ?? groupSums
        histogram = read[prefix + ".histogram"]?.integers ?? histogram
        absmax = read[prefix + ".absmax"]?.floats ?? absmax
        groupLargest = read[prefix + ".group_largest"]?.floats ?? groupLargest
        groupSmallest = read[prefix + ".group_smallest"]?.floats ?? groupSmallest
    }
}

extension CalibrationState {
    /// Every array, in the order of layers.
    var columns: [NamedColumn] {
        inputs.keys.sorted().flatMap { inputs[$0]?.columns($0.prefix) ?? [] } + smallColumns
    }

    /// Those that are not of inputs.
    private var smallColumns: [NamedColumn] {
        var all: [NamedColumn] = []
        for (layer, cache) in caches.sorted(by: { $0.key < $1.key }) {
            let (prefix, heads) = ("layers.\(layer)", [cache.keys.count])
            all += [
                NamedColumn(prefix + ".keys.beyond_448", heads, .integers(cache.keysBeyond)),
                NamedColumn(prefix + ".values.beyond_448", heads, .integers(cache.valuesBeyond)),
                NamedColumn(prefix + ".keys.absmax", heads, .floats(cache.keys)),
                NamedColumn(prefix + ".values.absmax", heads, .floats(cache.values)),
            ]
        }
        for (layer, own) in routes.sorted(by: { $0.key < $1.key }) {
            let (prefix, experts) = ("layers.\(layer).router", [own.tokens.count])
            all += [
                NamedColumn(prefix + ".tokens", experts, .integers(own.tokens)),
                NamedColumn(prefix + ".weights", experts, .wide(own.weights)),
                NamedColumn(prefix + ".margins", [own.margins.count], .integers(own.margins)),
            ]
        }
        let places = [stream.largest.count]
        all.append(NamedColumn("stream.float16_overflows", places, .integers(stream.halfOverflows)))
        all.append(NamedColumn("stream.absmax", places, .floats(stream.largest)))
        return all
    }

    /// Fills an empty state from arrays, one site after another: no second state is in memory.
    ///
    /// - Parameter array: gives the array of a name, type and shape, or throws.
    mutating func take(
        _ array: (NamedColumn) throws(Failure) -> CalibrationColumn
    ) throws(Failure) {
        for site in inputs.keys.sorted() {
            var read: [String: CalibrationColumn] = [:]
            for own in inputs[site]?.columns(site.prefix) ?? [] {
                read[own.description.name] = try array(own)
            }
            inputs[site]?.take(site.prefix, read)
        }
        var read: [String: CalibrationColumn] = [:]
        for own in smallColumns { read[own.description.name] = try array(own) }
        for layer in caches.keys {
            let prefix = "layers.\(layer)"
            caches[layer]?.keysBeyond = read[prefix + ".keys.beyond_448"]?.integers ?? []
            caches[layer]?.valuesBeyond = read[prefix + ".values.beyond_448"]?.integers ?? []
            caches[layer]?.keys = read[prefix + ".keys.absmax"]?.floats ?? []
            caches[layer]?.values = read[prefix + ".values.absmax"]?.floats ?? []
        }
        for layer in routes.keys {
            let prefix = "layers.\(layer).router"
            routes[layer]?.tokens = read[prefix + ".tokens"]?.integers ?? []
            routes[layer]?.weights = read[prefix + ".weights"]?.wide ?? []
            routes[layer]?.margins = read[prefix + ".margins"]?.integers ?? []
        }
        stream.halfOverflows = read["stream.float16_overflows"]?.integers ?? []
        stream.largest = read["stream.absmax"]?.floats ?? []
    }
}
