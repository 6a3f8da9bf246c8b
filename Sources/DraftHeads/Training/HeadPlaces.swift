// Where the unrolled pass finds the weights of a head in the flat buffer. Query, key and value stand one after
// another there, and so do gate and up: each group is one product.
//
// Legend: H hidden, A query heads, G key/value heads, D head dimension, M width of the MLP, N draft vocabulary,
// P = (A + 2·G)·D.

/// Offsets into the flat buffer, and widths.
struct HeadPlaces {
    let hidden: Int  // H
    let feature: Int  // F·W
    let queries: Int  // A·D
    let keys: Int  // G·D
    let mlp: Int  // M
    let drafts: Int  // N
    let count: Int
    let inputNorms: [(offset: Int, width: Int)]
    let fuse: Int
    let embeddingNorm: Int
    let hiddenNorm: Int
    let qkv: Int  // [P, 2·H]
    let output: Int
    let mlpNorm: Int
    let gateUp: Int  // [2·M, H]
    let down: Int
    let finalNorm: Int
    let logits: Int

    /// P.
    var fused: Int { queries + 2 * keys }

    init(_ c: HeadConfiguration) {
        let layout = HeadLayout(c)
        func offset(_ parameter: HeadParameter) -> Int {
            guard let entry = layout[parameter] else {
                preconditionFailure("\(parameter) is no parameter of this head")
            }
            return entry.offset
        }
        (hidden, feature, queries) = (c.hiddenSize, c.featureWidth, c.queryWidth)
        (keys, mlp, drafts) = (c.keyValueWidth, c.mlpWidth, c.draftVocabularySize)
        count = layout.count
        switch c.inputNorm {
        case .none: inputNorms = []
        case .joined: inputNorms = [(offset(.joinedInputNorm), c.featureWidth)]
        case .each:
            inputNorms = (0..<c.featureCount).map { (offset(.inputNorm($0)), c.targetHiddenSize) }
        }
        fuse = offset(.fuse)
        embeddingNorm = offset(.embeddingNorm)
        hiddenNorm = offset(.hiddenNorm)
        qkv = offset(.query)
        output = offset(.output)
        mlpNorm = offset(.mlpNorm)
        gateUp = offset(.gate)
        down = offset(.down)
        finalNorm = offset(.finalNorm)
        logits = offset(.draftLogits)
        precondition(
            offset(.key) == qkv + queries * 2 * hidden
                && offset(.value) == qkv + (queries + keys) * 2 * hidden
                && offset(.up) == gateUp + mlp * hidden, "weights of one product that do not adjoin")
    }
}
