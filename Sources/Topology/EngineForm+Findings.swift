// What an output form with an engine's names cannot hold: said before anything is written, because an engine that
// reads such a folder has no way to see it.

import Architectures
import Diagnostics

extension EngineForm {
    /// What this form cannot hold.
    func findings(_ artefact: ArtefactTensors, _ rules: SplitRules) -> [Finding] {
        var findings: [Finding] = []
        let topology = rules.topology
        if topology.data > 1 {
            findings.append(
                refusal(
                    "file names of this form do not tell data-parallel ranks apart", expected: "DP 1",
                    found: "DP \(topology.data)", remedy: "--form hf or --form ranks"))
        }
        if artefact.configuration.tiesEmbeddings {
            findings.append(
                refusal(
                    "which name a tied embedding gets was not tried", expected: "an output head of its own",
                    found: "tied embeddings", remedy: "--form hf"))
        }
        if case .listed = rules.placement {
            // The stack of a rank has no numbers of experts in it: the engine would take them as linear.
            findings.append(
                refusal(
                    "the engine reads no map of experts beside files of this form",
                    expected: "linear placement", found: "\(rules.placement.name.rawValue) placement",
                    remedy: "--placement linear, or --form hf or --form ranks"))
        }
        switch self {
        case .vllmShardedState: findings += vllmFindings(artefact)
        case .deepSeekMP: findings += degreeFindings(topology)
        }
        return findings + mixedPieces(artefact) + scalesLeftOut(artefact) + predictionNote(artefact)
    }

    private func refusal(
        _ what: String, tensor: String? = nil, expected: String, found: String, remedy: String
    ) -> Finding {
        Finding(
            .error, .outputCannotHold, what, tensor: tensor, option: "--form \(rawValue)",
            expected: expected, found: found, remedy: remedy)
    }

    private func vllmFindings(_ artefact: ArtefactTensors) -> [Finding] {
        guard let granularity = artefact.granularity else { return [] }
        if case .block = granularity, artefact.quantised.layout.fp8?.container == .deepSeek,
            artefact.kinds.allSatisfy({ $0.scaleDType ?? .f32 == .f32 })
        {
            return []
        }
        return [
            refusal(
                "only DeepSeek's blocks with F32 scales were compared with the engine",
                expected: "fp8-block, or 16-bit weights", found: artefact.quantised.layout.fp8?.title ?? "",
                remedy: "--form hf or --form ranks")
        ]
    }

    private func degreeFindings(_ topology: ParallelTopology) -> [Finding] {
        let mp = topology.tensor
        guard topology.expert != mp || topology.pipeline != 1 else { return [] }
        let name = ParallelTopology(tensor: mp, expert: mp).name
        return [
            refusal(
                "this form cuts all but experts by its one degree, which also divides the experts",
                expected: name, found: topology.name, remedy: "--topology \(name)")
        ]
    }

    /// Gate and up, and the experts of a layer, become one tensor of the engine: it has one type, and a scale
    /// for all of it or none.
    private func mixedPieces(_ artefact: ArtefactTensors) -> [Finding] {
        var kinds: [String: TensorKind] = [:]
        for tensor in artefact.tensors {
            kinds[artefact.inventory.entries[tensor.entry].name] = artefact.kinds[tensor.kind]
        }
        // One stage holds everything: what becomes one tensor is the same in every topology.
        let whole = SplitRules(
            artefact.configuration, ParallelTopology(), family: .vllm, remainder: .middle,
            vocabularyMultiple: 1)
        for tensor in tensors(artefact, whole, stage: 0) {
            let pieces = tensor.pieces.filter { !$0.isScale }
            guard let first = pieces.first.flatMap({ kinds[$0.name] }) else { continue }
            for piece in pieces.dropFirst() {
                guard let kind = kinds[piece.name], !kind.isStored(like: first) else { continue }
                return [
                    refusal(
                        "parts of one tensor of the engine are stored differently", tensor: piece.name,
                        expected: "\(first.storage) like the others in \(tensor.name)",
                        found: kind.storage, remedy: "--form hf or --form ranks")
                ]
            }
        }
        return []
    }

    private func scalesLeftOut(_ artefact: ArtefactTensors) -> [Finding] {
        guard let first = artefact.otherScales.first else { return [] }
        return [
            refusal(
                "this form has no place for scales of inputs, keys and values", tensor: first,
                expected: "weights with scales of their own",
                found:
                    "\(grouped(artefact.otherScales.count)) other scales, which the engine would do without",
                remedy: "--form hf or --form ranks")
        ]
    }

    private func predictionNote(_ artefact: ArtefactTensors) -> [Finding] {
        guard artefact.configuration.predictionLayerCount > 0 else { return [] }
        return [
            Finding(
                .warning, .predictionLeftOut, "the prediction layer is left out",
                option: "--form \(rawValue)", expected: "a model without one",
                found: "num_nextn_predict_layers \(artefact.configuration.predictionLayerCount)",
                remedy: "--form hf or --form ranks to keep it")
        ]
    }
}

extension TensorKind {
    /// Whether two weights can stand in one tensor, and their scales in one other.
    fileprivate func isStored(like other: TensorKind) -> Bool {
        dtype == other.dtype && scaleDType == other.scaleDType
    }

    /// For messages.
    fileprivate var storage: String {
        scaleDType.map { "\(dtype.rawValue) with \($0.rawValue) scales" } ?? dtype.rawValue
    }
}
