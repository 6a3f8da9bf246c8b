// What slicing and gathering can be asked for, behind one front: check, do, seal.

import Checkpoints
import Diagnostics
import Documents

/// A piece of work of `ingot shard`, planned.
package enum ShardWork: Sendable {
    case ranks(RankSlicePlan)
    case standard(StandardLayoutPlan)
    case engine(EngineFormPlan)
    case gatherRanks(RankGatherPlan)
    case gatherEngine(EngineGatherPlan)

    private var plan: any UnitPlan {
        switch self {
        case .ranks(let plan): plan
        case .standard(let plan): plan
        case .engine(let plan): plan
        case .gatherRanks(let plan): plan
        case .gatherEngine(let plan): plan
        }
    }

    /// The folder that is read.
    package var sourceFolder: String { plan.sourceFolder }

    /// Bytes of the output.
    package var byteCount: Int { plan.byteCount }

    /// SHA-256 of everything that decides the output's bytes but the tensor data.
    package var digest: String { plan.digest }

    /// Where the output is built.
    package func output(_ path: String, policy: OutputFolder.Policy) -> OutputFolder {
        switch self {
        case .ranks:
            OutputFolder(path: path, policy: policy, marker: SliceRecord.fileName, kind: "folder of ranks")
        default: OutputFolder(path: path, policy: policy)
        }
    }

    /// What would stop the run later, from headers and the file system alone.
    package func check(_ output: OutputFolder) -> [Finding] {
        output.check(input: sourceFolder, bytes: byteCount)
    }

    /// Does the work and seals the output.
    package func run(
        _ output: OutputFolder, jobs: Int, progress: any ProgressSink
    ) throws(Failure) -> UnitResult {
        // What opening and planning took and gave back goes before buffers are allocated.
        releaseFreeMemory()
        func run(_ plan: some UnitPlan) throws(Failure) -> UnitResult {
            try UnitRun(plan: plan, output: output, jobs: jobs, progress: progress).run()
        }
        switch self {
        case .ranks(let plan): return try run(plan)
        case .standard(let plan): return try run(plan)
        case .engine(let plan): return try run(plan)
        case .gatherRanks(let plan): return try run(plan)
        case .gatherEngine(let plan): return try run(plan)
        }
    }

    /// Ends what a run that was killed after its last step left undone; true when nothing is left to do.
    package func finish(_ output: OutputFolder) throws(Failure) -> Bool {
        let path = joined(output.path, Journal.fileName)
        guard let bytes = try? FileAccess.read(path, limit: 1 << 31),
            let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
            case .object(let head)? = try? JSONValue(parsing: Array(bytes[..<end])),
            head["plan"] == .string(digest)
        else { return false }
        return try output.finishSeal()
    }
}
