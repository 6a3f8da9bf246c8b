// Products and float16 operations against values that torch made: Fixtures/generators/numerics_vectors.py.

import Backends
import Tensors
import TestSupport
import Testing

struct NumericsVectorTests {
    static let cases = ["block", "ragged", "narrow", "small-block", "channel", "channel-one-token"]

    private static func backends(_ name: String) throws -> [any Backend] {
        let numerics = try NumericsProfile.named(name).numerics
        return [
            ReferenceBackend(numerics: numerics), OpenBLASBackend(numerics: numerics, threads: 2),
            FusedBackend(numerics: numerics, threads: 2),
        ]
    }

    /// A case's activations, weight and scales.
    private struct Case {
        let x: Matrix
        let weight: WeightMatrix
        let scales: BlockScales
        let golden: GoldenValues

        init(_ name: String) throws {
            golden = try GoldenValues(Repository.path("Fixtures/vectors/numerics/products.safetensors"))
            x = try golden.matrix("\(name).x")
            let block = try golden.integers("\(name).block")
            scales = BlockScales(
                values: Array(try golden.matrix("\(name).scales").values), blockRows: block[0],
                blockColumns: block[1],
                columns: x.columns)
            let codes = try golden.bytes("\(name).codes")
            weight = WeightMatrix(
                format: .e4m3(scales), rows: codes.count / x.columns, columns: x.columns, bytes: codes)
        }
    }

    @Test(arguments: cases)
    func activationCodes(name: String) throws {
        let given = try Case(name)
        guard case .activationCodes(let rule) = try NumericsProfile.named("h20-w8a8").numerics.codeProducts
        else {
            Issue.record("h20-w8a8 has no rule for activations")
            return
        }
        let made = rule.codes(of: given.x, beside: given.scales)
        #expect(try made.values.values.map(E4M3.encode) == given.golden.bytes("\(name).h20.codes"))
        #expect(made.scales == (try given.golden.matrix("\(name).h20.scales")))
    }

    @Test(arguments: cases, [("h20-w8a8", "h20"), ("a100-w8a16", "a100")])
    func products(name: String, device: (String, String)) throws {
        let given = try Case(name)
        let sum = try given.golden.matrix("\(name).\(device.1).sum")
        for backend in try Self.backends(device.0) {
            try check(backend.product(given.x, given.weight), sum, "\(backend.name) \(device.0) \(name)")
        }
    }

    /// A result is the rounding of the recorded sum, or of a number as near to it as another order of
    /// addition makes: half a step of BF16 away and a little, and seldom another number than torch's.
    private func check(_ made: Matrix, _ sum: Matrix, _ what: String) throws {
        try #require(made.rows == sum.rows && made.columns == sum.columns)
        var (others, worst) = (0, Float(0))
        let largest = sum.values.reduce(0) { max($0, abs($1)) }
        for (value, sum) in zip(made.values, sum.values) {
            if value != NumberFormat.bf16.rounded(sum) { others += 1 }
            worst = max(worst, (abs(value - sum) - sum.ulp * 0x1p15) / largest)
            #expect(value == NumberFormat.bf16.rounded(value))
        }
        #expect(worst < 1e-6, "\(what): \(worst) of the largest beyond half a step")
        #expect(others * 100 <= made.values.count, "\(what): \(others) of \(made.values.count) differ")
    }

    @Test(arguments: ["ragged", "channel"], [Float.infinity, .nan])
    func aTokenThatIsLostLosesNoOther(name: String, value: Float) throws {
        let given = try Case(name)
        var x = given.x
        x.values[3 * x.columns + 290] = value
        for backend in try Self.backends("h20-w8a8") {
            let (whole, lost) = (
                backend.product(given.x, given.weight), backend.product(x, given.weight)
            )
            #expect(!lost.row(3).contains { !$0.isNaN })
            for token in [0, 1, 2, 4] { #expect(lost.row(token).elementsEqual(whole.row(token))) }
        }
    }

    @Test(arguments: ["narrow", "small-block", "block"])
    func weightsOfMarlin(name: String) throws {
        let given = try Case(name)
        let made = given.weight.roundingScales(to: .bf16).decoded.map(NumberFormat.bf16.rounded)
        #expect(made == Array(try given.golden.matrix("\(name).a100.weights").values))
    }

    @Test(arguments: [0, 1])
    func float16(backend: Int) throws {
        let backend = try Self.backends("910b-f16")[backend]
        let golden = try GoldenValues(Repository.path("Fixtures/vectors/numerics/float16.safetensors"))
        let (a, b) = (try golden.matrix("a"), try golden.matrix("b"))
        try check(backend.add(a, b), try golden.matrix("sum"), steps: 0)
        let w = try golden.matrix("w")
        let bytes = w.values.flatMap { value in
            withUnsafeBytes(of: F16.encode(value).littleEndian) { Array($0) }
        }
        let weight = WeightMatrix(format: .f16, rows: w.rows, columns: w.columns, bytes: bytes)
        try check(
            backend.product(try golden.matrix("x"), weight), try golden.matrix("product"), steps: 1)
        try check(
            backend.swiGLU(gate: try golden.matrix("gate"), up: try golden.matrix("up")),
            try golden.matrix("gated"), steps: 2)
    }

    /// Infinities and NaN in the same places; elsewhere at most so many steps of float16 apart.
    private func check(_ made: Matrix, _ expected: Matrix, steps: Int) throws {
        #expect(expected.values.contains(.infinity))
        for (value, expected) in zip(made.values, expected.values) {
            let apart = Int(F16.encode(abs(value))) - Int(F16.encode(abs(expected)))
            #expect(value.isInfinite == expected.isInfinite && abs(apart) <= steps, "\(value), \(expected)")
        }
    }
}
