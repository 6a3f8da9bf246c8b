// From a checkpoint and a request to a conversion plan: the inventory gives every tensor its role, the scheme
// says what happens to a role. Nothing is decided by a tensor's name.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel
import Tensors

/// Plans the quantisation of one checkpoint.
package struct QuantisationPlanner {
    /// Config keys and files of an earlier quantisation that must not travel.
    package static let recordName = "quantisation.json"

    package let checkpoint: Checkpoint
    package let inventory: TensorInventory
    package let request: QuantisationRequest

    package init(checkpoint: Checkpoint, inventory: TensorInventory, request: QuantisationRequest) {
        self.checkpoint = checkpoint
        self.inventory = inventory
        self.request = request
    }

    /// The plan; throws every reason why there can be none.
    package func plan() throws(Failure) -> ConversionPlan {
        if inventory.configuration.quantisation != .none {
            throw Failure(
                Finding(
                    .error, .sourceAlreadyQuantised, "this checkpoint is quantised already",
                    file: "config.json", field: "quantization_config", expected: "BF16, F16 or F32 weights",
                    found: inventory.configuration.quantisation.fp8?.title,
                    remedy:
                        "ingot dequantise \(checkpoint.folder) --output DIR first, or start from the original"
                ))
        }
        guard !request.scheme.layout.hasInputScales || request.scales != nil else {
            throw Failure(
                Finding(
                    .error, .calibrationNeeded,
                    "this scheme stores scales of inputs, which only a calibration knows",
                    option: "--scheme \(request.scheme.name)", expected: "--calibration FOLDER",
                    found: "none",
                    remedy: "ingot calibrate CHECKPOINT --data FILE --output FOLDER"))
        }
        var findings = FindingCollector()
        var shards: [ShardConversion] = []
        for (index, shard) in checkpoint.shards.enumerated() {
            var conversions: [TensorConversion] = []
            conversions.reserveCapacity(shard.header.tensors.count)
            for record in shard.header.tensors {
                guard let entry = inventory[name: record.name] else {
                    findings.add(unknown(record, in: shard.name))
                    continue
                }
                conversions.append(conversion(record, entry, &findings))
            }
            shards.append(try ShardConversion(sourceShard: index, name: shard.name, conversions: conversions))
        }
        try findings.findings.throwErrors()

        var config = inventory.configuration.document
        config["quantization_config"] = QuantisationConfig.document(
            scheme: request.scheme, skipped: skipped, powersOfTwo: request.givesPowersOfTwo,
            hasCacheScales: request.scales?.caches.isEmpty == false)
        return ConversionPlan(
            stage: "quantise", source: checkpoint, shards: shards, config: config,
            sidecars: checkpoint.carriedSidecars(recordName: Self.recordName), intent: request.document,
            moments: request.moments)
    }

    private func conversion(
        _ record: TensorRecord, _ entry: InventoryEntry, _ findings: inout FindingCollector
    ) -> TensorConversion {
        let constants = request.scales?.constants(beside: entry) ?? []
        guard request.quantises(entry) else {
            return TensorConversion(source: record, operation: .copy, constants: constants)
        }
        let rule = request.rule(for: entry.role)
        let accepted: [DType] = rule == .bf16 ? [.bf16] : [.bf16, .f16, .f32]
        if !accepted.contains(record.dtype) {
            findings.add(
                Finding(
                    .error, .unsupportedSourceType,
                    "scheme \(request.scheme.name) does not take this element type",
                    tensor: "\(record.name) \(record.shape)",
                    expected: accepted.map(\.rawValue).joined(separator: ", "), found: record.dtype.rawValue,
                    remedy: rule == .bf16 ? "convert to BF16 first, or --scheme fp8-block" : nil))
        }
        var encode = request.encodeRule(entry.role, columns: entry.shape.dimensions[1])
        encode.key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
        return TensorConversion(source: record, operation: .encode(encode), constants: constants)
    }

    /// Modules with a weight matrix that stay as they are: what an engine could take for a quantised one.
    package var skipped: [String] {
        inventory.entries.filter { $0.shape.rank == 2 && !request.quantises($0) }.map(\.module)
    }

    private func unknown(_ record: TensorRecord, in shard: String) -> Finding {
        Finding(
            .error, .unknownMatrix,
            "this tensor is not in the inventory of the config; its role is not known",
            file: shard, tensor: "\(record.name) \(record.shape) \(record.dtype.rawValue)",
            expected: "a tensor of \(grouped(inventory.entries.count)) that the config asks for",
            remedy: "ingot validate \(checkpoint.folder)")
    }
}

extension SchemeLayout {
    /// What follows a weight's name to make its scale's.
    package var scaleSuffix: String { self == .deepSeekBlock ? "_scale_inv" : "_scale" }

    /// The element type of stored scales.
    package var scaleType: DType { self == .deepSeekBlock ? .f32 : .bf16 }
}

extension Checkpoint {
    /// The sidecars to carry along: everything but what the plan writes anew.
    func carriedSidecars(recordName: String) -> [String] {
        sidecars.filter { $0 != "config.json" && $0 != CheckpointIndex.fileName && $0 != recordName }
    }
}
