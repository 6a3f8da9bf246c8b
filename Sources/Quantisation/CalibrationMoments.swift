// The mean squares of inputs that a calibration has recorded, for a search that weighs columns.

import Architectures
import Calibration
import Diagnostics
import ReferenceModel

/// Moments of a calibration, read one weight at a time.
package struct CalibrationMoments: InputMoments {
    private let record: CalibrationRecord
    private let inventory: TensorInventory

    /// - Throws: SCHEME-009 for a calibration without second moments.
    package init(_ record: CalibrationRecord, _ inventory: TensorInventory) throws(Failure) {
        self.record = record
        self.inventory = inventory
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
        let columns = inventory.entries.first {
            $0.role == key.role && $0.layer == key.layer && $0.expert == key.expert
        }?.shape.dimensions.last
        guard moments.count == columns, moments.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
            throw Self.failure(
                record, "moments of \(columns ?? 0) channels for \(key.role.name)", "\(moments.count)")
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
