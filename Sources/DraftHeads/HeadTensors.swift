// Where the tensors of a head lie and whether they are what its config asks for: decided from headers.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A tensor of a head in a file.
package struct HeadTensor: Sendable {
    package let shard: Int
    package let record: TensorRecord
}

/// The tensors of a head by what they are.
package struct HeadTensors: Sendable {
    package private(set) var parameters: [HeadParameter: HeadTensor] = [:]
    package private(set) var offsets: HeadTensor?
    package private(set) var mask: HeadTensor?
    package private(set) var embedding: HeadTensor?
    /// Type of most of the weights' bytes.
    package private(set) var dtype = DType.bf16

    /// Finds every tensor that the config asks for, and tells all that is missing, unexpected or misshapen.
    init(_ checkpoint: Checkpoint, _ document: HeadDocument, _ findings: inout [Finding]) {
        let c = document.configuration
        var known: Set<String> = []
        for entry in HeadLayout(c).entries {
            let name = document.form.name(of: entry.parameter)
            let shape: Shape = entry.isNorm ? [entry.columns] : [entry.rows, entry.columns]
            known.insert(name)
            parameters[entry.parameter] = Self.find(
                name, shape, Self.weightTypes, in: checkpoint, isNeeded: true, &findings)
        }
        let needsOffsets = c.draftVocabularySize < c.vocabularySize
        offsets = Self.find(
            HeadForm.offsetsName, [c.draftVocabularySize], [.i64, .i32], in: checkpoint,
            isNeeded: needsOffsets, &findings)
        mask = Self.find(
            HeadForm.maskName, [c.vocabularySize], [.bool, .u8], in: checkpoint, isNeeded: false, &findings)
        embedding = Self.find(
            HeadForm.embeddingName, [c.vocabularySize, c.hiddenSize], Self.weightTypes, in: checkpoint,
            isNeeded: false, &findings)
        known.formUnion([HeadForm.offsetsName, HeadForm.maskName, HeadForm.embeddingName])
        checkStrays(checkpoint, document.form, known, &findings)
        dtype = parameters[.draftLogits]?.record.dtype ?? .bf16
    }

    static let weightTypes: [DType] = [.bf16, .f16, .f32]

    private static func find(
        _ name: String, _ shape: Shape, _ types: [DType], in checkpoint: Checkpoint, isNeeded: Bool,
        _ findings: inout [Finding]
    ) -> HeadTensor? {
        guard let (shard, record) = checkpoint.tensor(named: name) else {
            if isNeeded {
                findings.append(
                    Finding(
                        .error, .headTensorMissing, "a tensor of the head is missing",
                        file: checkpoint.folder,
                        tensor: name, expected: "\(shape)", found: "no such tensor",
                        remedy: "export the head again; engines skip what is not there without a word"))
            }
            return nil
        }
        let file = checkpoint.path(ofShard: shard)
        guard types.contains(record.dtype) else {
            findings.append(
                Finding(
                    .error, .headTensorDType, "a tensor of the head is stored in a type that is not read",
                    file: file, tensor: name, expected: types.map(\.rawValue).joined(separator: ", "),
                    found: record.dtype.rawValue, remedy: "export the head again without quantising it"))
            return nil
        }
        guard record.shape == shape else {
            findings.append(
                Finding(
                    .error, .headTensorShape,
                    "a tensor of the head has another shape than its config gives it",
                    file: file, tensor: name, expected: "\(shape)", found: "\(record.shape)",
                    remedy: "use the config.json that the head was trained with"))
            return nil
        }
        return HeadTensor(shard: shard, record: record)
    }

    private func checkStrays(
        _ checkpoint: Checkpoint, _ form: HeadForm, _ known: Set<String>, _ findings: inout [Finding]
    ) {
        for (index, shard) in checkpoint.shards.enumerated() {
            for record in shard.header.tensors where !known.contains(record.name) {
                let near = nearMiss(record.name, among: known.sorted())
                findings.append(
                    Finding(
                        .error, .headTensorUnexpected, "a tensor is no part of this head",
                        file: checkpoint.path(ofShard: index), tensor: record.name,
                        expected: "tensors of the \(form.rawValue) form",
                        found: "\(record.dtype.rawValue) \(record.shape)",
                        remedy: near.map { "is it \($0)?" }
                            ?? "remove it; engines skip what they do not know without a word"))
            }
        }
    }
}
