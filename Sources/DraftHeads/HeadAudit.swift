// What can be said of a head before it is served: from its files, against its target, and on a text.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// The audit of one head.
///
/// - Checked by: HeadAuditTests, HeadDamageTests.
package struct HeadAudit: Sendable {
    package let folder: String
    package let target: BailingMoeV2Configuration
    /// Nil when the config cannot be read.
    package let document: HeadDocument?
    /// Nil when an error keeps it from being used.
    package let head: HeadFile?
    /// Weights whose every element was seen to be finite; nil when they were not read.
    package let weightsRead: Int?
    package private(set) var findings: [Finding]
    /// What a text showed; nil without one.
    package private(set) var onText: TextAudit?

    /// Reads the files of a head; weights are streamed.
    ///
    /// - Parameters:
    ///   - layers: how layer ids count, if the user says so.
    ///   - readsWeights: whether to look at every weight.
    /// - Throws: only what leaves nothing to be said.
    package init(
        _ folder: String, target: BailingMoeV2Configuration, layers: LayerConvention?, readsWeights: Bool
    ) throws(Failure) {
        self.folder = folder
        self.target = target
        let reading = try HeadFile.read(folder, layers: layers, layerCount: target.layerCount)
        var findings = reading.findings
        if let document = reading.document {
            findings += Self.configFindings(document, target, joined(folder, HeadDocument.fileName))
        }
        if let head = reading.head {
            findings += head.mismatches(target)
            if readsWeights { findings += try head.weightFindings() }
        }
        document = reading.document
        weightsRead = readsWeights ? reading.head?.layout.count : nil
        head = findings.contains { Self.stops.contains($0.code) && $0.level == .error } ? nil : reading.head
        self.findings = findings
    }

    /// Codes of errors after which a head cannot be run.
    private static let stops: Set<DiagnosticCode> = [.headOfAnotherTarget, .headNotFinite]

    private static func configFindings(
        _ document: HeadDocument, _ target: BailingMoeV2Configuration, _ file: String
    ) -> [Finding] {
        let c = document.configuration
        var findings: [Finding] = []
        for (key, id) in document.strayTokenIds {
            findings.append(
                Finding(
                    .error, .headTokenIds, "a token id lies outside the vocabulary", file: file, field: key,
                    expected: "an id below vocab_size, \(grouped(c.vocabularySize))", found: "\(id)",
                    remedy: "take the target's; ingot draft attach does"))
        }
        if !document.saysRopeTheta {
            findings.append(
                Finding(
                    .warning, .ropeThetaUnsaid, "the rotary base is left to the library's default",
                    file: file,
                    field: "rope_theta", expected: "a number", found: "no such key, so \(c.ropeTheta)",
                    remedy: "write the base of the training; the target's is \(target.ropeTheta)"))
        }
        if c.rmsNormEpsilon != target.rmsNormEpsilon {
            findings.append(
                Finding(
                    .warning, .epsilonDiffers, "the head's norms add another ε than the target's", file: file,
                    field: "rms_norm_eps", expected: "\(target.rmsNormEpsilon), the target's",
                    found: "\(c.rmsNormEpsilon)", remedy: "make sure that the head was trained with it"))
        }
        if c.mlpWidth < c.hiddenSize {
            findings.append(
                Finding(
                    .warning, .contractingMLP, "the head's MLP is narrower than what it reads", file: file,
                    field: "intermediate_size", expected: "at least hidden_size, \(grouped(c.hiddenSize))",
                    found: grouped(c.mlpWidth),
                    remedy:
                        "train with three times the hidden size; one expert's width is no measure for a head")
            )
        }
        if c.contextLength < target.contextLength {
            findings.append(
                Finding(
                    .note, .headContextShort, "the head was made for shorter texts than its target",
                    file: file, field: "max_position_embeddings",
                    expected: grouped(target.contextLength), found: grouped(c.contextLength),
                    remedy: "expect fewer accepted tokens beyond"))
        }
        return findings
    }

    /// Guesses on texts, with the stated layers and with the ones before and after.
    package mutating func read(
        _ texts: [[Int]], pass: ForwardPass, profile: AuditProfile
    ) throws(Failure) {
        guard let head else { return }
        let audit = try TextAudit(head, texts, pass: pass)
        onText = audit
        findings += audit.findings(head, profile)
    }
}

extension HeadFile {
    /// Bytes looked at at once.
    private static let piece = 1 << 20

    /// The weights that hold NaN or infinities, one finding each; read in pieces.
    func weightFindings() throws(Failure) -> [Finding] {
        var findings: [Finding] = []
        let named = layout.entries.map { ($0.parameter as HeadParameter?, tensors.parameters[$0.parameter]) }
        for (parameter, tensor) in named + [(nil, tensors.embedding)] {
            guard let tensor else { continue }
            let path = checkpoint.path(ofShard: tensor.shard)
            let reader = try RangeReader(path: path)
            let range = tensor.record.dataRange
            var found: String?
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.piece)
            where found == nil {
                try reader.read(start..<min(start + Self.piece, range.upperBound)) {
                    found = firstNotFinite($0, tensor.record.dtype)
                }
            }
            guard let found else { continue }
            let name = parameter.map(document.form.name) ?? HeadForm.embeddingName
            findings.append(headNotFinite(file: path, tensor: name, found: found))
        }
        return findings
    }
}
