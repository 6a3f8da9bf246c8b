// Models for topologies: Ling-flash by its headers alone, and small ones on disk.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Foundation
import Tensors
import TestSupport
import Topology

let profiles = ProfileLibrary.folder(Repository.path("Profiles"))

/// How the weights of a model without files are stored.
enum Storage {
    case plain, block(Int), channel
    /// Blocks, but for some roles.
    case blockBut(Set<RoleGroup>)

    func layout(_ inventory: TensorInventory) -> QuantisationLayout {
        switch self {
        case .plain: return .none
        case .block(let size):
            return .fp8(
                FP8Layout(container: .deepSeek, granularity: .block(rows: size, columns: size)))
        case .channel: return .fp8(FP8Layout(container: .compressedTensors, granularity: .channel))
        case .blockBut(let kept):
            let modules = inventory.entries.filter { kept.contains(RoleGroup($0.role)) }.map(\.module)
            return .fp8(
                FP8Layout(
                    container: .deepSeek, granularity: .block(rows: 128, columns: 128),
                    skipList: SkipList(modules)))
        }
    }
}

/// A model as a planner sees it, from its config and no file.
func artefact(_ configuration: BailingMoeV2Configuration, _ storage: Storage = .plain) -> ArtefactTensors {
    let inventory = TensorInventory(configuration)
    return ArtefactTensors(
        expectedOf: QuantisedInventory(inventory, layout: storage.layout(inventory)))
}

/// Ling-flash-2.0 with some members of its config changed.
func flash(_ changes: [String: JSONValue?] = [:]) throws -> BailingMoeV2Configuration {
    try CheckpointMaker("Fixtures/configs/ling-flash-2.0.json", changes).inventory.configuration
}

/// A planner of Ling-flash for a target.
func planner(
    _ storage: Storage = .plain, _ target: String = "vllm-0.11.0/h20-96g",
    changes: [String: JSONValue?] = [:], change: (inout PlanRequest) -> Void = { _ in }
) throws -> TopologyPlanner {
    var request = PlanRequest(target: try Target(target, profiles), context: 131_072)
    change(&request)
    return TopologyPlanner(artefact(try flash(changes), storage), request)
}

/// What is said against a topology: the codes of errors.
func objections(_ judged: JudgedTopology) -> Set<String> {
    Set(judged.findings.filter { $0.level == .error && $0.code != .doesNotFit }.map(\.code.name))
}

/// A small model with many heads and experts, on disk.
enum SmallModel {
    static let changes: [String: JSONValue?] = [
        "hidden_size": 32, "intermediate_size": 128, "moe_intermediate_size": 64,
        "moe_shared_expert_intermediate_size": 64, "num_experts": 8, "n_group": 4, "topk_group": 2,
        "num_hidden_layers": 3, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 16,
        "vocab_size": 512,
    ]
    static let oneHead: [String: JSONValue?] = ["num_key_value_heads": 1]
    static let ragged: [String: JSONValue?] = [
        "vocab_size": 77, "eos_token_id": 5, "bos_token_id": 4, "pad_token_id": 5,
    ]
    static let prediction: [String: JSONValue?] = ["num_nextn_predict_layers": 1]

    static func maker(_ changes: [String: JSONValue?]) throws -> CheckpointMaker {
        try CheckpointMaker.micro(Self.changes.merging(changes) { $1 })
    }
}

/// A folder in memory where there is one: slicing a grid of topologies is mostly waiting for a disk to sync.
func fastFolder() throws -> FastFolder { try FastFolder() }

/// A folder that goes away with this object.
final class FastFolder {
    let path: String

    init() throws {
        let base = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        path = base + "/ingot-topology-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { path + "/" + name }
}

/// Opens a checkpoint for the planner.
func opened(_ folder: String) throws -> (Checkpoint, ArtefactTensors) {
    let checkpoint = try Checkpoint.open(folder)
    let judgement = try CheckpointJudge().judge(checkpoint)
    guard let match = judgement.match else { throw Failure(judgement.findings) }
    return (checkpoint, ArtefactTensors(match))
}

/// The plan of a topology for an opened checkpoint; throws when it is illegal.
func work(
    _ folder: String, _ topology: ParallelTopology, _ form: ShardForm,
    engine: String = "vllm-0.32.0", placement: ExpertPlacement.Name = .linear
) throws -> ShardWork {
    let (checkpoint, artefact) = try opened(folder)
    return try ShardRequest(
        topology: topology, form: form, engine: try Target.engine(engine, profiles), placement: placement
    ).plan(checkpoint, artefact).work
}

/// Runs work into a folder.
@discardableResult
func run(_ work: ShardWork, _ path: String, resume: Bool = false, replace: Bool = false) throws -> ShardResult
{
    let output = work.output(path, policy: .init(resume: resume, replace: replace))
    func run(_ plan: some SlicingPlan) throws -> ShardResult {
        let run = UnitRun(plan: plan, output: output, jobs: 1, progress: SilentProgress())
        try run.check().throwErrors()
        return try run.run()
    }
    return try run(work.plan)
}

/// Every tensor of a checkpoint by name: its type, shape and bytes.
func contents(_ folder: String) throws -> [String: [UInt8]] {
    let checkpoint = try Checkpoint.open(folder)
    var contents: [String: [UInt8]] = [:]
    for (shard, part) in checkpoint.shards.enumerated() {
        for record in part.header.tensors {
            contents[record.name] =
                Array("\(record.dtype.rawValue) \(record.shape) ".utf8)
                + (try FileAccess.read(checkpoint.path(ofShard: shard), range: record.dataRange))
        }
    }
    return contents
}

/// Quantises a checkpoint with the program; blocks of 16 in place of 128, which small matrices can be cut into.
func quantised(
    _ source: String, _ folder: FastFolder, _ scheme: String = "fp8-block", _ words: String...
) throws -> String {
    let path = folder.path("\(scheme)-16.json")
    try Repository.text("Profiles/schemes/\(scheme).json").replacing("128", with: "16")
        .write(toFile: path, atomically: true, encoding: .utf8)
    let output = folder.path("codes-\(scheme)")
    let run = try ProgramRun(
        Repository.program("ingot"),
        ["quantise", source, "--scheme", path, "--output", output, "--quiet"] + words)
    guard run.exit == 0 else { throw NotQuantised(errors: run.errors) }
    return output
}

struct NotQuantised: Error { let errors: String }

/// Changes a record in place.
func edit(_ path: String, _ change: (inout JSONObject) throws -> Void) throws {
    let bytes = try FileAccess.read(path, limit: 1 << 24)
    guard case .object(var object) = try JSONValue(parsing: bytes) else { return }
    try change(&object)
    try JSONValue.object(object).text().write(toFile: path, atomically: true, encoding: .utf8)
}

extension JSONObject {
    /// A list among the members; empty where there is none.
    subscript(list key: String) -> [JSONValue] {
        get { if case .array(let list)? = self[key] { list } else { [] } }
        set { self[key] = .array(newValue) }
    }
}
