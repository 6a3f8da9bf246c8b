// A head in a folder: its config read, its tensors found, its vocabulary known. Weights are read when asked for, in
// the type they are stored in.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// An opened head.
///
/// - Checked by: HeadFormTests, HeadDamageTests.
package struct HeadFile: Sendable {
    package let checkpoint: Checkpoint
    package let document: HeadDocument
    package let tensors: HeadTensors
    package let vocabulary: DraftVocabulary

    package var configuration: HeadConfiguration { document.configuration }
    package var folder: String { checkpoint.folder }
    package var layout: HeadLayout { HeadLayout(configuration) }

    /// The key of metadata that carries what only the speculators form says.
    package static let speculatorsKey = "ingot_speculators"

    /// The key of metadata that says that a user gave what only the speculators form says.
    package static let verifierKey = "ingot_verifier"

    /// What could be read of a folder, and everything that is wrong with it.
    package struct Reading: Sendable {
        /// Nil when the config cannot be read.
        package let document: HeadDocument?
        /// Nil when an error is among the findings.
        package let head: HeadFile?
        package let findings: [Finding]
    }

    /// Opens a head that is sound.
    ///
    /// - Parameters:
    ///   - layers: how layer ids count, if the user says so.
    ///   - layerCount: layers of the target, if it is known.
    /// - Throws: all that is wrong with it.
    package static func open(
        _ folder: String, layers: LayerConvention? = nil, layerCount: Int? = nil
    ) throws(Failure) -> HeadFile {
        let reading = try read(folder, layers: layers, layerCount: layerCount)
        guard let head = reading.head else { throw Failure(reading.findings) }
        return head
    }

    /// Reads all of a head but its weights.
    ///
    /// - Throws: only what leaves nothing to be read.
    package static func read(
        _ folder: String, layers: LayerConvention? = nil, layerCount: Int? = nil
    ) throws(Failure) -> Reading {
        let checkpoint = try Checkpoint.open(folder)
        let path = checkpoint.path(of: HeadDocument.fileName)
        let bytes = try FileAccess.read(path, limit: HeadDocument.sizeLimit)
        var findings = checkpoint.findings
        let object = try readDocument(bytes, code: .headConfigMalformed, file: path) {
            (value) throws(DocumentError) in
            guard case .object(let object) = value else {
                throw DocumentError(
                    path: "", what: "this is not an object", expected: "an object", found: value.kind)
            }
            return object
        }
        let document: HeadDocument
        do throws(Failure) {
            document = try HeadDocument(
                object, file: path,
                context: context(checkpoint, LayerIdHints(asked: layers, layerCount: layerCount)))
        } catch { return Reading(document: nil, head: nil, findings: findings + error.findings) }
        let tensors = HeadTensors(checkpoint, document, &findings)
        let vocabulary = try DraftVocabulary.read(tensors, in: checkpoint, document.configuration, &findings)
        guard let vocabulary, !findings.contains(where: { $0.level == .error }) else {
            return Reading(document: document, head: nil, findings: findings)
        }
        let head = HeadFile(
            checkpoint: checkpoint, document: document, tensors: tensors, vocabulary: vocabulary)
        return Reading(document: document, head: head, findings: findings)
    }

    private static func context(_ checkpoint: Checkpoint, _ hints: LayerIdHints) -> HeadDocument.Context {
        let headers = checkpoint.shards.map(\.header)
        var hints = hints
        hints.marked = headers.lazy.compactMap { $0.metadata(LayerIds.metadataKey) }.first
            .flatMap(LayerConvention.init)
        let layers = HeadForm.vllm.name(of: .query)
        var context = HeadDocument.Context(hints: hints)
        context.namesLayers = checkpoint.tensor(named: layers) != nil
        context.speculatorsIsGiven = headers.contains { $0.metadata(verifierKey) != nil }
        if let text = headers.lazy.compactMap({ $0.metadata(speculatorsKey) }).first,
            let value = try? JSONValue(parsing: Array(text.utf8)), case .object(let object) = value
        {
            context.speculators = object
        }
        return context
    }

    // MARK: Weights

    /// A parameter as it is stored; vectors are matrices of one row.
    package func weight(_ parameter: HeadParameter) throws(Failure) -> WeightMatrix {
        guard let tensor = tensors.parameters[parameter], let entry = layout[parameter] else {
            preconditionFailure("\(parameter) is no parameter of this head")
        }
        return try weight(tensor, rows: entry.rows, columns: entry.columns)
    }

    /// The head's own embedding, [V, H]; nil when it takes the target's.
    package func embedding() throws(Failure) -> WeightMatrix? {
        guard let tensor = tensors.embedding else { return nil }
        return try weight(
            tensor, rows: configuration.vocabularySize, columns: configuration.hiddenSize)
    }

    private func weight(_ tensor: HeadTensor, rows: Int, columns: Int) throws(Failure) -> WeightMatrix {
        let format: WeightMatrix.Format =
            switch tensor.record.dtype {
            case .f32: .f32
            case .f16: .f16
            default: .bf16
            }
        return WeightMatrix(
            format: format, rows: rows, columns: columns,
            bytes: try FileAccess.read(
                checkpoint.path(ofShard: tensor.shard), range: tensor.record.dataRange))
    }

    /// All parameters in the order of the layout, as F32.
    package func parameters() throws(Failure) -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(layout.count)
        for entry in layout.entries { values += try weight(entry.parameter).decoded }
        return values
    }
}
