// The draft vocabulary of a file: offsets d2t, which must rise as ids do, and the mask t2d, which must say the same.

import Checkpoints
import Diagnostics
import Tensors

extension DraftVocabulary {
    /// Reads the maps of a head; without offsets a draft id is its target id.
    ///
    /// - Returns: nil with findings when the offsets name no vocabulary; the mask is then not judged.
    static func read(
        _ tensors: HeadTensors, in checkpoint: Checkpoint, _ c: HeadConfiguration,
        _ findings: inout [Finding]
    ) throws(Failure) -> DraftVocabulary? {
        guard let place = tensors.offsets else {
            guard c.draftVocabularySize == c.vocabularySize else { return nil }
            return DraftVocabulary(
                targetIds: Array(0..<c.vocabularySize), vocabularySize: c.vocabularySize)
        }
        let file = checkpoint.path(ofShard: place.shard)
        let offsets = try offsets(place.record, file)
        let ids = offsets.enumerated().map { $0.addingReportingOverflow(Int($1)).partialValue }
        guard let vocabulary = DraftVocabulary(targetIds: ids, vocabularySize: c.vocabularySize) else {
            findings.append(impossible(offsets, c.vocabularySize, file))
            return nil
        }
        try checkMask(tensors.mask, vocabulary, checkpoint, &findings)
        return vocabulary
    }

    private static func offsets(_ record: TensorRecord, _ file: String) throws(Failure) -> [Int64] {
        let bytes = try FileAccess.read(file, range: record.dataRange)
        return bytes.withUnsafeBytes { buffer in
            (0..<record.shape.dimensions[0]).map { index in
                record.dtype == .i64
                    ? Int64(littleEndian: buffer.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
                    : Int64(
                        Int32(littleEndian: buffer.loadUnaligned(fromByteOffset: index * 4, as: Int32.self)))
            }
        }
    }

    /// The finding for the first offset that cannot be.
    private static func impossible(_ offsets: [Int64], _ size: Int, _ file: String) -> Finding {
        var last: Int64 = -1
        var wrong = 0
        for (index, offset) in offsets.enumerated() {
            let id = Int64(index).addingReportingOverflow(offset)
            wrong = index
            if id.overflow || id.partialValue <= last || id.partialValue >= size { break }
            last = id.partialValue
        }
        let offset = offsets[wrong]
        let id = Int64(wrong).addingReportingOverflow(offset).partialValue
        let isAscending = zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 }
        let areIds = isAscending && offsets.allSatisfy { (0..<Int64(size)).contains($0) }
        return Finding(
            .error, .offsetsImpossible,
            id >= size || id < 0
                ? "a draft token stands for no token of the target" : "the draft vocabulary is out of order",
            file: file, tensor: HeadForm.offsetsName,
            expected: "target id less draft id, rising target ids from 0 to \(size - 1)",
            found: "d2t[\(wrong)] = \(offset), so target id \(id) after \(last)",
            remedy: areIds
                ? "these look like target ids: subtract the draft id from each"
                : "export the head again from its training")
    }

    private static func checkMask(
        _ place: HeadTensor?, _ vocabulary: DraftVocabulary, _ checkpoint: Checkpoint,
        _ findings: inout [Finding]
    ) throws(Failure) {
        guard let place else { return }
        let file = checkpoint.path(ofShard: place.shard)
        let mask = try FileAccess.read(file, range: place.record.dataRange)
        let wanted = vocabulary.t2d
        let wrong = mask.indices.filter { (mask[$0] != 0) != wanted[$0] }
        guard let first = wrong.first else { return }
        findings.append(
            Finding(
                .error, .maskDisagrees, "t2d and d2t name different draft vocabularies", file: file,
                tensor: HeadForm.maskName,
                expected: "true for the \(grouped(vocabulary.count)) tokens of d2t and for no other",
                found: "\(mask[first] != 0) for token \(first), and \(grouped(wrong.count)) tokens differ",
                remedy: "write t2d from d2t: ingot draft convert cannot know which of the two is right"))
    }
}
