// The weights: what validate says of them, held to the measure of a publication, and what the hubs will show.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// The checks of shards, index and config.
struct WeightCheck {
    let release: Release

    /// Said by validate for its own readers, or judged here in another way.
    ///
    /// CKPT-073 speaks of outputs of a conversion; CKPT-075 and QUANT-009 have their own rule here.
    private static let replaced = ["CKPT-073", "CKPT-075", "QUANT-009"]

    func findings() -> [Finding] {
        guard let judged = release.judged else { return release.openFindings.map(Self.raised) }
        var findings = judged.judgement.findings
        if let audit = judged.audit, let layout = judged.judgement.configuration?.quantisation.fp8 {
            // A scale_fmt that is not true stays an error.
            findings += audit.findings(layout).filter { $0.level == .error }
        }
        findings = findings.filter { $0.level == .error || !Self.replaced.contains($0.code.name) }
            .map(Self.raised)
        return findings + scaleKind(judged) + shards(judged.checkpoint) + totals(judged)
    }

    /// What validate warns of is wrong in something that others will load.
    static func raised(_ finding: Finding) -> Finding {
        guard finding.level == .warning else { return finding }
        var finding = finding
        finding.level = .error
        return finding
    }

    // MARK: Scales

    private func scaleKind(_ judged: JudgedCheckpoint) -> [Finding] {
        guard let layout = judged.judgement.configuration?.quantisation.fp8, let audit = judged.audit,
            case .block = layout.granularity, let kind = audit.kind
        else { return [] }
        switch kind {
        case .powersOfTwo where !layout.saysPowersOfTwo && layout.container == .deepSeek:
            return [
                Finding(
                    .error, .scaleKindUnsaid,
                    "every scale is a power of two and nothing says so: engines would round them again",
                    file: "config.json", field: "quantization_config.scale_fmt", expected: "ue8m0",
                    found: "no such key", remedy: "add \"scale_fmt\": \"ue8m0\"")
            ]
        case .mixed where !recordNamesScheme:
            let roles = audit.roles.map { "\($0.role.name): \($0.tally.kind.rawValue)" }
            return [
                Finding(
                    .error, .scaleKindUnsaid,
                    "scales of two kinds, and nothing says which weights have which",
                    file: "config.json", field: "quantization_config",
                    expected: "quantisation.json with the scheme", found: roles.joined(separator: "\n"),
                    remedy: "publish the record of the conversion with the weights")
            ]
        default: return []
        }
    }

    private var recordNamesScheme: Bool {
        (try? QuantisationSummary.read(release.folder))?.scheme != nil
    }

    // MARK: Shards and index

    private func shards(_ checkpoint: Checkpoint) -> [Finding] {
        var findings: [Finding] = []
        for shard in checkpoint.shards {
            // A shard without any metadata is taken (llm-compressor writes such), one whose metadata leave it out is not.
            let metadata = shard.header.metadata
            let format = metadata.first { $0.key == "format" }?.value
            if !metadata.isEmpty, format != "pt" {
                findings.append(
                    Finding(
                        .error, .shardFormatUnsaid,
                        "transformers refuses a shard whose metadata do not say its format",
                        file: shard.name, field: "__metadata__.format", expected: "pt",
                        found: format ?? "no such key",
                        remedy: "ingot publish prepare writes the headers anew"))
            }
            if shard.name != "model.safetensors", !Self.isNumbered(shard.name) {
                findings.append(
                    Finding(
                        .error, .shardNameUnusual, "the hub does not take this file for a shard",
                        file: shard.name, expected: "model-00001-of-00012.safetensors, or model.safetensors",
                        found: shard.name, remedy: "ingot publish prepare names shards anew"))
            }
        }
        return findings
    }

    /// - Source: huggingface.js parse-safetensors-metadata.ts: five or six digits each.
    private static func isNumbered(_ name: String) -> Bool {
        name.wholeMatch(of: #/[A-Za-z0-9_.-]+-[0-9]{5,6}-of-[0-9]{5,6}\.safetensors/#) != nil
    }

    private func totals(_ judged: JudgedCheckpoint) -> [Finding] {
        let checkpoint = judged.checkpoint
        let shown = HubParameterCount(checkpoint).count
        var findings: [Finding] = []
        var total: Int?
        if checkpoint.hasIndex,
            let index = try? CheckpointIndex.read(path: checkpoint.path(of: CheckpointIndex.fileName)).index
        {
            if index.totalSize == nil {
                findings.append(
                    Finding(
                        .error, .totalSizeMissing, "transformers stops at an index without its total",
                        file: CheckpointIndex.fileName, field: "metadata.total_size",
                        expected: "\(checkpoint.dataBytes)", found: "no such key",
                        remedy: "ingot publish check DIR --fix writes it"))
            }
            total = index.totalParameters
        }
        let parameters = judged.judgement.found.parameterCount
        let count = min(total ?? shown, shown)
        // The hub counts scales of inputs and of the cache; the model is no other for those few.
        if let match = judged.judgement.match, match.unexpected.isEmpty,
            ![parameters, parameters + match.stored.count].contains(count)
        {
            findings.append(
                Finding(
                    .error, .parameterCountWrong, "the hub would show another size of model",
                    file: CheckpointIndex.fileName, field: "metadata.total_parameters",
                    expected: "\(grouped(parameters)) parameters", found: grouped(count),
                    remedy: "ingot publish check DIR --fix counts them anew"))
        }
        return findings
    }
}

/// The number of parameters as the hub's page counts them.
///
/// - Source: huggingface.js packages/hub parse-safetensors-metadata.ts: scales, zero points and packed shapes are
///   left out by their names and types.
struct HubParameterCount {
    private(set) var count = 0

    private static let leftOut = [
        "weight_scale", "weight_scale_inv", "weight_zero_point", "weight_shape", "_scales",
    ]

    init(_ checkpoint: Checkpoint) {
        for shard in checkpoint.shards {
            for tensor in shard.header.tensors {
                guard tensor.dtype != .e8m0, !Self.leftOut.contains(where: tensor.name.hasSuffix) else {
                    continue
                }
                count += tensor.shape.elementCount ?? 0
            }
        }
    }
}
