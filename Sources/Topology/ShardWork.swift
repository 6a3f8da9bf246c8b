// What slicing and gathering can be asked for, behind one front.

import Checkpoints
import Diagnostics
import Documents

/// What every run of `ingot shard` gives.
package typealias ShardResult = UnitResult<DigestList, Void>

/// A plan of slicing or gathering.
package protocol SlicingPlan: UnitPlan
where Unit.Detail == DigestList, Unit.Budget == MoveBudget, Front == Void {}

extension RankSlicePlan: SlicingPlan {}
extension StandardLayoutPlan: SlicingPlan {}
extension EngineFormPlan: SlicingPlan {}
extension RankGatherPlan: SlicingPlan {}
extension EngineGatherPlan: SlicingPlan {}

/// A piece of work of `ingot shard`, planned.
package enum ShardWork: Sendable {
    case ranks(RankSlicePlan)
    case standard(StandardLayoutPlan)
    case engine(EngineFormPlan)
    case gatherRanks(RankGatherPlan)
    case gatherEngine(EngineGatherPlan)

    /// The units of the work.
    package var plan: any SlicingPlan {
        switch self {
        case .ranks(let plan): plan
        case .standard(let plan): plan
        case .engine(let plan): plan
        case .gatherRanks(let plan): plan
        case .gatherEngine(let plan): plan
        }
    }

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
}
