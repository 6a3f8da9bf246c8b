// The stages of a chain, in their order. Each is one command of this program: what a chain does, a person can do
// by hand.

/// A stage of a chain.
package enum StageName: String, CaseIterable, Sendable {
    case validate, calibrate, quantise
    case validateArtefact = "validate-artefact"
    case draftTrain = "draft-train"
    case draftAudit = "draft-audit"
    case draftMeasure = "draft-measure"
    case draftAttach = "draft-attach"
    case verify
    case shardPlan = "shard-plan"
    case shard
    case publishPrepare = "publish-prepare"
    case publishCheck = "publish-check"

    /// The words of its command after the program's name.
    package var command: [String] {
        switch self {
        case .validate, .validateArtefact: ["validate"]
        case .calibrate: ["calibrate", "run"]
        case .quantise: ["quantise"]
        case .draftTrain: ["draft", "train"]
        case .draftAudit: ["draft", "audit"]
        case .draftMeasure: ["draft", "measure"]
        case .draftAttach: ["draft", "attach"]
        case .verify: ["verify"]
        case .shardPlan: ["shard", "plan"]
        case .shard: ["shard", "write"]
        case .publishPrepare: ["publish", "prepare"]
        case .publishCheck: ["publish", "check"]
        }
    }

    /// What it is for, in a phrase.
    package var purpose: String {
        switch self {
        case .validate: "the source is whole and is the architecture its config says"
        case .calibrate: "what the activations say"
        case .quantise: "the artefact"
        case .validateArtefact: "the artefact is whole and its target loads it"
        case .draftTrain: "a draft head for the source"
        case .draftAudit: "head and target belong together"
        case .draftMeasure: "how many tokens a step gives"
        case .draftAttach: "the head as the target's engine reads it"
        case .verify: "the artefact is still the model"
        case .shardPlan: "the topology is legal and fits"
        case .shard: "the artefact laid out for the topology"
        case .publishPrepare: "the release folder"
        case .publishCheck: "the release is one that hubs and engines take"
        }
    }

    /// The folder it makes, by its name in the run folder; nil for a stage that only looks.
    package var output: String? {
        switch self {
        case .calibrate: "calibration"
        case .quantise: "artefact"
        case .draftTrain: "head"
        case .draftAttach: "draft"
        case .shard: "sharded"
        case .publishPrepare: "release"
        case .validate, .validateArtefact, .draftAudit, .draftMeasure, .verify, .shardPlan, .publishCheck: nil
        }
    }

    /// The page it writes, by its path in the run folder; nil for a stage without one.
    package var page: String? {
        switch self {
        case .calibrate: "pages/calibration.html"
        case .draftAudit: "pages/head-audit.html"
        case .draftMeasure: "pages/acceptance.html"
        case .verify: "pages/parity.html"
        case .shardPlan: "pages/topology.html"
        case .validate, .quantise, .validateArtefact, .draftTrain, .draftAttach, .shard, .publishPrepare,
            .publishCheck:
            nil
        }
    }

    /// Whether an unfinished output of it can be gone on with.
    var resumes: Bool { output != nil && self != .draftAttach }

    /// Whether it passes tokens through a model, on threads and within a budget of memory.
    var multiplies: Bool {
        switch self {
        case .calibrate, .draftTrain, .draftAudit, .draftMeasure, .verify: true
        default: false
        }
    }

    /// Whether it converts files side by side.
    var converts: Bool { self == .quantise || self == .shard || self == .publishPrepare }
}
