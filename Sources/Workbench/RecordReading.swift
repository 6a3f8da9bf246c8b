// Reading what stages printed, for the page: a record of another version, or of a stage that failed, lacks some of
// it, and a page then says less. Nothing is decided by what is read here.

import Documents

extension JSONValue {
    /// The value under a chain of keys; nil where one is missing.
    subscript(_ keys: String...) -> JSONValue? {
        var value = self
        for key in keys {
            guard case .object(let object) = value, let next = object[key] else { return nil }
            value = next
        }
        return value == .null ? nil : value
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var real: Double? { if case .number(let number) = self { number.double } else { nil } }
    var whole: Int? { if case .number(let number) = self { number.integer } else { nil } }
    var truth: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}

/// A mean with half the width of its 95 % interval, as reports write it.
struct RecordedEstimate {
    let mean: Double
    let halfWidth: Double?

    init?(_ value: JSONValue?) {
        guard let mean = value?["mean"]?.real else { return nil }
        self.mean = mean
        halfWidth = value?["half_width"]?.real
    }

    var interval: ClosedRange<Double>? { halfWidth.map { mean - $0...mean + $0 } }
}
