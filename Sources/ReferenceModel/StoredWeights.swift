// Which tensor of a checkpoint holds which weight, and what its bytes mean: decided from headers, once.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Tensors

/// Where a weight is stored.
struct StoredWeight: Sendable {
    let name: String
    let shard: Int
    let record: TensorRecord
    /// The scales of FP8 codes, with what shares one.
    let scales: (shard: Int, record: TensorRecord, granularity: FP8Layout.Granularity)?
    /// The scale of the inputs; nil where they are scaled as they come.
    var inputScale: (shard: Int, record: TensorRecord)?

    /// N; vectors are one row.
    var rows: Int { record.shape.rank == 2 ? record.shape.dimensions[0] : 1 }
    /// K.
    var columns: Int { record.shape.dimensions.last ?? 1 }
}

extension StoredWeight {
    /// Finds every weight of an inventory.
    ///
    /// - Throws: all tensors that are missing, of another shape than the config gives them, or stored in
    ///   a type that no pass can read.
    static func find(
        in checkpoint: Checkpoint, _ quantised: QuantisedInventory
    ) throws(Failure) -> [WeightKey: StoredWeight] {
        var found: [WeightKey: StoredWeight] = [:]
        var findings: [Finding] = []
        for (index, entry) in quantised.inventory.entries.enumerated() {
            do throws(Failure) {
                found[WeightKey(entry.role, layer: entry.layer, expert: entry.expert)] =
                    try find(entry, at: index, in: checkpoint, quantised)
            } catch { findings += error.findings }
        }
        try findings.throwErrors()
        let head = WeightKey(.outputHead)
        if quantised.inventory.configuration.tiesEmbeddings { found[head] = found[WeightKey(.embedding)] }
        return found
    }

    private static func find(
        _ entry: InventoryEntry, at index: Int, in checkpoint: Checkpoint, _ quantised: QuantisedInventory
    ) throws(Failure) -> StoredWeight {
        guard let (shard, record) = checkpoint.tensor(named: entry.name) else {
            throw failure(.tensorsMissing, "a weight of the model is not there", entry, "no such tensor")
        }
        guard record.shape == entry.shape else {
            throw failure(
                .tensorShape, "a weight has another shape than the config gives it", entry,
                "\(record.shape)")
        }
        switch record.dtype {
        case .f32, .bf16, .f16:
            return StoredWeight(name: entry.name, shard: shard, record: record, scales: nil)
        case .e4m3 where entry.shape.rank == 2:
            guard let fp8 = quantised.layout.fp8 else {
                throw failure(
                    .quantisationContradictsConfig, "a weight holds codes and the config names no layout",
                    entry, record.dtype.rawValue)
            }
            let name = entry.name + fp8.scaleSuffix
            let shape = fp8.scaleShape(of: entry.shape)
            guard let scale = checkpoint.tensor(named: name) else {
                throw failure(.scaleMissing, "a weight holds codes and has no scale", entry, "no \(name)")
            }
            guard fp8.fits(scale: scale.record.shape, of: entry.shape),
                fp8.scaleDTypes.contains(scale.record.dtype)
            else {
                throw failure(
                    .scaleMalformed, "the scale of this weight does not fit it", entry,
                    "\(scale.record.dtype.rawValue) \(scale.record.shape) for \(shape)")
            }
            return StoredWeight(
                name: entry.name, shard: shard, record: record,
                scales: (scale.shard, scale.record, fp8.granularity),
                inputScale: try inputScale(entry, in: checkpoint, fp8))
        default:
            throw failure(
                .tensorDType, "a weight is stored in a type that cannot be multiplied", entry,
                record.dtype.rawValue)
        }
    }

    private static func inputScale(
        _ entry: InventoryEntry, in checkpoint: Checkpoint, _ layout: FP8Layout
    ) throws(Failure) -> (shard: Int, record: TensorRecord)? {
        guard layout.activations == .fixed else { return nil }
        let name = entry.inputScaleName
        guard let found = checkpoint.tensor(named: name) else {
            throw failure(
                .storedScaleMissing,
                "the config says static activations and a weight has no scale of its inputs",
                entry, "no \(name)")
        }
        guard found.record.shape.elementCount == 1, StoredScale.dtypes.contains(found.record.dtype) else {
            throw failure(
                .scaleMalformed, "the scale of the inputs of this weight is not one number", entry,
                "\(found.record.dtype.rawValue) \(found.record.shape)")
        }
        return (found.shard, found.record)
    }

    private static func failure(
        _ code: DiagnosticCode, _ what: String, _ entry: InventoryEntry, _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, code, what, tensor: entry.name,
                expected: "\(entry.shape) in F32, BF16, F16, or F8_E4M3 with its scale", found: found,
                remedy: "ingot validate CHECKPOINT"))
    }

    /// Scales as the kernels take them.
    ///
    /// One scale for the whole matrix is repeated for each row, so that any row can start a panel.
    func blockScales(_ values: [Float], _ granularity: FP8Layout.Granularity) -> BlockScales {
        switch granularity {
        case .block(let height, let width):
            BlockScales(values: values, blockRows: height, blockColumns: width, columns: columns)
        case .channel: BlockScales(values: values, blockRows: 1, blockColumns: columns, columns: columns)
        case .tensor:
            BlockScales(
                values: Array(repeating: values[0], count: rows), blockRows: 1, blockColumns: columns,
                columns: columns)
        }
    }
}
