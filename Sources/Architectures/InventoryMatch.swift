// Which header belongs to which inventory entry, as its weight, as its scale or as that of its inputs, which belong to
// the cache of a layer, and which to none.

import Tensors

/// Headers set against an inventory.
///
/// - Complexity: one lookup a header.
package struct InventoryMatch: Sendable {
    /// What was expected.
    package let quantised: QuantisedInventory
    /// What was found.
    package let headers: HeaderView
    /// For each inventory entry, the index of its header; −1 when there is none.
    package private(set) var weights: [Int]
    /// For each inventory entry, the index of the scale that stands beside it; −1 when there is none.
    package private(set) var scales: [Int]
    /// The header of each scale that is of no weight, whether or not the config asks for it.
    package private(set) var stored: [StoredScale: Int] = [:]
    /// Headers that are none of these, in header order.
    package private(set) var unexpected: [Int] = []

    /// The suffixes of the two containers: a scale is found whichever the config announces.
    static let scaleSuffixes = ["_scale_inv", "_scale"]

    /// Looks every header up in the inventory.
    package init(_ quantised: QuantisedInventory, _ headers: HeaderView) {
        self.quantised = quantised
        self.headers = headers
        let inventory = quantised.inventory
        weights = [Int](repeating: -1, count: inventory.entries.count)
        scales = weights
        for (index, header) in headers.tensors.enumerated() {
            if let entry = inventory.index(of: header.name) {
                weights[entry] = index
            } else if let entry = Self.weight(ofScale: header.name, inventory), scales[entry] < 0 {
                scales[entry] = index
            } else if let scale = inventory.storedScale(named: header.name), stored[scale] == nil {
                stored[scale] = index
            } else {
                unexpected.append(index)
            }
        }
    }

    private static func weight(ofScale name: String, _ inventory: TensorInventory) -> Int? {
        weight(ofScale: name).flatMap { inventory.index(of: $0) }
    }

    /// The name of the weight that a scale of this name would stand beside; nil for other names.
    package static func weight(ofScale name: String) -> String? {
        for suffix in scaleSuffixes where name.hasSuffix(suffix) {
            return String(name.dropLast(suffix.utf8.count))
        }
        return nil
    }

    /// The header of an entry's weight.
    package func weight(at entry: Int) -> TensorHeader? {
        weights[entry] < 0 ? nil : headers.tensors[weights[entry]]
    }

    /// The header of the scale beside an entry's weight.
    package func scale(at entry: Int) -> TensorHeader? {
        scales[entry] < 0 ? nil : headers.tensors[scales[entry]]
    }

    /// The header of a scale that is of no weight.
    package func header(of scale: StoredScale) -> TensorHeader? { stored[scale].map { headers.tensors[$0] } }

    /// The ledger of what was found.
    package var ledger: Ledger {
        var ledger = Ledger()
        let inventory = quantised.inventory
        for (index, entry) in inventory.entries.enumerated() {
            let group = inventory.isPrediction(entry) ? RoleGroup.prediction : RoleGroup(entry.role)
            if let weight = weight(at: index) { add(weight, group, &ledger) }
            if let scale = scale(at: index) { add(scale, .scales, &ledger) }
        }
        for index in stored.values { add(headers.tensors[index], .scales, &ledger) }
        for index in unexpected { add(headers.tensors[index], .other, &ledger) }
        return ledger
    }

    private func add(_ header: TensorHeader, _ group: RoleGroup, _ ledger: inout Ledger) {
        ledger.add(group, header.dtype, elements: header.elementCount, bytes: header.byteCount)
    }
}

extension DType {
    /// Whether a tensor of this type holds codes that mean nothing without a scale.
    package var isCode: Bool {
        switch self {
        case .e4m3, .e5m2, .e4m3FNUZ, .e5m2FNUZ, .i8, .u8, .f4, .f6E2M3, .f6E3M2: true
        default: false
        }
    }
}
