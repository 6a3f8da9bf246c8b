// How numbers are written in reports: one function for people, one for coordinates. Neither depends on the
// locale, so the same input gives the same bytes everywhere.

import Diagnostics

/// A number as a person reads it: four significant digits, whole numbers in full.
///
/// Below 0.001 and from ten million on it is scientific (2.63e-04); not-a-number and the infinities are words.
package func numberText(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity" }
    let magnitude = abs(value)
    if magnitude == 0 { return "0" }
    if magnitude < 1e12, magnitude.rounded() == magnitude { return grouped(Int(value)) }
    guard magnitude >= 0.001, magnitude < 1e7 else { return scientific(value) }
    var digits = 4
    var limit = 1.0
    while limit <= magnitude, digits > 0 {
        digits -= 1
        limit *= 10
    }
    return fixedText(value, magnitude < 0.01 ? digits + 2 : magnitude < 0.1 ? digits + 1 : digits)
}

/// A number with at most so many decimals, without trailing zeros, with grouped thousands.
func fixedText(_ value: Double, _ places: Int) -> String {
    let parts = trimmed(decimals(value, places)).split(separator: ".")
    guard let first = parts.first, let whole = Int(first) else { return scientific(value) }
    let sign = whole == 0 && first.hasPrefix("-") ? "-" : ""
    return sign + grouped(whole) + (parts.count > 1 ? "." + parts[1] : "")
}

/// A coordinate in user units, to a tenth; no view box is a hundred million wide.
func coordinate(_ value: Double) -> String {
    let tenths = (value * 10).rounded()
    guard abs(tenths) < 1e9 else { return "0" }
    let whole = Int(tenths)
    let (units, rest) = whole.magnitude.quotientAndRemainder(dividingBy: 10)
    return (whole < 0 ? "-" : "") + String(units) + (rest == 0 ? "" : "." + String(rest))
}

private func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = text
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
}
