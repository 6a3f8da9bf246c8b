// Adds up calibrations of the same model over different texts, array by array: the same bits as one run over all.

import Checkpoints
import Diagnostics
import Tensors

/// How two arrays of one name become one.
private enum Joining {
    case largest, smallest, sum

    /// From the last word of the name; nil for one that no calibration has.
    init?(_ name: String) {
        switch name.split(separator: ".").last {
        case "absmax", "group_largest": self = .largest
        case "group_smallest": self = .smallest
        case "tokens", "float16_overflows", "not_finite", "squares", "group_sums", "histogram", "beyond_448",
            "weights", "margins":
            self = .sum
        default: return nil
        }
    }
}

extension CalibrationColumn {
    /// Numbers of the kind that an array of this name has, none of them.
    fileprivate static func kind(of description: TensorDescription) -> CalibrationColumn {
        switch description.name.split(separator: ".").last {
        case "squares", "group_sums", "weights": .wide([])
        default: description.dtype == .f32 ? .floats([]) : .integers([])
        }
    }

    /// What both have seen together; the columns are of one kind and length.
    fileprivate func joined(_ other: CalibrationColumn, _ joining: Joining) -> CalibrationColumn {
        switch (self, other) {
        case (.floats(let a), .floats(let b)):
            .floats(zip(a, b).map { joining == .smallest ? min($0, $1) : max($0, $1) })
        case (.integers(let a), .integers(let b)): .integers(zip(a, b).map { $0 &+ $1 })
        case (.wide(let a), .wide(let b)): .wide(zip(a, b).map { $0 &+ $1 })
        default: self
        }
    }
}

/// Calibrations that can be added.
///
/// - Checked by: CalibrationMergeTests.
package struct CalibrationMerge: Sendable {
    private let records: [CalibrationRecord]
    private let descriptions: [TensorDescription]
    /// What the result says of itself.
    package let head: CalibrationHead

    /// Opens runs and checks that they can be added.
    ///
    /// - Parameter tool: the program with its version, for the record.
    /// - Throws: CAL-008 for fewer than two, or for runs of different models, observers or options, or of the same
    ///   texts; CAL-001 for one that is not whole.
    package init(_ folders: [String], tool: String) throws(Failure) {
        var records: [CalibrationRecord] = []
        for folder in folders { records.append(try CalibrationRecord.read(folder)) }
        guard let first = records.first, records.count > 1 else {
            throw Self.refusal(nil, "the folders of two calibrations at least", "\(records.count)")
        }
        var head = first.head
        head.tool = tool
        for record in records.dropFirst() {
            try Self.check(record, first)
            head.data += record.head.data
        }
        // By digest, not by place on the command line: the order of runs changes no byte.
        head.data.sort { ($0.digest, $0.name) < ($1.digest, $1.name) }
        for (a, b) in zip(head.data, head.data.dropFirst()) where a.digest == b.digest {
            throw Self.refusal(nil, "every file of texts once", "\(a.name) and \(b.name) are the same file")
        }
        guard head.tokens <= ExactSum.termLimit else {
            throw Self.refusal(
                nil, "at most \(grouped(ExactSum.termLimit)) tokens, which sums have room for",
                grouped(head.tokens))
        }
        descriptions = first.arrays.descriptions
        for description in descriptions where Joining(description.name) == nil {
            throw CalibrationState.malformed(
                first.folder, description.name, "an array of a calibration", "another name")
        }
        self.head = head
        self.records = records
    }

    private static func check(_ record: CalibrationRecord, _ first: CalibrationRecord) throws(Failure) {
        let (a, b) = (first.head, record.head)
        func names(_ observers: Set<Observer>) -> String {
            observers.sorted().map(\.rawValue).joined(separator: ", ")
        }
        for (what, expected, found) in [
            ("source sha256", a.sourceDigest, b.sourceDigest), ("backend", a.backend, b.backend),
            ("numerics", a.numerics, b.numerics), ("observers", names(a.observers), names(b.observers)),
            ("all_experts", "\(a.allExperts)", "\(b.allExperts)"),
            ("prediction_layer", "\(a.predicts)", "\(b.predicts)"),
        ] where expected != found {
            throw refusal(record.folder, "\(what) \(expected), as of \(first.folder)", found)
        }
        guard record.arrays.descriptions == first.arrays.descriptions else {
            throw refusal(
                record.folder, "the \(first.arrays.descriptions.count) arrays of \(first.folder)",
                "\(record.arrays.descriptions.count) arrays, or others")
        }
    }

    private static func refusal(_ folder: String?, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .calibrationsDiffer, "these calibrations cannot be added", file: folder,
                expected: expected, found: found,
                remedy: "calibrate the same checkpoint with the same options on different texts"))
    }

    /// Bytes that the result takes, about.
    package var bytes: Int { descriptions.reduce(0) { $0 + ($1.byteCount ?? 0) } }

    /// Writes the sum as a calibration.
    ///
    /// - Returns: bytes of the files of arrays together.
    /// - Complexity: memory for the longest array twice.
    package func run(output: OutputFolder, progress: any ProgressSink) throws(Failure) -> Int {
        // The journal is held while it works: two runs to one output would mix.
        let journal = try output.begin()
        do throws(Failure) {
            progress.begin(stage: "merge", total: bytes, unit: .bytes)
            defer { progress.end() }
            let written = try CalibrationFiles.write(head, descriptions, to: output.partial) {
                (index) throws(Failure) in
                try StopFlag.check(isWriting: false)
                let description = descriptions[index]
                let sum = try sum(description)
                progress.advance(description.byteCount ?? 0)
                return sum
            }
            try output.seal()
            withExtendedLifetime(journal) {}
            return written
        } catch {
            output.discard()
            throw error
        }
    }

    private func sum(_ description: TensorDescription) throws(Failure) -> CalibrationColumn {
        let kind = CalibrationColumn.kind(of: description)
        var sum: CalibrationColumn?
        guard let joining = Joining(description.name) else { return kind }
        for record in records {
            let next = try record.arrays.whole(description.name, kind)
            sum = sum?.joined(next, joining) ?? next
        }
        return sum ?? kind
    }
}
