// From a recipe to stages: which there are, what each reads and makes. A pure function; nothing is opened here but the
// scheme's profile, which says whether it needs a calibration.

import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Stages in their order.
///
/// - Checked by: RunPlanTests.
package struct RunPlan: Sendable {
    /// How fast a machine is to go at it: nothing that changes a byte of what comes out.
    package struct Pace: Sendable {
        /// Threads that multiply; nil for the processors of the machine.
        package var threads: Int?
        /// Bytes of weights kept in memory; nil for half of the machine's.
        package var memory: Int?
        /// Files converted at a time.
        package var jobs: Int

        package init(threads: Int? = nil, memory: Int? = nil, jobs: Int = 1) {
            self.threads = threads
            self.memory = memory
            self.jobs = jobs
        }
    }

    package let recipe: Recipe
    package let pace: Pace
    /// The folder of the source, absolute.
    package let checkpoint: String
    package let stages: [PlannedStage]

    /// Plans a recipe.
    ///
    /// - Throws: `RUN-003` where the recipe leaves out what its stages need.
    package init(_ recipe: Recipe, pace: Pace) throws(Failure) {
        guard let checkpoint = recipe.checkpoint else {
            throw Self.incomplete("the recipe names no checkpoint", "checkpoint", "--checkpoint DIR")
        }
        if recipe.has("shard") || recipe.has("draft.attach"), recipe.target == nil {
            throw Self.incomplete("a topology is judged for a target", "target", "--target ENGINE/DEVICE")
        }
        self.recipe = recipe
        self.pace = pace
        self.checkpoint = checkpoint
        let builder = try Builder(recipe: recipe, checkpoint: checkpoint, pace: pace)
        stages = StageName.allCases.filter(builder.isWanted).map(builder.stage)
    }

    private static func incomplete(_ what: String, _ field: String, _ option: String) -> Failure {
        Failure(
            Finding(
                .error, .recipeIncomplete, what, field: field,
                expected: "\"\(field)\" in the recipe, or \(option)",
                found: "neither", remedy: "add \(option)"))
    }

    /// A stage of the plan.
    package func stage(_ name: StageName) -> PlannedStage? { stages.first { $0.name == name } }
}

/// Puts command lines together.
private struct Builder {
    let recipe: Recipe
    let checkpoint: String
    let pace: RunPlan.Pace
    let needsCalibration: Bool

    init(recipe: Recipe, checkpoint: String, pace: RunPlan.Pace) throws(Failure) {
        self.recipe = recipe
        self.checkpoint = checkpoint
        self.pace = pace
        let scheme =
            recipe.has("quantise")
            ? try SchemeLibrary.scheme(recipe.value("quantise", "scheme") ?? "fp8-block") : nil
        needsCalibration =
            scheme?.layout.hasInputScales ?? false || recipe.isOn("quantise", "kv_scales")
            || recipe.value("quantise", "clip") == "second-moment"
        if needsCalibration, !recipe.has("calibrate") {
            throw Failure(
                Finding(
                    .error, .recipeIncomplete, "this quantisation needs a calibration", field: "calibrate",
                    expected: "a section \"calibrate\" with \"data\"", found: "none",
                    remedy: "\"calibrate\": {\"data\": \"FILE.jsonl\"}"))
        }
    }

    func isWanted(_ stage: StageName) -> Bool {
        switch stage {
        case .validate: true
        case .calibrate: recipe.has("calibrate")
        case .quantise, .validateArtefact: recipe.has("quantise")
        case .draftTrain: recipe.has("draft.train")
        case .draftAudit: recipe.has("draft")
        case .draftMeasure: recipe.has("draft.measure")
        case .draftAttach: recipe.has("draft.attach")
        case .verify: recipe.has("verify")
        case .shardPlan, .shard: recipe.has("shard")
        case .publishPrepare, .publishCheck: recipe.has("publish")
        }
    }

    /// What is served: the quantised artefact, or the source where nothing is quantised.
    private var artefact: StageArgument {
        recipe.has("quantise") ? .made("artefact") : .input(checkpoint)
    }

    private var head: StageArgument {
        recipe.value("draft", "head").map { .input($0) } ?? .made("head")
    }

    func stage(_ name: StageName) -> PlannedStage {
        var arguments = subjects(name) + options(name) + links(name)
        if name.multiplies {
            if let threads = pace.threads { arguments += [.pace("--threads"), .pace("\(threads)")] }
            if let memory = pace.memory { arguments += [.pace("--memory"), .pace("\(memory)")] }
        }
        if name.converts, pace.jobs != 1 { arguments += [.pace("--jobs"), .pace("\(pace.jobs)")] }
        if let page = name.page { arguments += [.word("--report"), .output(page)] }
        if let output = name.output { arguments += [.word("--output"), .output(output)] }
        return PlannedStage(name: name, arguments: arguments)
    }

    /// What stands first on the command line.
    private func subjects(_ name: StageName) -> [StageArgument] {
        switch name {
        case .validate, .calibrate, .quantise, .draftTrain: [.input(checkpoint)]
        case .validateArtefact, .shardPlan, .shard, .publishPrepare: [artefact]
        case .draftAudit: [head, artefact]
        case .draftMeasure, .draftAttach: [artefact, head]
        case .verify: [.input(checkpoint), artefact]
        case .publishCheck: [.made("release")]
        }
    }

    /// What the recipe says of it.
    private func options(_ name: StageName) -> [StageArgument] {
        var arguments: [StageArgument] = []
        for section in RecipeSection.all {
            let keys = section.keys(of: name)
            for choice in recipe.sections[section.path] ?? [] {
                guard let key = keys.first(where: { $0.name == choice.key }) else { continue }
                if case .flag = key.kind { arguments.append(.word(key.option)) }
                for value in choice.values {
                    if value.hasPrefix("-"), !key.kind.isPath(value) {
                        // Otherwise it would be read as an option of its own.
                        arguments.append(.word("\(key.option)=\(value)"))
                        continue
                    }
                    arguments.append(.word(key.option))
                    arguments.append(key.kind.isPath(value) ? .input(value) : .word(value))
                }
            }
        }
        // Data that a release or a draft stands on is read whole unless the recipe says otherwise.
        let validates = name == .validate || name == .validateArtefact
        if validates, recipe.sections["validate"] == nil { arguments.append(.word("--deep")) }
        return arguments
    }

    /// The target, and what earlier stages have made for it.
    private func links(_ name: StageName) -> [StageArgument] {
        var arguments: [StageArgument] = []
        if let target = recipe.target, isForTarget(name) {
            arguments += [.word("--target"), .word(target)]
        }
        let balanced = recipe.value("shard", "placement") == "balanced" && recipe.has("calibrate")
        switch name {
        case .quantise where needsCalibration:
            arguments += [.word("--calibration"), .made("calibration")]
        case .shardPlan where balanced, .shard where balanced:
            arguments += [.word("--calibration"), .made("calibration")]
        case .publishPrepare:
            for (option, stage) in [
                ("--parity", StageName.verify), ("--topology", .shardPlan), ("--draft", .draftMeasure),
            ] where isWanted(stage) {
                arguments += [.word(option), .made(RunFolder.record(of: stage))]
            }
            // What the release is compared with, where the recipe names no folder of its own.
            if recipe.value("publish", "base") == nil, recipe.has("quantise") {
                arguments += [.word("--base"), .input(checkpoint)]
            }
        case .publishCheck:
            if let base = recipe.value("publish", "base") ?? (recipe.has("quantise") ? checkpoint : nil) {
                arguments += [.word("--base"), .input(base)]
            }
        default: break
        }
        return arguments
    }

    /// A source that is quantised need not be what the target loads.
    private func isForTarget(_ name: StageName) -> Bool {
        switch name {
        case .validate: !recipe.has("quantise")
        case .quantise, .validateArtefact, .draftAttach, .shardPlan, .shard, .publishPrepare: true
        case .calibrate, .draftTrain, .draftAudit, .draftMeasure, .verify, .publishCheck: false
        }
    }
}
