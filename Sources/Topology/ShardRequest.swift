// From what a person asks for to a plan that exists: a topology that is illegal gets no plan.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// A form of output.
package enum ShardForm: Equatable, Sendable, CaseIterable {
    case standard
    case ranks
    case engine(EngineForm)

    package static let allCases = [.standard, .ranks] + EngineForm.allCases.map(ShardForm.engine)

    /// What people type.
    package var name: String {
        switch self {
        case .standard: "hf"
        case .ranks: "ranks"
        case .engine(let form): form.rawValue
        }
    }

    /// The form of a name.
    ///
    /// - Throws: `TOPO-015` with the nearest name.
    package init(named name: String) throws(Failure) {
        guard let form = Self.allCases.first(where: { $0.name == name }) else {
            let names = Self.allCases.map(\.name)
            throw Failure(
                Finding(
                    .error, .outputUnknown, "no such form of output", option: "--form \(name)",
                    expected: "one of " + names.joined(separator: ", "), found: name,
                    remedy: nearMiss(name, among: names).map { "--form \($0)" }))
        }
        self = form
    }
}

/// What laying out is asked for.
package struct ShardRequest: Sendable {
    let topology: ParallelTopology
    let form: ShardForm
    let engine: EngineProfile
    let placement: ExpertPlacement.Name
    let allToAll: AllToAll
    let load: ExpertLoad?
    let fileBytes: Int

    package init(
        topology: ParallelTopology, form: ShardForm, engine: EngineProfile,
        placement: ExpertPlacement.Name = .linear, allToAll: AllToAll = .standard, load: ExpertLoad? = nil,
        fileBytes: Int = StandardLayoutPlan.fileBytes
    ) {
        self.topology = topology
        self.form = form
        self.engine = engine
        self.placement = placement
        self.allToAll = allToAll
        self.load = load
        self.fileBytes = fileBytes
    }

    /// The plan, and what is worth knowing of a legal topology.
    ///
    /// - Throws: every reason why the topology is illegal.
    package func plan(
        _ checkpoint: Checkpoint, _ artefact: ArtefactTensors
    ) throws(Failure) -> (work: ShardWork, findings: [Finding]) {
        let placement = try placement.made(load, ranks: topology.expert)
        if case .engine(let form) = form { return try plan(form, placement, checkpoint, artefact) }
        let rules = SplitRules(
            artefact.configuration, topology, engine.parallelism, placement: placement, allToAll: allToAll)
        let findings = Legality(
            artefact, rules, allowsUneven: engine.parallelism.allowsUnevenExperts, engine: engine.title
        ).findings()
        try findings.throwErrors()
        switch form {
        case .standard:
            return (
                .standard(StandardLayoutPlan(checkpoint, artefact, rules, fileBytes: fileBytes)), findings
            )
        default: return (.ranks(RankSlicePlan(checkpoint, artefact, rules)), findings)
        }
    }

    /// A form of an engine brings that engine's rules, whatever the target.
    private func plan(
        _ form: EngineForm, _ placement: ExpertPlacement, _ checkpoint: Checkpoint,
        _ artefact: ArtefactTensors
    ) throws(Failure) -> (work: ShardWork, findings: [Finding]) {
        let rules = SplitRules(
            artefact.configuration, topology, family: .vllm, remainder: .middle,
            vocabularyMultiple: form.vocabularyMultiple, placement: placement, allToAll: allToAll)
        let findings =
            form.findings(artefact, rules)
            + Legality(
                artefact, rules, allowsUneven: form == .vllmShardedState, engine: form.rawValue
            ).findings()
        try findings.throwErrors()
        return (.engine(EngineFormPlan(checkpoint, artefact, rules, form)), findings)
    }
}

extension ExpertPlacement.Name {
    /// The placement of this name for a number of expert ranks.
    ///
    /// - Throws: `TOPO-013` for a balanced one without a load.
    func made(_ load: ExpertLoad?, ranks: Int) throws(Failure) -> ExpertPlacement {
        switch self {
        case .linear: return .linear
        case .roundRobin: return ranks > 1 ? .roundRobin : .linear
        case .balanced:
            guard let load else {
                throw Failure(
                    Finding(
                        .error, .loadUnknown, "a balanced placement needs the load of the experts",
                        option: "--placement balanced", expected: "--calibration FOLDER", found: "none",
                        remedy: "ingot calibrate CHECKPOINT --data FILE --output FOLDER"))
            }
            return ranks > 1 ? load.balanced(ranks: ranks) : .linear
        }
    }
}

/// What gathering is asked for.
package struct GatherRequest: Sendable {
    let folder: String

    package init(_ folder: String) { self.folder = folder }

    /// The plan for whatever stands in the folder.
    ///
    /// - Throws: `TOPO-016` for a folder that holds no slices.
    package func plan() throws(Failure) -> (work: ShardWork, findings: [Finding]) {
        if let plan = try EngineGatherPlan(folder) { return (.gatherEngine(plan), []) }
        let record = joined(folder, SliceRecord.fileName)
        if FileAccess.kind(joined(folder, SliceRecord.sourceFolder)) == .folder
            || (FileAccess.kind(record) == .file && FileAccess.kind(joined(folder, "config.json")) != .file)
        {
            return (.gatherRanks(try RankGatherPlan(folder)), [])
        }
        if FileAccess.kind(record) == .file { return try standardAgain() }
        let names = try FileAccess.names(in: folder)
        throw Failure(
            Finding(
                .error, .rankRecordMalformed, "this folder holds no slices of ranks", file: folder,
                expected: "\(SliceRecord.fileName), or the files of an engine's ranks",
                found: abridged(names.sorted()), remedy: "ingot inspect \(folder)"))
    }

    /// A checkpoint of the form `hf` is whole: its tensors go back to inventory order.
    private func standardAgain() throws(Failure) -> (work: ShardWork, findings: [Finding]) {
        let checkpoint = try Checkpoint.open(folder)
        let judgement = try CheckpointJudge().judge(checkpoint)
        guard let match = judgement.match else { throw Failure(judgement.findings) }
        let rules = SplitRules(
            match.quantised.inventory.configuration, ParallelTopology(), family: .single, remainder: .last,
            vocabularyMultiple: 1)
        return (.standard(StandardLayoutPlan(checkpoint, ArtefactTensors(match), rules)), checkpoint.findings)
    }
}
