// Sizes on the command line.

import ArgumentParser

/// A number of bytes as people write it: 512MB, 1.5GiB, 1048576.
struct ByteSize: ExpressibleByArgument {
    let bytes: Int

    private static let units: [(name: String, bytes: Double)] = [
        ("kib", 0x1p10), ("mib", 0x1p20), ("gib", 0x1p30), ("tib", 0x1p40),
        ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("b", 1),
    ]

    init?(argument: String) {
        let word = argument.lowercased()
        let unit = Self.units.first { word.hasSuffix($0.name) }
        let digits = word.dropLast(unit?.name.count ?? 0)
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let number = Double(digits), number * (unit?.bytes ?? 1) < 0x1p62
        else { return nil }
        bytes = Int(number * (unit?.bytes ?? 1))
    }
}
