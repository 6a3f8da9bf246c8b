// product: products by each backend, for weights that come from memory, against the most that the machine can
// do: reading the weight for a few tokens, as many multiply-adds for many.

import Backends
import Glibc
import Tensors

enum ProductMeasurement {
    static func run(turns: Int, threads: Int) -> [Measurement] {
        let backends: [any Backend] = [
            OpenBLASBackend(numerics: .f32, threads: threads), FusedBackend(numerics: .f32, threads: threads),
        ]
        var results: [Measurement] = []
        for (rows, columns) in [(1024, 4096), (4096, 4096)] {
            for format in ["f32", "bf16", "fp8"] {
                let weights = WeightPile(rows: rows, columns: columns, format: format)
                for tokens in [1, 8, 512, 1024] {
                    for backend in backends {
                        results.append(measure(backend, weights, tokens, turns: turns, threads: threads))
                    }
                }
            }
        }
        for format in ["bf16", "fp8"] {
            for backend in backends {
                results.append(layer(backend, format, turns: turns, threads: threads))
            }
        }
        return results
    }

    /// Weights that all tokens meet in a layer of Ling-flash-2.0: attention, the dense layer, the shared expert.
    private static let layerShapes = [
        (5120, 4096), (4096, 4096), (9216, 4096), (9216, 4096), (4096, 9216), (1024, 4096), (1024, 4096),
        (4096, 1024),
    ]

    private static func layer(
        _ backend: any Backend, _ format: String, turns: Int, threads: Int
    ) -> Measurement {
        let tokens = 1024
        let peak = MachinePeak(threads: threads)
        let weights = layerShapes.map {
            WeightPile(rows: $0.0, columns: $0.1, format: format, bytes: 1).weights[0]
        }
        let inputs = weights.map { activations(tokens, $0.columns) }
        let operations = weights.reduce(0) { $0 + 2 * tokens * $1.rows * $1.columns }
        let times = inTurn(turns) {
            for (x, weight) in zip(inputs, weights) { _ = backend.product(x, weight) }
        } _: {
            peak.multiplyAdd(operations: operations)
        }
        var result = Measurement(
            name: "product.ling-layer.\(format).t\(tokens).\(backend.name)",
            bytes: weights.reduce(0) { $0 + $1.bytes.count }, subject: times.subject,
            baseline: times.baseline, baselineName: "F32 peak")
        result.note = note(backend, operations: operations, seconds: times.subject.min())
        return result
    }

    private static func activations(_ tokens: Int, _ columns: Int) -> Matrix {
        Matrix(
            rows: tokens, columns: columns,
            values: (0..<tokens * columns).map { Float($0 * 7919 % 1000) / 500 - 1 })
    }

    private static func note(_ backend: any Backend, operations: Int, seconds: Double?) -> String {
        "\(Int(Double(operations) / (seconds ?? 1) * 1e-9)) GFLOP/s"
            + (backend is OpenBLASBackend ? " \(OpenBLASBackend.coreName)" : "")
    }

    private static func measure(
        _ backend: any Backend, _ pile: WeightPile, _ tokens: Int, turns: Int, threads: Int
    ) -> Measurement {
        let peak = MachinePeak(threads: threads)
        let isRead = tokens <= 8
        // Enough for a turn to last some milliseconds, and for few tokens to come from memory.
        let count = isRead ? pile.weights.count : 2
        let columns = pile.columns
        let x = activations(tokens, columns)
        let operations = 2 * tokens * pile.rows * columns * count
        let times = inTurn(turns) {
            for weight in pile.weights.prefix(count) { _ = backend.product(x, weight) }
        } _: {
            if isRead {
                for weight in pile.weights.prefix(count) { peak.read(weight.bytes) }
            } else {
                peak.multiplyAdd(operations: operations)
            }
        }
        var result = Measurement(
            name: "product.\(pile.rows)x\(columns).\(pile.format).t\(tokens).\(backend.name)",
            bytes: count * (pile.weights.first?.bytes.count ?? 0), subject: times.subject,
            baseline: times.baseline, baselineName: isRead ? "reading" : "F32 peak")
        result.note = note(backend, operations: operations, seconds: times.subject.min())
        return result
    }
}

/// Weights of one shape.
private struct WeightPile {
    let rows: Int
    let columns: Int
    let format: String
    let weights: [WeightMatrix]

    /// - Parameters:
    ///   - format: f32, bf16 or fp8.
    ///   - bytes: of all together, at least one weight; more than any cache holds.
    init(rows: Int, columns: Int, format: String, bytes total: Int = 256 << 20) {
        (self.rows, self.columns, self.format) = (rows, columns, format)
        let isFP8 = format == "fp8"
        let size = rows * columns * (isFP8 ? 1 : format == "f32" ? 4 : 2)
        let room = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: size / 2)
        defer { room.deallocate() }
        fillWithWeights(room)
        // Any byte but a NaN is a code.
        if isFP8 { for index in room.indices { room[index] &= 0xBFBF } }
        // Every other half is the lower one of an F32 number: its upper half stays a weight.
        let bytes = [UInt8](UnsafeRawBufferPointer(room))
        let grid = (rows / 128) * (columns / 128)
        let scales = BlockScales(
            values: [Float](repeating: 0.001, count: grid), blockRows: 128, blockColumns: 128,
            columns: columns)
        weights = (0..<max(1, total / size)).map { _ in
            WeightMatrix(
                format: isFP8 ? .e4m3(scales) : format == "f32" ? .f32 : .bf16, rows: rows, columns: columns,
                bytes: bytes)
        }
    }
}
