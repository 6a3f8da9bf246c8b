// The inventory as a checkpoint stores it: which weights hold codes, and the scale each of them needs.

import Diagnostics
import Tensors

/// A scale tensor that a quantised weight needs.
package struct ExpectedScale: Equatable, Sendable {
    /// The full name: the weight's and a suffix.
    package let name: String
    /// The shape that follows from the weight's and the granularity.
    package let shape: Shape
    /// Element types in which readers take it, the usual one first.
    package let dtypes: [DType]
}

/// An inventory seen through a quantisation layout.
///
/// - Complexity: linear in the inventory; patterns in the skip list cost one pass each.
/// - Checked by: QuantisationLayoutTests.
package struct QuantisedInventory: Sendable {
    /// The tensors before quantisation.
    package let inventory: TensorInventory
    /// How they are stored.
    package let layout: QuantisationLayout
    /// For each entry of the inventory, whether its weight holds codes.
    package let isQuantised: [Bool]
    /// What there is to say about the skip list.
    package let findings: [Finding]

    /// The inventory as the config's own quantization_config stores it.
    package init(_ inventory: TensorInventory, file: String = "config.json") {
        self.init(inventory, layout: inventory.configuration.quantisation, file: file)
    }

    /// The inventory as a given layout would store it.
    package init(_ inventory: TensorInventory, layout: QuantisationLayout, file: String = "config.json") {
        self.inventory = inventory
        self.layout = layout
        guard let fp8 = layout.fp8 else {
            isQuantised = [Bool](repeating: false, count: inventory.entries.count)
            findings = []
            return
        }
        let matches = fp8.skipList.matches(inventory, file: file)
        isQuantised = zip(inventory.entries, matches.skipped).map { $0.role.isQuantisable && !$1 }
        findings = matches.findings
    }

    /// The scale of an entry; nil when its weight is not quantised.
    package func scale(at index: Int) -> ExpectedScale? {
        guard isQuantised[index], let fp8 = layout.fp8 else { return nil }
        let entry = inventory.entries[index]
        let usual = fp8.usualScaleDType
        return ExpectedScale(
            name: entry.name + fp8.scaleSuffix, shape: fp8.scaleShape(of: entry.shape),
            dtypes: [usual] + fp8.scaleDTypes.filter { $0 != usual })
    }

    /// The element type in which an entry is stored.
    package func storedDType(at index: Int) -> DType {
        isQuantised[index] ? .e4m3 : inventory.entries[index].dtype
    }
}
