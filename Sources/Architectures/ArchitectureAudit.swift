// The inventory against the headers: missing and unexpected tensors, shapes, element types, layer numbers and
// the prediction layer. What concerns codes and scales is in QuantisationAudit.swift.

import Diagnostics
import Documents
import Tensors

/// Judges headers by an inventory.
enum ArchitectureAudit {
    /// Runs every check; nothing stops at the first finding.
    static func findings(_ match: InventoryMatch) -> [Finding] {
        var collector = FindingCollector()
        collector.add(presence(match))
        collector.add(shapes(match))
        collector.add(dtypes(match))
        return collector.findings
    }

    // MARK: Presence

    private static func presence(_ match: InventoryMatch) -> [Finding] {
        let inventory = match.quantised.inventory
        let c = inventory.configuration
        var missing = inventory.entries.indices.filter { match.weights[$0] < 0 }.map { inventory.entries[$0] }
        var unexpected = match.unexpected.map { match.headers.tensors[$0] }
        var findings: [Finding] = []
        if let shifted = shiftedLayers(match, missing, unexpected) { return [shifted] }
        if c.predictionLayerCount == 0 {
            let prediction = predictionTensors(among: unexpected, c)
            if !prediction.isEmpty {
                let names = Set(prediction.map(\.name))
                unexpected.removeAll { names.contains($0.name) }
                findings.append(
                    Finding(
                        .error, .predictionLayerMismatch,
                        "tensors of a prediction layer are here though the config has none",
                        file: "config.json",
                        field: "num_nextn_predict_layers", expected: "1, for layer \(c.layerCount)",
                        found: "0, and \(grouped(prediction.count)) tensors such as \(prediction[0].name)",
                        remedy: "set num_nextn_predict_layers to 1, or leave those tensors out"))
            }
        } else if !missing.isEmpty, missing.filter(inventory.isPrediction).count == predictionSize(inventory)
        {
            missing.removeAll(where: inventory.isPrediction)
            findings.append(
                Finding(
                    .error, .predictionLayerMismatch,
                    "the config has a prediction layer and the checkpoint holds no tensor of it",
                    file: "config.json", field: "num_nextn_predict_layers",
                    expected:
                        "\(grouped(predictionSize(inventory))) tensors under model.layers.\(c.layerCount)",
                    found: "none", remedy: "set num_nextn_predict_layers to 0, as chat releases do"))
        }
        if !missing.isEmpty { findings.append(missingFinding(match, missing)) }
        findings += unexpected.enumerated().map { position, header in
            // A near miss costs a comparison with every candidate: only findings that are kept get one.
            unexpectedFinding(
                match, header,
                missing: position < FindingCollector.keptPerCode ? missing : [])
        }
        return findings
    }

    private static func predictionSize(_ inventory: TensorInventory) -> Int {
        inventory.entries.count(where: inventory.isPrediction)
    }

    private static func missingFinding(_ match: InventoryMatch, _ missing: [InventoryEntry]) -> Finding {
        var finding = Finding(
            .error, .tensorsMissing, "the checkpoint does not hold the architecture its config describes",
            expected: Ledger(match.quantised).summary, found: match.ledger.summary,
            remedy: missing.first?.layer.map { "ingot inspect CHECKPOINT --layer \($0)" }
                ?? "copy the shard that holds these again")
        finding.subjects.append(Finding.Subject(label: "missing", value: compactedList(missing)))
        return finding
    }

    private static func unexpectedFinding(
        _ match: InventoryMatch, _ header: TensorHeader, missing: [InventoryEntry]
    ) -> Finding {
        let layer = TensorInventory.layer(inName: header.name)
        let candidates = missing.filter { $0.layer == layer && $0.shape == header.shape }.map(\.name)
        let near = nearestName(header.name, candidates)
        return Finding(
            .error, .tensorUnexpected, "a tensor that the architecture does not have",
            file: match.headers.file(of: header),
            tensor: "\(header.name) \(header.shape) \(header.dtype.rawValue)",
            expected: "only tensors of the inventory", found: "no role for this name",
            remedy: near.map { "did you mean \($0)? that one is missing" }
                ?? "leave it out: engines stop at it or skip it without a word")
    }

    /// Tensors that a prediction layer would have, among those nobody expected.
    private static func predictionTensors(
        among unexpected: [TensorHeader], _ configuration: BailingMoeV2Configuration
    ) -> [TensorHeader] {
        let candidates = unexpected.filter {
            TensorInventory.layer(inName: $0.name) == configuration.layerCount
        }
        guard !candidates.isEmpty else { return [] }
        var extended = configuration
        extended.predictionLayerCount = 1
        let inventory = TensorInventory(extended)
        return candidates.filter { header in
            inventory[name: header.name] != nil
                || InventoryMatch.scaleSuffixes.contains {
                    header.name.hasSuffix($0)
                        && inventory[name: String(header.name.dropLast($0.utf8.count))] != nil
                }
        }
    }

    /// One finding in place of thousands when every layer is numbered one too high.
    private static func shiftedLayers(
        _ match: InventoryMatch, _ missing: [InventoryEntry], _ unexpected: [TensorHeader]
    ) -> Finding? {
        let inventory = match.quantised.inventory
        let c = inventory.configuration
        let first = inventory.entries(layer: 0)
        guard c.predictionLayerCount == 0, !first.isEmpty,
            missing.count(where: { $0.layer == 0 }) == first.count
        else { return nil }
        let above = unexpected.compactMap { TensorInventory.layer(inName: $0.name) }
        guard above.contains(c.layerCount), !above.contains(where: { $0 > c.layerCount }) else { return nil }
        return Finding(
            .error, .tensorsMissing, "the layers of this checkpoint are numbered from 1",
            expected: "layers 0 to \(c.layerCount - 1)", found: "no layer 0, and a layer \(c.layerCount)",
            remedy: "subtract 1 from every layer number, dense layers included")
    }

    // MARK: Shapes and element types

    private static func shapes(_ match: InventoryMatch) -> [Finding] {
        match.quantised.inventory.entries.enumerated().compactMap { index, entry in
            guard let header = match.weight(at: index), header.shape != entry.shape else { return nil }
            let swapped = header.shape.dimensions == entry.shape.dimensions.reversed()
            return Finding(
                .error, .tensorShape, "a tensor has another shape than the config gives it",
                file: match.headers.file(of: header), tensor: entry.name,
                expected: "\(entry.shape), the \(entry.role.title)", found: "\(header.shape)",
                remedy: swapped ? "transpose it: weights are stored [out, in]" : nil)
        }
    }

    private static func dtypes(_ match: InventoryMatch) -> [Finding] {
        let inventory = match.quantised.inventory
        let c = inventory.configuration
        var byType: [DType: Int] = [:]
        for (index, entry) in inventory.entries.enumerated() where entry.role.requiredDType == nil {
            if let header = match.weight(at: index), !header.dtype.isCode {
                byType[header.dtype, default: 0] += 1
            }
        }
        var findings: [Finding] = []
        var modelType = c.dtype
        if byType.count == 1, let (only, count) = byType.first, only != c.dtype,
            [.bf16, .f16, .f32].contains(only)
        {
            modelType = only
            findings.append(
                Finding(
                    .warning, .dtypeUndeclared,
                    "engines would convert every weight at load: the config declares another element type",
                    file: "config.json", field: "torch_dtype",
                    expected: "\(only.rawValue), as the weights are",
                    found: "\(c.dtype.rawValue); \(grouped(count)) weights are \(only.rawValue)"))
        }
        var wrong: [Disagreement: [InventoryEntry]] = [:]
        for (index, entry) in inventory.entries.enumerated() {
            guard let header = match.weight(at: index), !header.dtype.isCode else { continue }
            let expected = entry.role.requiredDType ?? modelType
            if header.dtype != expected {
                wrong[Disagreement(expected: expected, found: header.dtype), default: []].append(entry)
            }
        }
        for (pair, entries) in wrong.sorted(by: { $0.key.order < $1.key.order }) {
            let isBias = entries.contains { $0.role == .routerBias }
            findings.append(
                Finding(
                    .error, .tensorDType,
                    isBias
                        ? "a router bias is not F32: rounded biases choose other experts"
                        : "tensors have another element type than their role needs",
                    tensor: compactedList(entries), expected: pair.expected.rawValue,
                    found: "\(pair.found.rawValue) in \(grouped(entries.count)) tensors"))
        }
        return findings
    }

    private struct Disagreement: Hashable {
        let expected: DType
        let found: DType
        var order: String { expected.rawValue + found.rawValue }
    }
}
