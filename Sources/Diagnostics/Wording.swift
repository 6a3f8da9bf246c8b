// How numbers, sizes and lists of names are written for people.

/// An integer with thousands separated by commas: 9,345,678,912.
package func grouped(_ value: some BinaryInteger) -> String {
    let digits = String(value.magnitude)
    var output = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { output += "," }
        output.append(digit)
    }
    return (value < 0 ? "-" : "") + output
}

/// A number of bytes in the decimal unit that reads best: 104.23 GB, 512 bytes.
package func byteCount(_ bytes: Int) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]
    guard let (unit, size) = units.first(where: { Double(bytes) >= $0.1 }) else { return "\(bytes) bytes" }
    return "\(decimals(Double(bytes) / size, 2)) \(unit)"
}

/// A finite number with a fixed count of decimals, rounded half away from zero.
package func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return String(value) }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e18 else { return String(value) }
    let digits = String(Int(scaled))
    let padded = String(repeating: "0", count: max(0, count + 1 - digits.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return count == 0 ? sign + padded : sign + padded.dropLast(count) + "." + padded.suffix(count)
}

/// A number in scientific notation with three significant digits: 2.63e-02.
package func scientific(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : String(value) }
    var exponent = 0
    var mantissa = abs(value)
    while mantissa >= 10 {
        mantissa /= 10
        exponent += 1
    }
    while mantissa < 1 {
        mantissa *= 10
        exponent -= 1
    }
    var text = decimals(mantissa, 2)
    if text == "10.00" {
        text = "1.00"
        exponent += 1
    }
    let digits = String(exponent.magnitude)
    return "\(value < 0 ? "-" : "")\(text)e\(exponent < 0 ? "-" : "+")\(digits.count < 2 ? "0" : "")\(digits)"
}

/// The first names of a list and how many more there are.
package func abridged(_ names: [String], limit: Int = 4) -> String {
    guard names.count > limit else { return names.joined(separator: ", ") }
    return names.prefix(limit).joined(separator: ", ") + " and \(grouped(names.count - limit)) more"
}

/// Integers as ranges: 0…3, 7, 9…12.
package func ranges(_ values: [Int]) -> String {
    var parts: [String] = []
    var start: Int?
    var last = 0
    for value in values.sorted() {
        if let first = start {
            if value <= last + 1 {
                last = value
                continue
            }
            parts.append(first == last ? "\(first)" : "\(first)…\(last)")
        }
        start = value
        last = value
    }
    if let first = start { parts.append(first == last ? "\(first)" : "\(first)…\(last)") }
    return parts.joined(separator: ", ")
}
