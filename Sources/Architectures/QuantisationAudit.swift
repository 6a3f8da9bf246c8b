// Codes and scales, from headers alone: every engine skips or misreads some of what is checked here without
// a word, so that a wrong file serves garbage.

import Diagnostics
import Tensors

/// Judges the codes and scales of a checkpoint by its layout.
enum QuantisationAudit {
    /// Runs every check.
    static func findings(_ match: InventoryMatch) -> [Finding] {
        var collector = FindingCollector()
        collector.add(match.quantised.findings)
        collector.add(placement(match))
        collector.add(scales(match))
        collector.add(StoredScaleAudit.findings(match))
        return collector.findings
    }

    // MARK: Which weights hold codes

    private static func placement(_ match: InventoryMatch) -> [Finding] {
        let entries = match.quantised.inventory.entries
        var never: [InventoryEntry] = []
        var surplus: [InventoryEntry] = []
        var lacking: [InventoryEntry] = []
        var foreign: [InventoryEntry] = []
        for (index, entry) in entries.enumerated() {
            guard let header = match.weight(at: index) else { continue }
            let expectsCodes = match.quantised.isQuantised[index]
            if header.dtype.isCode {
                if !entry.role.isQuantisable {
                    never.append(entry)
                } else if !expectsCodes {
                    surplus.append(entry)
                } else if header.dtype != .e4m3 {
                    foreign.append(entry)
                }
            } else if expectsCodes {
                lacking.append(entry)
            }
        }
        var findings: [Finding] = []
        if !never.isEmpty {
            findings.append(
                Finding(
                    .error, .roleNeverQuantised,
                    "codes where every engine reads plain numbers: they would be taken for values",
                    tensor: compactedList(never), expected: "a plain element type",
                    found: "codes in \(grouped(never.count)) tensors",
                    remedy: "quantise again and leave these roles alone"))
        }
        if !surplus.isEmpty {
            let layout = match.quantised.layout
            findings.append(
                Finding(
                    .error, .quantisationContradictsConfig,
                    layout == .none
                        ? "weights hold codes and the config has no quantization_config"
                        : "weights hold codes and the skip list says they do not",
                    tensor: compactedList(surplus), expected: "plain numbers, by the config",
                    found: "codes in \(grouped(surplus.count)) tensors",
                    remedy: layout == .none
                        ? "copy quantization_config from the config this checkpoint was written with"
                        : "take these modules out of the skip list"))
        }
        if !lacking.isEmpty {
            findings.append(
                Finding(
                    .error, .quantisationContradictsConfig,
                    "weights hold plain numbers and the config says they are quantised",
                    tensor: compactedList(lacking), expected: "F8_E4M3",
                    found: "plain numbers in \(grouped(lacking.count)) tensors",
                    remedy: "list these modules in full in modules_to_not_convert"))
        }
        if !foreign.isEmpty {
            findings.append(
                Finding(
                    .error, .quantisationContradictsConfig,
                    "weights hold codes of another type than the config says",
                    tensor: compactedList(foreign), expected: "F8_E4M3",
                    found: "other codes in \(grouped(foreign.count)) tensors"))
        }
        return findings
    }

    // MARK: Scales beside weights

    private static func scales(_ match: InventoryMatch) -> [Finding] {
        let quantised = match.quantised
        var missing: [InventoryEntry] = []
        var findings: [Finding] = []
        for (index, entry) in quantised.inventory.entries.enumerated() {
            let holdsCodes = match.weight(at: index)?.dtype.isCode ?? false
            let scale = match.scale(at: index)
            guard holdsCodes else {
                if let scale { findings.append(orphan(scale, entry, match)) }
                continue
            }
            guard entry.role.isQuantisable, let layout = quantised.layout.fp8 else { continue }
            let name = entry.name + layout.scaleSuffix
            guard let scale else {
                missing.append(entry)
                continue
            }
            if scale.name != name {
                findings.append(
                    malformed(scale, match, "named for another container", name, scale.name))
            }
            let shape = layout.scaleShape(of: entry.shape)
            if !layout.fits(scale: scale.shape, of: entry.shape) {
                findings.append(
                    malformed(
                        scale, match, "of another shape than its weight asks for", "\(shape)",
                        "\(scale.shape)"))
            }
            if !layout.scaleDTypes.contains(scale.dtype) {
                findings.append(
                    malformed(
                        scale, match, "of an element type that no engine reads",
                        layout.scaleDTypes.map(\.rawValue).joined(separator: " or "), scale.dtype.rawValue))
            }
        }
        if let layout = quantised.layout.fp8, let first = missing.first {
            let shape = layout.scaleShape(of: first.shape)
            findings.insert(
                Finding(
                    .error, .scaleMissing, "weights have codes but no scale", tensor: compactedList(missing),
                    expected:
                        "\(first.name)\(layout.scaleSuffix) \(shape) \(layout.usualScaleDType.rawValue)"
                        + (missing.count > 1 ? " and \(grouped(missing.count - 1)) more like it" : ""),
                    found: "no such tensor in \(grouped(match.headers.shards.count)) shards",
                    remedy: "copy the shard that held it again, or quantise again"), at: 0)
        }
        return findings
    }

    private static func orphan(
        _ scale: TensorHeader, _ entry: InventoryEntry, _ match: InventoryMatch
    ) -> Finding {
        let index = match.quantised.inventory.index(of: entry.name)
        let weight = index.flatMap { match.weight(at: $0) }
        return Finding(
            .error, .scaleOrphan, "a scale has no weight with codes", file: match.headers.file(of: scale),
            tensor: scale.name, expected: "\(entry.name) in F8_E4M3",
            found: weight.map { "that weight in \($0.dtype.rawValue)" } ?? "no such weight",
            remedy: weight == nil ? "copy the shard that held the weight again" : "leave the scale out")
    }

    private static func malformed(
        _ scale: TensorHeader, _ match: InventoryMatch, _ what: String, _ expected: String, _ found: String
    ) -> Finding {
        Finding(
            .error, .scaleMalformed, "a scale is \(what)", file: match.headers.file(of: scale),
            tensor: scale.name, expected: expected, found: found)
    }
}
