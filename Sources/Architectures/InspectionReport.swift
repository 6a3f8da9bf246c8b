// The answer of `ingot inspect`: what is in a checkpoint. Three views: the whole, one layer, one tensor.

import Diagnostics
import Documents
import Tensors

/// What is in a checkpoint.
package struct InspectionReport: Sendable {
    /// The version of the document form.
    package static let schema = 1

    /// What is looked at.
    package enum View: Equatable, Sendable {
        case whole
        /// One decoder layer; the prediction layer has the index after the last.
        case layer(Int)
        /// One tensor, by its full name; a weight comes with its scale.
        case tensor(String)
    }

    package let checkpoint: String
    package let view: View
    private let judgement: CheckpointJudgement
    private let audit: ScaleAudit?

    /// - Parameters:
    ///   - judgement: of config, headers and sidecars.
    ///   - audit: of the scale values, when they were read.
    package init(
        checkpoint: String, judgement: CheckpointJudgement, audit: ScaleAudit? = nil, view: View = .whole
    ) {
        self.checkpoint = checkpoint
        self.judgement = judgement
        self.audit = audit
        self.view = view
    }

    /// One tensor of a view.
    private struct Row {
        let header: TensorHeader
        let role: String
        let file: String
        let expected: Shape?
    }

    /// Whether the view shows nothing: no such layer or tensor.
    package var isEmpty: Bool { view != .whole && rows.isEmpty }

    // MARK: Text

    /// The view as text.
    package var text: String {
        switch view {
        case .whole: return wholeText
        case .layer(let layer):
            let rows = rows
            guard !rows.isEmpty else { return "no tensor of layer \(layer) in this checkpoint" }
            return "layer \(layer)\n\n" + table(rows)
        case .tensor(let name):
            let rows = rows
            guard !rows.isEmpty else {
                let names = judgement.match?.headers.tensors.map(\.name) ?? []
                let near = nearestName(
                    name, Array(names.filter { abs($0.utf8.count - name.utf8.count) <= 2 }.prefix(4096)))
                return "no tensor \(name) in this checkpoint" + (near.map { "; did you mean \($0)?" } ?? "")
            }
            return table(rows)
        }
    }

    private var wholeText: String {
        var parts: [String] = []
        if let configuration = judgement.configuration { parts.append(summary(configuration)) }
        parts.append(judgement.found.text)
        if let audit {
            var table = TextTable(["scales of", "kind", "tensors", "scales"], numeric: [2, 3])
            for (role, tally) in audit.roles {
                table.add([role.name, tally.kind.rawValue, grouped(tally.tensors), grouped(tally.values)])
            }
            if !audit.roles.isEmpty { parts.append(table.text) }
        }
        return parts.joined(separator: "\n\n")
    }

    private func summary(_ c: BailingMoeV2Configuration) -> String {
        var lines = TextTable(["model", title])
        lines.add(["layers", "\(c.layerCount), the first \(c.denseLayerCount) dense" + prediction(c)])
        lines.add(["hidden", "\(grouped(c.hiddenSize)), dense MLP \(grouped(c.denseWidth))"])
        lines.add([
            "attention",
            "\(c.attentionHeadCount) query and \(c.keyValueHeadCount) key/value heads of \(c.headDimension), "
                + "\(c.rotaryDimensions) channels rotate",
        ])
        lines.add([
            "experts",
            "\(c.expertCount) of width \(grouped(c.expertWidth)) in \(c.groupCount) groups, "
                + "\(c.expertsPerToken) chosen from \(c.groupsPerToken) groups, \(c.sharedExpertCount) shared",
        ])
        lines.add(["vocabulary", grouped(c.vocabularySize)])
        lines.add(["context", "\(grouped(c.contextLength)) tokens" + (c.ropeScaling == nil ? "" : ", YaRN")])
        if let active = judgement.match?.quantised.inventory.activeParameterCount {
            lines.add(["active", "\(grouped(active)) parameters for a token"])
        }
        lines.add(["cache", "\(grouped(c.cacheBytesPerToken(.bf16))) bytes for a token in BF16"])
        lines.add(["stored as", c.quantisation.fp8?.title ?? c.dtype.rawValue])
        if !c.unknownKeys.isEmpty { lines.add(["passed on", abridged(c.unknownKeys, limit: 8)]) }
        return lines.text
    }

    private func prediction(_ c: BailingMoeV2Configuration) -> String {
        c.predictionLayerCount > 0 ? ", and one prediction layer" : ""
    }

    private var title: String {
        guard let profile = judgement.profile else { return "BailingMoeV2 of no released size" }
        return judgement.isExact ? "\(profile.title), exact" : "sizes of \(profile.title)"
    }

    private func table(_ rows: [Row]) -> String {
        var table = TextTable(["tensor", "role", "dtype", "shape", "bytes", "shard"], numeric: [4])
        for row in rows {
            let shape = row.expected.map { "\(row.header.shape), not \($0)" } ?? "\(row.header.shape)"
            table.add([
                row.header.name, row.role, row.header.dtype.rawValue, shape, grouped(row.header.byteCount),
                row.file,
            ])
        }
        return table.text
    }

    // MARK: Rows

    private var rows: [Row] {
        guard let match = judgement.match else { return [] }
        var rows: [Row] = []
        for (index, entry) in match.quantised.inventory.entries.enumerated() {
            switch view {
            case .whole: return []
            case .layer(let layer): guard entry.layer == layer else { continue }
            case .tensor(let name):
                let stored = match.header(of: .input(entry: index))?.name
                guard entry.name == name || match.scale(at: index)?.name == name || stored == name else {
                    continue
                }
            }
            if let header = match.weight(at: index) {
                rows.append(
                    row(header, entry.role.name, entry.shape == header.shape ? nil : entry.shape, match))
            }
            if let header = match.scale(at: index) { rows.append(row(header, "block scale", nil, match)) }
            if let header = match.header(of: .input(entry: index)) {
                rows.append(row(header, "input scale", nil, match))
            }
        }
        rows += cacheRows(match)
        for header in match.unexpected.map({ match.headers.tensors[$0] }) {
            let isInView =
                switch view {
                case .whole: false
                case .layer(let layer): TensorInventory.layer(inName: header.name) == layer
                case .tensor(let name): header.name == name
                }
            if isInView { rows.append(row(header, "none", nil, match)) }
        }
        return rows
    }

    /// The scales of the cache that are in view.
    private func cacheRows(_ match: InventoryMatch) -> [Row] {
        (0..<match.quantised.inventory.configuration.layersWithPrediction).flatMap { layer in
            [StoredScale.keys(layer: layer), .values(layer: layer)].compactMap { scale -> Row? in
                guard let header = match.header(of: scale),
                    view == .layer(layer) || view == .tensor(header.name)
                else { return nil }
                return row(header, scale == .keys(layer: layer) ? "key scale" : "value scale", nil, match)
            }
        }
    }

    private func row(_ header: TensorHeader, _ role: String, _ expected: Shape?, _ match: InventoryMatch)
        -> Row
    {
        Row(header: header, role: role, file: match.headers.file(of: header), expected: expected)
    }

    // MARK: Document

    /// The view as a document.
    package var document: JSONValue {
        var object = JSONObject()
        object["schema"] = .integer(Self.schema)
        object["checkpoint"] = .string(checkpoint)
        switch view {
        case .whole:
            object["architecture"] = .optional(judgement.profile?.name)
            object["exact"] = .bool(judgement.isExact)
            object["layout"] = .optional(judgement.configuration?.quantisation.fp8?.title)
            object["ledger"] = judgement.found.document
            object["active_parameters"] = judgement.match.map {
                .integer($0.quantised.inventory.activeParameterCount)
            }
            object["unknown_config_keys"] = judgement.configuration.map {
                .array($0.unknownKeys.map(JSONValue.string))
            }
            if let audit { object["scales"] = Self.document(audit) }
        case .layer(let layer):
            object["layer"] = .integer(layer)
            object["tensors"] = .array(rows.map(Self.document))
        case .tensor(let name):
            object["tensor"] = .string(name)
            object["tensors"] = .array(rows.map(Self.document))
        }
        return .object(object)
    }

    private static func document(_ audit: ScaleAudit) -> JSONValue {
        .array(
            audit.roles.map { role, tally in
                [
                    "role": .string(role.name), "kind": .string(tally.kind.rawValue),
                    "tensors": .integer(tally.tensors),
                    "power_of_two_tensors": .integer(tally.powerOfTwoTensors),
                    "scales": .integer(tally.values), "zero": .integer(tally.zeros),
                    "negative": .integer(tally.negatives), "not_finite": .integer(tally.nonFinite),
                ]
            })
    }

    private static func document(_ row: Row) -> JSONValue {
        [
            "name": .string(row.header.name), "role": .string(row.role),
            "dtype": .string(row.header.dtype.rawValue),
            "shape": .array(row.header.shape.dimensions.map { JSONValue.integer($0) }),
            "bytes": .integer(row.header.byteCount), "shard": .string(row.file),
        ]
    }
}
