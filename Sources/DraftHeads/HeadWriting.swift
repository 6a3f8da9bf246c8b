// Writes the two files of a head, config.json and model.safetensors, in any form. Tensors stand in the order of the
// layout, the maps at the end, whatever order they were read in: the same head gives the same bytes.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A head to be written: what it is, and where its bytes come from.
package struct HeadContent {
    /// Says the form too.
    package let document: HeadDocument
    package let vocabulary: DraftVocabulary
    /// Of each weight, in the order of the layout, then the embedding's if it has one.
    package let weights: [Weight]

    /// One weight in the type it is written in.
    package struct Weight {
        /// Nil is a copy of the target's embedding.
        package let parameter: HeadParameter?
        package let shape: Shape
        package let dtype: DType
        /// Fills a buffer with the bytes of the tensor from an offset on; both are multiples of 8 but at the end.
        package let fill: (_ offset: Int, _ target: UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    }

    /// The file's name in a head's folder.
    package static let tensorsName = "model.safetensors"

    /// A head that was trained: parameters in the order of the layout, rounded to a type.
    ///
    /// - Parameters:
    ///   - parameters: `HeadLayout(document.configuration).count` of them.
    ///   - dtype: BF16, F16 or F32.
    package init(_ document: HeadDocument, vocabulary: DraftVocabulary, parameters: [Float], dtype: DType) {
        let layout = HeadLayout(document.configuration)
        precondition(parameters.count == layout.count, "parameters of another head")
        self.document = document
        self.vocabulary = vocabulary
        weights = layout.entries.map { entry in
            Weight(parameter: entry.parameter, shape: entry.fileShape, dtype: dtype) { offset, target in
                let width = dtype.bits / 8
                let first = entry.offset + offset / width
                for index in 0..<target.count / width {
                    let value = parameters[first + index]
                    switch dtype {
                    case .f32:
                        target.storeBytes(
                            of: value.bitPattern.littleEndian, toByteOffset: index * 4, as: UInt32.self)
                    case .f16:
                        target.storeBytes(
                            of: F16.encode(value).littleEndian, toByteOffset: index * 2, as: UInt16.self)
                    default:
                        target.storeBytes(
                            of: BF16.encode(value).littleEndian, toByteOffset: index * 2, as: UInt16.self)
                    }
                }
            }
        }
    }

    /// A head as it lies in a folder, to be written with another document: bytes are copied.
    package init(_ head: HeadFile, as document: HeadDocument) {
        self.document = document
        vocabulary = head.vocabulary
        var sources = head.layout.entries.map { entry in
            (HeadParameter?.some(entry.parameter), head.tensors.parameters[entry.parameter])
        }
        if let embedding = head.tensors.embedding { sources.append((nil, embedding)) }
        weights = sources.compactMap { parameter, tensor in
            guard let tensor else { return nil }
            let path = head.checkpoint.path(ofShard: tensor.shard)
            return Weight(parameter: parameter, shape: tensor.record.shape, dtype: tensor.record.dtype) {
                (offset, target) throws(Failure) in
                let start = tensor.record.dataRange.lowerBound + offset
                target.copyBytes(from: try FileAccess.read(path, range: start..<start + target.count))
            }
        }
    }

    /// Type of most of the weights' bytes, which the config names.
    package var dtype: DType { weights.first { $0.parameter == .draftLogits }?.dtype ?? .bf16 }
}

extension HeadLayout.Entry {
    /// The shape of its tensor.
    package var fileShape: Shape { isNorm ? [columns] : [rows, columns] }
}

extension HeadContent {
    /// Bytes handled at once.
    private static let piece = 1 << 20

    /// What a folder of this head will hold, in bytes.
    package func byteCount() throws(Failure) -> Int { try plan().header.fileSize + (1 << 14) }

    /// Writes both files into a folder that is there.
    ///
    /// - Throws: DRAFT-043 when the form cannot say the head; DRAFT-041 when a weight is no number in its type.
    package func write(to folder: String) throws(Failure) {
        let config = JSONValue.object(try document.written(dtype: dtype)).text() + "\n"
        let path = joined(folder, Self.tensorsName)
        let plan = try plan()
        let file = try WriteBehind(
            path: path, length: plan.header.fileSize, longest: Self.piece, block: 4 << 20, depth: 3)
        do throws(Failure) {
            try plan.bytes.withUnsafeBytes { (bytes) -> Result<Void, Failure> in
                do throws(Failure) { return .success(try file.append(bytes, longest: Self.piece)) } catch {
                    return .failure(error)
                }
            }.get()
            for item in plan.items { try write(item, to: file, path) }
            _ = try file.seal()
        } catch {
            file.abandon()
            throw error
        }
        _ = try FileAccess.writeSealed(config, to: joined(folder, HeadDocument.fileName))
    }

    private enum Item {
        case weight(Weight, name: String)
        case offsets
        case mask
    }

    private func plan() throws(Failure) -> (bytes: [UInt8], header: ShardHeader, items: [Item]) {
        var items = weights.map { weight in
            Item.weight(
                weight, name: weight.parameter.map(document.form.name) ?? HeadForm.embeddingName)
        }
        // vLLM has no place for a map that maps nothing, and stops over one.
        if document.form == .specforge || vocabulary.count < vocabulary.vocabularySize {
            items += [.offsets, .mask]
        }
        let descriptions = items.map { item in
            switch item {
            case .weight(let weight, let name):
                TensorDescription(name: name, dtype: weight.dtype, shape: weight.shape)
            case .offsets:
                TensorDescription(name: HeadForm.offsetsName, dtype: .i64, shape: [vocabulary.count])
            case .mask:
                TensorDescription(name: HeadForm.maskName, dtype: .bool, shape: [vocabulary.vocabularySize])
            }
        }
        let order = ShardHeader.fileOrder(descriptions)
        do throws(HeaderError) {
            let written = try ShardHeader.written(order.map { descriptions[$0] }, metadata: metadata)
            return (written.bytes, written.header, order.map { items[$0] })
        } catch { throw Failure(error.finding(file: Self.tensorsName)) }
    }

    /// What a file of this form says beside its tensors: how layer ids count, and what only speculators says.
    private var metadata: [ShardHeader.Pair] {
        var pairs = ShardHeader.writtenMetadata
        pairs.append(
            ShardHeader.Pair(key: LayerIds.metadataKey, value: document.convention.rawValue))
        if document.form == .speculators {
            if document.speculatorsIsGiven {
                pairs.append(ShardHeader.Pair(key: HeadFile.verifierKey, value: "given"))
            }
        } else if !document.speculatorsIsGiven, let speculators = document.speculators {
            pairs.append(
                ShardHeader.Pair(
                    key: HeadFile.speculatorsKey, value: JSONValue.object(speculators).text(.compact)))
        }
        return pairs
    }

    private func write(_ item: Item, to file: WriteBehind, _ path: String) throws(Failure) {
        switch item {
        case .weight(let weight, let name):
            let count = weight.shape.byteCount(weight.dtype) ?? 0
            for offset in stride(from: 0, to: count, by: Self.piece) {
                try file.append(min(Self.piece, count - offset)) { (room) throws(Failure) in
                    try weight.fill(offset, room)
                    try check(room, weight, name, path)
                }
            }
        case .offsets:
            try append(
                vocabulary.d2t.flatMap { value in withUnsafeBytes(of: value.littleEndian, Array.init) }, file)
        case .mask: try append(vocabulary.t2d.map { $0 ? 1 : 0 }, file)
        }
    }

    private func append(_ bytes: [UInt8], _ file: WriteBehind) throws(Failure) {
        for start in stride(from: 0, to: bytes.count, by: Self.piece) {
            let end = min(bytes.count, start + Self.piece)
            try file.append(end - start) { (room) throws(Failure) in room.copyBytes(from: bytes[start..<end])
            }
        }
    }

    private func check(
        _ bytes: UnsafeMutableRawBufferPointer, _ weight: Weight, _ name: String, _ path: String
    ) throws(Failure) {
        guard let value = firstNotFinite(UnsafeRawBufferPointer(bytes), weight.dtype) else { return }
        throw Failure(headNotFinite(file: path, tensor: name, found: value))
    }
}

/// The first element that is NaN or infinite, as text.
func firstNotFinite(_ bytes: UnsafeRawBufferPointer, _ dtype: DType) -> String? {
    switch dtype {
    case .f32:
        for index in 0..<bytes.count / 4 {
            let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
            if word & 0x7F80_0000 == 0x7F80_0000 { return "\(Float(bitPattern: word))" }
        }
    case .bf16, .f16:
        let exponent: UInt16 = dtype == .bf16 ? 0x7F80 : 0x7C00
        for index in 0..<bytes.count / 2 {
            let word = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
            if word & exponent == exponent {
                return "\(dtype == .bf16 ? BF16.decode(word) : F16.decode(word))"
            }
        }
    default: break
    }
    return nil
}

/// What is said of a weight that is no number.
func headNotFinite(file: String, tensor: String, found: String) -> Finding {
    Finding(
        .error, .headNotFinite, "a weight of the head is no number", file: file, tensor: tensor,
        expected: "finite numbers", found: found,
        remedy: "take an earlier state of the training, or copy the file again")
}
