// What the data of a checkpoint shows, judged by role: a NaN anywhere, an expert of nothing but zeros, a file
// that is no longer what the record beside it says.

import Checkpoints
import Diagnostics

/// Judges scans of tensors.
package struct DataAudit {
    private let checkpoint: Checkpoint
    private let inventory: TensorInventory?
    private let recorded: [String: String]
    private var collector = FindingCollector()

    /// - Parameter recorded: SHA-256 of files by name, as the record beside them says.
    package init(_ checkpoint: Checkpoint, inventory: TensorInventory?, recorded: [String: String]) {
        self.checkpoint = checkpoint
        self.inventory = inventory
        self.recorded = recorded
    }

    /// The findings so far.
    package var findings: [Finding] { collector.findings }

    /// Judges the data of one tensor.
    package mutating func observe(_ scan: TensorScan) {
        let file = checkpoint.shards[scan.shard].name
        let tensor = "\(scan.record.name) \(scan.record.shape) \(scan.record.dtype.rawValue)"
        if let coordinate = scan.coordinate {
            collector.add(
                Finding(
                    .error, .dataNotFinite, "the tensor holds a number that is not finite", file: file,
                    tensor: tensor, expected: "finite numbers", found: "NaN or infinity at \(coordinate)",
                    remedy: "take this tensor from an intact copy of the checkpoint"))
        }
        // A router bias may be all zero; a weight that is says that training or copying lost it.
        if scan.isAllZero, scan.record.dataRange.count > 0, scan.record.shape.rank == 2,
            inventory?[name: scan.record.name] != nil
        {
            collector.add(
                Finding(
                    .warning, .dataAllZero, "the weight is zero everywhere", file: file, tensor: tensor,
                    expected: "trained weights", found: "\(grouped(scan.record.dataRange.count)) zero bytes",
                    remedy: "compare with the original checkpoint"))
        }
    }

    /// Judges the digest of a whole shard against the record.
    package mutating func observe(shard: Int, digest: String) {
        let name = checkpoint.shards[shard].name
        guard let expected = recorded[name], expected != digest else { return }
        collector.add(
            Finding(
                .error, .dataNotAsRecorded, "the shard is not what its record says", file: name,
                expected: "sha256 \(expected)", found: "sha256 \(digest)",
                remedy: "copy the shard again, or make the artefact anew"))
    }
}
