// The written-out roundings against the conversions of Tensors: every number of each format, every tie between
// two of them, and both neighbours of every tie.

import Backends
import Tensors
import TestSupport
import Testing

struct RoundingTests {
    @Test func everyF16NumberAndTie() {
        let finite = (0..<UInt16(0x7C00)).map(F16.decode)
        check(around: finite + [65_536]) {
            NumberFormat.f16.rounded($0)
        } by: {
            F16.decode(F16.encode($0))
        }
    }

    @Test func everyBF16NumberAndTie() {
        let finite = (0..<UInt16(0x7F80)).map(BF16.decode)
        check(around: finite) {
            NumberFormat.bf16.rounded($0)
        } by: {
            BF16.decode(BF16.encode($0))
        }
    }

    @Test func everyE4M3NumberAndTie() {
        let finite = (0..<UInt8(0x7F)).map(E4M3.decode)
        check(around: finite + [480, 1e9]) {
            ActivationCodeRule.roundedToE4M3($0)
        } by: {
            E4M3.decode(E4M3.encode($0))
        }
    }

    @Test func anyNumber() {
        var generator = SeededGenerator(seed: 11)
        var wrong = 0
        for _ in 0..<2_000_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            wrong += isSame(NumberFormat.f16.rounded(value), F16.decode(F16.encode(value))) ? 0 : 1
            wrong += isSame(NumberFormat.bf16.rounded(value), BF16.decode(BF16.encode(value))) ? 0 : 1
            let code = ActivationCodeRule.roundedToE4M3(value)
            wrong += isSame(code, E4M3.decode(E4M3.encode(value))) ? 0 : 1
        }
        #expect(wrong == 0)
    }

    @Test(arguments: NumberFormat.allCases)
    func theLargestNumberIsItsOwnAndTheNextIsNot(format: NumberFormat) {
        #expect(format.rounded(format.largest) == format.largest)
        #expect(format.rounded(-.infinity) == -.infinity)
        if format != .f32 { #expect(format.rounded(format.largest * 1.01) == .infinity) }
    }

    @Test(arguments: NumberFormat.allCases)
    func aBufferIsRoundedAsItsElements(format: NumberFormat) {
        var generator = SeededGenerator(seed: 12)
        let values = (0..<1001).map { _ in generator.normal() * 1e5 } + [.nan, -0.0, 1e-7]
        var matrix = Matrix(rows: 1, columns: values.count, values: values)
        format.round(&matrix)
        for (made, value) in zip(matrix.values, values) { #expect(isSame(made, format.rounded(value))) }
    }

    /// Compares at each number of an ascending list, at the middle of each pair, and at its neighbours.
    private func check(
        around numbers: [Float], _ made: (Float) -> Float, by expected: (Float) -> Float
    ) {
        var inputs: [Float] = [.infinity, .nan]
        for (low, high) in zip(numbers, numbers.dropFirst()) {
            let middle = Float((Double(low) + Double(high)) / 2)
            inputs += [low, low.nextUp, middle.nextDown, middle, middle.nextUp]
        }
        var wrong: [Float] = []
        for value in inputs {
            for value in [value, -value] where !isSame(made(value), expected(value)) { wrong.append(value) }
        }
        #expect(wrong.isEmpty, "\(wrong.count) of \(2 * inputs.count), first \(wrong.first ?? 0)")
    }

    /// Equal bits, or both NaN.
    private func isSame(_ a: Float, _ b: Float) -> Bool { a.bitPattern == b.bitPattern || a.isNaN && b.isNaN }
}
