// The parameters of a head in one order: the order of the flat buffer that training sums gradients in, and of the
// ledger. File forms give them other names; nothing else of the project does.

/// One trainable parameter of a head.
package enum HeadParameter: Hashable, Sendable {
    /// [H, F·W]: fuses the target's states; no bias.
    case fuse
    /// [F·W]: one norm over all states.
    case joinedInputNorm
    /// [W]: the norm of one state.
    case inputNorm(Int)
    /// [H]: of the embedding half.
    case embeddingNorm
    /// [H]: of the state half.
    case hiddenNorm
    /// [A·D, 2·H]: reads the embedding half first.
    case query
    /// [G·D, 2·H].
    case key
    /// [G·D, 2·H].
    case value
    /// [H, A·D].
    case output
    /// [H]: before the MLP.
    case mlpNorm
    /// [M, H].
    case gate
    /// [M, H].
    case up
    /// [H, M].
    case down
    /// [H]: before the draft vocabulary's head.
    case finalNorm
    /// [N, H].
    case draftLogits
}

/// Where each parameter of a head lies in a flat buffer of F32, one after another without gaps.
package struct HeadLayout: Equatable, Sendable {
    /// One parameter's place.
    package struct Entry: Equatable, Sendable {
        package let parameter: HeadParameter
        /// [rows, columns]; a norm is one row.
        package let rows: Int
        package let columns: Int
        /// The first element in the buffer.
        package let offset: Int
        /// Elements.
        package var count: Int { rows * columns }
        /// The elements in the buffer.
        package var range: Range<Int> { offset..<offset + count }
        /// Whether the shape in files is [columns] instead of [rows, columns].
        package var isNorm: Bool { parameter.isNorm }
    }

    /// In order.
    package let entries: [Entry]
    private let positions: [HeadParameter: Int]

    /// - Complexity: O(1) but for the dozen entries.
    package init(_ c: HeadConfiguration) {
        var shapes: [(HeadParameter, Int, Int)] = []
        switch c.inputNorm {
        case .none: break
        case .joined: shapes.append((.joinedInputNorm, 1, c.featureWidth))
        case .each:
            for index in 0..<c.featureCount { shapes.append((.inputNorm(index), 1, c.targetHiddenSize)) }
        }
        let width = 2 * c.hiddenSize
        shapes += [
            (.fuse, c.hiddenSize, c.featureWidth),
            (.embeddingNorm, 1, c.hiddenSize), (.hiddenNorm, 1, c.hiddenSize),
            (.query, c.queryWidth, width), (.key, c.keyValueWidth, width), (.value, c.keyValueWidth, width),
            (.output, c.hiddenSize, c.queryWidth),
            (.mlpNorm, 1, c.hiddenSize),
            (.gate, c.mlpWidth, c.hiddenSize), (.up, c.mlpWidth, c.hiddenSize),
            (.down, c.hiddenSize, c.mlpWidth),
            (.finalNorm, 1, c.hiddenSize), (.draftLogits, c.draftVocabularySize, c.hiddenSize),
        ]
        var offset = 0
        entries = shapes.map { parameter, rows, columns in
            defer { offset += rows * columns }
            return Entry(parameter: parameter, rows: rows, columns: columns, offset: offset)
        }
        var positions: [HeadParameter: Int] = [:]
        for (index, entry) in entries.enumerated() { positions[entry.parameter] = index }
        self.positions = positions
    }

    /// Elements of all parameters together.
    package var count: Int { entries.last?.range.upperBound ?? 0 }

    /// The place of a parameter; nil when this head has none such.
    package subscript(parameter: HeadParameter) -> Entry? { positions[parameter].map { entries[$0] } }
}

extension HeadParameter {
    /// Whether it is the weight of a norm, a vector.
    package var isNorm: Bool {
        switch self {
        case .joinedInputNorm, .inputNorm, .embeddingNorm, .hiddenNorm, .mlpNorm, .finalNorm: true
        default: false
        }
    }
}
