// Operations of the reference backend on cases small enough to work out by hand.

import Backends
import Tensors
import Testing

private let backend = ReferenceBackend(numerics: .f32)

private func vector(_ values: [Float]) -> WeightMatrix {
    WeightMatrix(
        format: .f32, rows: 1, columns: values.count,
        bytes: values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } })
}

private func row(_ values: Float...) -> Matrix { Matrix(rows: 1, columns: values.count, values: values) }

struct WhiteBoxTests {
    @Test func normDividesByTheRootOfTheMeanSquare() {
        // mean of 9 and 16 is 12.5; with ε 3.5 it is 16.
        let result = backend.rmsNorm(row(3, 4), weight: vector([2, -1]), epsilon: 3.5)
        #expect(result == row(3 / 4 * 2, -4 / 4))
    }

    @Test func aHeadIsItsOwnRow() {
        let result = backend.rmsNorm(row(3, 4, 30, 40), weight: vector([1, 1]), epsilon: 0)
        #expect(abs(result.values[0] - result.values[2]) < 1e-6)
        #expect(abs(result.values[1] - result.values[3]) < 1e-6)
    }

    @Test func bfloatNormRoundsBeforeTheWeight() {
        // 1.00390625 (257/256) is no BF16; rounded to 1 first, the weight 3 gives 3 and not 3.015625.
        let values = Matrix(rows: 1, columns: 2, values: [1.00390625, 0.99607849])
        let result = ReferenceBackend(numerics: .bf16).rmsNorm(values, weight: vector([3, 3]), epsilon: 0)
        #expect(result.values[0] == 3)
    }

    @Test func channelTurnsWithTheOneHalfAWindowOn() {
        // Two heads of six channels, R = 4: 0 with 2, 1 with 3; 4 and 5 pass. Quarter turn for pair 0 at 1.
        let quarter = Float.pi / 2
        let table = RotaryTable(inverse: [quarter, 0], factor: 1, numerics: .f32)
        var x = row(1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60)
        backend.rotate(&x, headDimension: 6, table: table, positions: [1])
        let expected: [Float] = [-3, 2, 1, 4, 5, 6, -30, 20, 10, 40, 50, 60]
        for (made, value) in zip(x.values, expected) { #expect(abs(made - value) < 1e-5) }
    }

    @Test func theAttentionFactorScalesOnlyWhatTurns() {
        let table = RotaryTable(inverse: [0], factor: 1.5, numerics: .f32)
        var x = row(1, 2, 3)
        backend.rotate(&x, headDimension: 3, table: table, positions: [9])
        #expect(x == row(1.5, 3, 3))
    }

    @Test func attentionSeesItsPastOnly() {
        // One head of one channel; equal scores: the mean of the values seen so far.
        let heads = AttentionHeads(queryCount: 1, keyValueCount: 1, dimension: 1)
        var store = KeyValues(width: 1)
        store.append(
            keys: Matrix(rows: 3, columns: 1, values: [1, 1, 1]),
            values: Matrix(rows: 3, columns: 1, values: [2, 4, 12]))
        let result = backend.attention(
            queries: Matrix(rows: 2, columns: 1, values: [5, 5]), keyValues: store, heads: heads)
        #expect(result.values == [3, 6])
    }

    @Test func queryHeadsShareKeyValueHeadsInOrder() {
        // Four query heads over two key/value heads: 0 and 1 read the first, 2 and 3 the second.
        let heads = AttentionHeads(queryCount: 4, keyValueCount: 2, dimension: 1)
        var store = KeyValues(width: 2)
        store.append(keys: row(1, 1), values: row(7, 9))
        #expect(
            backend.attention(queries: row(1, 1, 1, 1), keyValues: store, heads: heads) == row(7, 7, 9, 9))
    }

    @Test func gatedUnit() {
        let result = backend.swiGLU(gate: row(0, 40, -200), up: row(5, 2, 3))
        #expect(result.values[0] == 0 && result.values[1] == 80)
        #expect(abs(result.values[2]) < 1e-30)
    }

    @Test func codesMeanCodeTimesScale() {
        // 0x38 is 1, 0x40 is 2; blocks of 2 × 2 with a ragged edge.
        let scales = BlockScales(values: [1, 10, 100, 1000], blockRows: 2, blockColumns: 2, columns: 3)
        let weight = WeightMatrix(
            format: .e4m3(scales), rows: 3, columns: 3,
            bytes: [0x38, 0x38, 0x40, 0x38, 0x38, 0x38, 0x40, 0x38, 0xB8])
        #expect(weight.decoded == [1, 1, 20, 1, 1, 10, 200, 100, -1000])
    }
}
