// A shard's work as a sequence of steps, each reading one range of the source. The reading thread and the
// worker walk the same sequence, so that they always speak of the same bytes.

import Checkpoints
import Tensors

/// One range of the source to read, and what it is for.
struct ConversionStep: Sendable {
    enum Purpose: Sendable {
        /// Bytes to copy.
        case copy
        /// Rows to encode; codes are written, scales kept.
        case encode
        /// Rows to read for their scales only: in this file the scales come before the codes, or one scale covers them
        /// all.
        case measure
        /// Rows of codes to decode.
        case decode
        /// Elements to convert to another type.
        case cast
        /// Nothing is read: the scales kept earlier are written.
        case scales
        /// Nothing is read: a number of the plan is written.
        case constant
    }

    /// Which stretch of the output, and which conversion.
    let stretch: Int
    let conversion: Int
    let purpose: Purpose
    /// Bytes in the source file; empty for `scales` and `constant`.
    let range: Range<Int>
    /// Rows of the matrix, for encode and decode.
    let rows: Range<Int>
    /// Whether the stretch, or the measuring, ends with this step.
    let isLast: Bool
}

/// All steps of a shard, made lazily so that a reading thread can run ahead without a list.
struct ConversionSteps: Sequence, Sendable {
    let shard: ShardConversion
    let stretches: [ShardConversion.Stretch]
    /// Bytes one step may read; a single block row may exceed it.
    let budget: Int

    struct Iterator: IteratorProtocol {
        let shard: ShardConversion
        let stretches: [ShardConversion.Stretch]
        let budget: Int
        private var stretch = 0
        private var offset = 0
        /// Conversions whose scales are known at this point of the walk.
        private var known: Set<Int> = []

        init(_ steps: ConversionSteps) {
            shard = steps.shard
            stretches = steps.stretches
            budget = steps.budget
        }

        mutating func next() -> ConversionStep? {
            guard stretch < stretches.count else { return nil }
            let current = stretches[stretch]
            let conversion = shard.conversions[current.conversion]
            let step: ConversionStep
            switch (conversion.operation, current.part) {
            case (_, .constant): step = unreadStep(current, .constant)
            case (.copy, _): step = pieceStep(conversion.source, current, .copy, budget: budget)
            case (.cast, _):
                // At most four bytes for two: what is written stays within the budget.
                step = pieceStep(conversion.source, current, .cast, budget: budget / 2)
            case (.decode(let rule), _):
                step = rowStep(
                    conversion.source, current, .decode, rule.blockRows, elementBits: rule.target.bits)
            case (.encode(let rule), .codes), (.encode(let rule), .whole):
                if rule.coversMatrix, !known.contains(current.conversion) {
                    return measureStep(conversion.source, current, rule)
                }
                known.insert(current.conversion)
                step = rowStep(
                    conversion.source, current, .encode, rule.blockRows,
                    elementBits: conversion.source.dtype.bits)
            case (.encode(let rule), .scales):
                guard known.contains(current.conversion) else {
                    return measureStep(conversion.source, current, rule)
                }
                step = unreadStep(current, .scales)
            }
            if step.isLast {
                stretch += 1
                offset = 0
            }
            return step
        }

        /// The stretch comes once more when the measuring has ended.
        private mutating func measureStep(
            _ source: TensorRecord, _ current: ShardConversion.Stretch, _ rule: EncodeRule
        ) -> ConversionStep {
            let step = rowStep(source, current, .measure, rule.blockRows, elementBits: source.dtype.bits)
            if step.isLast {
                known.insert(current.conversion)
                offset = 0
            }
            return step
        }

        private mutating func pieceStep(
            _ source: TensorRecord, _ current: ShardConversion.Stretch, _ purpose: ConversionStep.Purpose,
            budget: Int
        ) -> ConversionStep {
            let start = source.dataRange.lowerBound + offset
            let end = Swift.min(start + budget, source.dataRange.upperBound)
            offset += end - start
            return ConversionStep(
                stretch: stretch, conversion: current.conversion, purpose: purpose, range: start..<end,
                rows: 0..<0,
                isLast: end == source.dataRange.upperBound)
        }

        /// `offset` counts rows here.
        private mutating func rowStep(
            _ source: TensorRecord, _ current: ShardConversion.Stretch, _ purpose: ConversionStep.Purpose,
            _ blockRows: Int, elementBits: Int
        ) -> ConversionStep {
            let rowCount = source.shape.dimensions[0]
            let columns = source.shape.dimensions[1]
            let sourceRow = columns * source.dtype.bits / 8
            let end = Swift.min(
                offset
                    + rowsPerStep(blockRows: blockRows, rowBytes: columns * elementBits / 8, budget: budget),
                rowCount)
            let rows = offset..<end
            let base = source.dataRange.lowerBound
            offset = end
            return ConversionStep(
                stretch: stretch, conversion: current.conversion, purpose: purpose,
                range: (base + rows.lowerBound * sourceRow)..<(base + rows.upperBound * sourceRow),
                rows: rows,
                isLast: end == rowCount)
        }

        private func unreadStep(
            _ current: ShardConversion.Stretch, _ purpose: ConversionStep.Purpose
        ) -> ConversionStep {
            ConversionStep(
                stretch: stretch, conversion: current.conversion, purpose: purpose, range: 0..<0, rows: 0..<0,
                isLast: true)
        }
    }

    func makeIterator() -> Iterator { Iterator(self) }
}

extension ShardConversion {
    /// The most bytes one step reads, and the most it writes at once.
    func longestStep(budget: Int) -> (read: Int, write: Int) {
        var read = 0
        var write = 0
        for conversion in conversions {
            let source = conversion.source
            switch conversion.operation {
            case .copy, .cast:
                read = max(read, min(budget, source.dataRange.count))
                write = max(write, min(budget, source.dataRange.count))
            case .encode(let rule):
                let rowBytes = source.shape.dimensions[1] * source.dtype.bits / 8
                let rows = rowsPerStep(blockRows: rule.blockRows, rowBytes: rowBytes, budget: budget)
                read = max(read, rows * rowBytes)
                write = max(write, rows * source.shape.dimensions[1])
            case .decode(let rule):
                let rowBytes = source.shape.dimensions[1] * rule.target.bits / 8
                let rows = rowsPerStep(blockRows: rule.blockRows, rowBytes: rowBytes, budget: budget)
                read = max(read, rows * source.shape.dimensions[1])
                write = max(write, rows * rowBytes)
            }
        }
        return (read, write)
    }
}

/// Whole block rows that fit a budget, one at least.
private func rowsPerStep(blockRows: Int, rowBytes: Int, budget: Int) -> Int {
    max(1, budget / Swift.max(1, blockRows * rowBytes)) * blockRows
}
