// Back from FP8 to BF16 or F32: code × scale for every quantised matrix, of every layout the inventory's
// config can describe; everything else as it is.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// Plans the dequantisation of one checkpoint.
package struct DequantisationPlanner {
    package static let recordName = "dequantisation.json"

    package let checkpoint: Checkpoint
    package let inventory: TensorInventory
    /// BF16 (each product rounded once) or F32 (exact).
    package let target: DType

    package init(checkpoint: Checkpoint, inventory: TensorInventory, target: DType) {
        self.checkpoint = checkpoint
        self.inventory = inventory
        self.target = target
    }

    /// The plan; throws every reason why there can be none.
    package func plan() throws(Failure) -> ConversionPlan {
        guard let layout = inventory.configuration.quantisation.fp8 else {
            throw Failure(
                Finding(
                    .error, .notQuantised, "this checkpoint is not quantised", file: "config.json",
                    field: "quantization_config", expected: "fp8 or compressed-tensors", found: "none",
                    remedy: "ingot inspect \(checkpoint.folder)"))
        }
        var findings = FindingCollector()
        var shards: [ShardConversion] = []
        for (index, shard) in checkpoint.shards.enumerated() {
            var conversions: [TensorConversion] = []
            for record in shard.header.tensors {
                guard let entry = inventory[name: record.name] else { continue }
                conversions.append(
                    TensorConversion(
                        source: record, operation: operation(record, entry, layout, &findings)))
            }
            // A shard of nothing but scales has nothing left to say.
            guard !conversions.isEmpty else { continue }
            shards.append(try ShardConversion(sourceShard: index, name: shard.name, conversions: conversions))
        }
        try findings.findings.throwErrors()
        var config = inventory.configuration.document
        config["quantization_config"] = nil
        // Newer configs say `dtype`.
        for key in ["torch_dtype", "dtype"] where config[key] != nil {
            config[key] = target == .f32 ? "float32" : "bfloat16"
        }
        return ConversionPlan(
            stage: "dequantise", source: checkpoint, shards: try renumbered(shards), config: config,
            sidecars: checkpoint.carriedSidecars(recordName: QuantisationPlanner.recordName).filter {
                $0 != Self.recordName
            },
            intent: ["dtype": .string(target.rawValue), "layout": .string(layout.title)])
    }

    private func operation(
        _ record: TensorRecord, _ entry: InventoryEntry, _ layout: FP8Layout,
        _ findings: inout FindingCollector
    ) -> TensorConversion.Operation {
        guard record.dtype == .e4m3 else {
            // One element type for the whole model, but for what has its own.
            let isFloat = [DType.bf16, .f16, .f32].contains(record.dtype)
            return isFloat && entry.role.requiredDType == nil && record.dtype != target
                ? .cast(target) : .copy
        }
        let name = record.name + layout.scaleSuffix
        let expected = layout.scaleShape(of: record.shape)
        guard let (shard, scale) = checkpoint.tensor(named: name),
            layout.fits(scale: scale.shape, of: record.shape),
            layout.scaleDTypes.contains(scale.dtype)
        else {
            let found = checkpoint.tensor(named: name).map { "\($0.1.shape) \($0.1.dtype.rawValue)" }
            findings.add(
                Finding(
                    .error, .scaleMissing, "weight has FP8 codes but no fitting block scale",
                    tensor: "\(record.name) \(record.shape)",
                    expected: "\(name) \(expected) "
                        + layout.scaleDTypes.map(\.rawValue).joined(separator: " or "),
                    found: found ?? "no such tensor in \(checkpoint.shards.count) shards",
                    remedy: "ingot validate \(checkpoint.folder)"))
            return .copy
        }
        let columns = record.shape.dimensions[1]
        let block: (rows: Int, columns: Int) =
            switch layout.granularity {
            case .block(let rows, let columns): (rows, columns)
            // A scale of the whole matrix is repeated for each row, so that a few rows can be decoded at a time.
            case .channel, .tensor: (1, columns)
            }
        return .decode(
            DecodeRule(
                scaleShard: shard, scale: scale, blockRows: block.rows, blockColumns: block.columns,
                target: target, coversMatrix: layout.granularity == .tensor))
    }

    /// Shard names announce their count: when a shard fell away the others are renumbered.
    private func renumbered(_ shards: [ShardConversion]) throws(Failure) -> [ShardConversion] {
        guard shards.count != checkpoint.shards.count else { return shards }
        var renamed: [ShardConversion] = []
        for (index, shard) in shards.enumerated() {
            renamed.append(
                try ShardConversion(
                    sourceShard: shard.sourceShard, name: shardName(index, of: shards.count),
                    conversions: shard.conversions))
        }
        return renamed
    }
}
