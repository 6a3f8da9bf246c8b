// What a stage will read, write, hold and take, from headers and measured rates.

import Diagnostics
import Documents

/// What a stage is reckoned to cost.
package struct StageEstimate: Sendable, Equatable {
    /// Bytes read from disk.
    package var read = 0
    /// Bytes of what it makes; what stays on the disk.
    package var written = 0
    /// The most memory it holds, bytes.
    package var memory = 0
    /// Nil where nothing is known to reckon with.
    package var seconds: Double?
}

/// What estimates start from.
struct EstimateBasis {
    /// Bytes of tensor data of the source and of the artefact.
    let source: Int
    let artefact: Int
    /// Parameters that one token multiplies by.
    let activeParameters: Int
    /// The budget of weights in memory, bytes.
    let memory: Int
    let rates: Rates
    /// Bytes of a file of rows; nil when it cannot be read.
    let size: (String) -> Int?

    func estimate(_ stage: PlannedStage, _ recipe: Recipe) -> StageEstimate {
        var own = StageEstimate(memory: rates.conversionMemory)
        let passMemory = min(memory, source + rates.conversionMemory)
        switch stage.name {
        case .validate:
            own.read = stage.arguments.contains(.word("--deep")) ? source : 0
            own.seconds = Double(own.read) / rates.read
        case .validateArtefact:
            own.read = stage.arguments.contains(.word("--deep")) ? artefact : 0
            own.seconds = Double(own.read) / rates.read
        case .calibrate:
            own.read = source
            own.memory = passMemory
            if let tokens = tokens(recipe.value("calibrate", "data")) {
                own.seconds = Double(source) / rates.read + passing(tokens)
            }
        case .quantise:
            own.read = source
            own.written = artefact
            own.seconds = Double(source) / rates.convert
        case .draftTrain, .draftAudit, .draftMeasure: own.memory = passMemory
        case .draftAttach, .shardPlan: own.seconds = 0
        case .verify:
            own.read = source + (recipe.has("quantise") ? artefact : source)
            own.memory = passMemory
            let limit = recipe.value("verify", "tokens").flatMap { Int($0) } ?? Self.verifiedTokens
            let tokens = min(limit, tokens(recipe.value("verify", "data")) ?? limit)
            own.seconds = Double(own.read) / rates.read + 2 * passing(tokens)
        case .shard, .publishPrepare:
            own.read = artefact
            own.written = artefact
            own.seconds = Double(artefact) / rates.copy
        case .publishCheck:
            own.read = artefact
            own.seconds = Double(artefact) / rates.read
        }
        return own
    }

    /// The default of `ingot verify --tokens`.
    private static var verifiedTokens: Int { 4096 }

    private func tokens(_ path: String?) -> Int? {
        path.flatMap(size).map { Int(Double($0) / rates.bytesPerToken) }
    }

    private func passing(_ tokens: Int) -> Double {
        2 * Double(activeParameters) * Double(tokens) / rates.operations
    }
}
