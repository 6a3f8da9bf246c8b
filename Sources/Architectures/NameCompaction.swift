// Long lists of tensors as a few lines: model.layers.17.mlp.experts.{40…43}.{gate,up,down}_proj.weight.

import Diagnostics

/// Names of entries, written together where only layer, expert or projection differ, in inventory order.
package func compactedNames(_ entries: [InventoryEntry]) -> [String] {
    // One matrix of an expert, then one expert of a layer, then one layer: each step joins equal neighbours.
    var projections: [Place: [MLPProjection]] = [:]
    var places: [Place] = []
    for entry in entries {
        let place = Place(family: entry.role.family, layer: entry.layer, expert: entry.expert)
        if projections[place] == nil { places.append(place) }
        projections[place, default: []] += entry.role.projection.map { [$0] } ?? []
    }
    var examples: [RoleFamily: InventoryEntry] = [:]
    for entry in entries where examples[entry.role.family] == nil { examples[entry.role.family] = entry }

    var experts: [LayerPart: [Int]] = [:]
    var parts: [LayerPart] = []
    for place in places {
        let part = LayerPart(
            family: place.family, layer: place.layer, projections: projections[place] ?? [])
        if experts[part] == nil { parts.append(part) }
        experts[part, default: []] += place.expert.map { [$0] } ?? []
    }
    var layers: [Line: [Int]] = [:]
    var lines: [Line] = []
    for part in parts {
        let line = Line(family: part.family, projections: part.projections, experts: experts[part] ?? [])
        if layers[line] == nil { lines.append(line) }
        layers[line, default: []] += part.layer.map { [$0] } ?? []
    }
    return lines.compactMap { line in
        examples[line.family].map { render($0, layers[line] ?? [], line.experts, line.projections) }
    }
}

/// The compacted names joined, at most a few of them.
func compactedList(_ entries: [InventoryEntry], limit: Int = 6) -> String {
    let names = compactedNames(entries)
    let shown = names.prefix(limit).joined(separator: "\n")
    return names.count > limit ? shown + "\nand \(grouped(names.count - limit)) more lines like these" : shown
}

private struct Place: Hashable {
    let family: RoleFamily
    let layer: Int?
    let expert: Int?
}

private struct LayerPart: Hashable {
    let family: RoleFamily
    let layer: Int?
    let projections: [MLPProjection]
}

private struct Line: Hashable {
    let family: RoleFamily
    let projections: [MLPProjection]
    let experts: [Int]
}

/// A role with its projection left open.
private enum RoleFamily: Hashable {
    case expert, sharedExpert, denseMLP
    case single(TensorRole)
}

extension TensorRole {
    fileprivate var family: RoleFamily {
        switch self {
        case .expert: .expert
        case .sharedExpert: .sharedExpert
        case .denseMLP: .denseMLP
        default: .single(self)
        }
    }

    /// The matrix of a gated MLP that this role is; nil for other roles.
    package var projection: MLPProjection? {
        switch self {
        case .expert(let projection), .sharedExpert(let projection), .denseMLP(let projection): projection
        default: nil
        }
    }
}

/// An example's name with its numbers and projection replaced by sets.
private func render(
    _ example: InventoryEntry, _ layers: [Int], _ experts: [Int], _ projections: [MLPProjection]
) -> String {
    var parts = example.name.split(separator: ".").map(String.init)
    if example.layer != nil { parts[2] = braced(layers) }
    if example.expert != nil { parts[5] = braced(experts) }
    if projections.count > 1 {
        parts[parts.count - 2] = "{" + projections.map(\.rawValue).joined(separator: ",") + "}_proj"
    }
    return parts.joined(separator: ".")
}

private func braced(_ values: [Int]) -> String {
    values.count == 1 ? "\(values[0])" : "{" + ranges(values).replacing(", ", with: ",") + "}"
}
