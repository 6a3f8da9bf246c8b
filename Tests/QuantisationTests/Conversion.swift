// Conversions in this process: a checkpoint in, a folder out, and its tensors as numbers.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Foundation
import Quantisation
import Tensors
import TestSupport

/// The folder of an artefact with its headers.
struct Artefact {
    let folder: String
    let checkpoint: Checkpoint
    let result: ConversionResult

    func record(_ name: String) -> TensorRecord? { checkpoint.tensor(named: name)?.record }

    func bytes(_ name: String) throws -> [UInt8] {
        guard let (shard, record) = checkpoint.tensor(named: name) else { throw NoTensor(name: name) }
        return try FileAccess.read(checkpoint.path(ofShard: shard), range: record.dataRange)
    }

    /// Elements as F32; codes of E4M3 without their scales.
    func floats(_ name: String) throws -> [Float] {
        let bytes = try bytes(name)
        guard let record = record(name) else { return [] }
        return record.dtype == .e4m3 ? bytes.map(E4M3.decode) : Checkpoints.floats(bytes, record.dtype)
    }

    struct NoTensor: Error { let name: String }
}

func open(_ folder: String) throws -> (Checkpoint, TensorInventory) {
    let checkpoint = try Checkpoint.open(folder)
    let judgement = try CheckpointJudge(profiles: []).judge(checkpoint)
    try judgement.findings.throwErrors()
    guard let match = judgement.match else { throw Failure(judgement.findings) }
    return (checkpoint, match.quantised.inventory)
}

func quantise(_ source: String, _ scheme: Scheme, to output: String, jobs: Int = 1) throws -> Artefact {
    let (checkpoint, inventory) = try open(source)
    let plan = try QuantisationPlanner(
        checkpoint: checkpoint, inventory: inventory, request: QuantisationRequest(scheme: scheme)
    ).plan()
    return try run(plan, output, QuantisationPlanner.recordName, jobs)
}

func dequantise(_ source: String, to output: String, target: DType = .bf16) throws -> Artefact {
    let (checkpoint, inventory) = try open(source)
    let plan = try DequantisationPlanner(checkpoint: checkpoint, inventory: inventory, target: target)
        .plan()
    return try run(plan, output, DequantisationPlanner.recordName, 1)
}

private func run(_ plan: ConversionPlan, _ output: String, _ record: String, _ jobs: Int) throws -> Artefact {
    let run = ConversionRun(
        plan: plan, output: OutputFolder(path: output, policy: .init(resume: false, replace: false)),
        jobs: jobs, progress: SilentProgress(), recordName: record)
    try run.check().throwErrors()
    let result = try run.run()
    return Artefact(folder: output, checkpoint: try Checkpoint.open(output), result: result)
}

/// A scheme of the repository with some members changed.
func scheme(_ name: String, _ change: (inout JSONObject) -> Void = { _ in }) throws -> Scheme {
    try Scheme(document: schemeDocument(name, change))
}

func schemeDocument(_ name: String, _ change: (inout JSONObject) -> Void = { _ in }) throws -> JSONValue {
    let text = try Repository.text("Profiles/schemes/\(name).json")
    guard case .object(var object) = try JSONValue(parsing: Array(text.utf8)) else { return .null }
    change(&object)
    return .object(object)
}

/// No dimension is a multiple of a block; an odd number of elements in many matrices.
let oddChanges: [String: JSONValue?] = [
    "hidden_size": 91, "intermediate_size": 77, "moe_intermediate_size": 35,
    "moe_shared_expert_intermediate_size": 35, "num_attention_heads": 3, "head_dim": 12,
    "vocab_size": 101, "eos_token_id": 5, "pad_token_id": 5, "bos_token_id": 4,
]
