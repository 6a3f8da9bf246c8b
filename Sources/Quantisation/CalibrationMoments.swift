// The mean squares of inputs that a calibration has recorded, for a search that weighs columns.

import Architectures
import Calibration
import Checkpoints
import Diagnostics
import ReferenceModel

/// Moments of a calibration, read one weight at a time.
package struct CalibrationMoments: InputMoments {
    private let record: CalibrationRecord
    /// Columns of each matrix.
    private let columns: [WeightKey: Int]

    /// - Throws: CAL-010 for a calibration of another checkpoint; SCHEME-009 for one without second moments.
    package init(
        _ record: CalibrationRecord, _ inventory: TensorInventory, of checkpoint: Checkpoint
    ) throws(Failure) {
        self.record = record
        var columns: [WeightKey: Int] = [:]
        for entry in inventory.entries where entry.shape.rank == 2 {
            let key = WeightKey(entry.role, layer: entry.layer, expert: entry.expert)
            columns[key] = entry.shape.dimensions[1]
        }
        self.columns = columns
        try record.check(isOf: checkpoint)
        guard record.head.observers.contains(.moments) else {
            throw Self.failure(record, "second moments", "none were observed")
        }
    }

    /// The data and the model that were calibrated, and how many tokens.
    package var digest: String {
        "\(record.head.sourceDigest) \(record.head.dataDigest) \(record.head.tokens)"
    }

    /// Nil for an expert that no token reached: its columns count alike.
    package func secondMoments(of key: WeightKey) throws(Failure) -> [Float]? {
        guard let inputs = try record.inputs(of: key), inputs.tokens > 0 else { return nil }
        let moments = inputs.secondMoments.map { Float($0) }
        guard moments.count == columns[key], moments.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
            throw Self.failure(
                record, "moments of \(columns[key] ?? 0) channels for \(key.role.name)", "\(moments.count)")
        }
        return moments
    }

    private static func failure(
        _ record: CalibrationRecord, _ expected: String, _ found: String
    ) -> Failure {
        Failure(
            Finding(
                .error, .searchImpossible, "this calibration cannot weigh the columns of this model",
                file: record.folder, expected: expected, found: found,
                remedy: "ingot calibrate this checkpoint, with --observe moments among others"))
    }
}
