// Tensor names as keys: compared byte by byte as the format does, and judged as strict mode does.

/// A name that equals another only when their bytes are the same.
///
/// Swift's strings also equal when they differ in how accents are composed; the reference reader's do not.
struct ExactName: Hashable {
    let name: String

    init(_ name: String) { self.name = name }

    /// Whether the name holds more than ASCII, so that Swift may take another spelling as equal.
    var isComposed: Bool { name.utf8.contains { $0 >= 0x80 } }

    static func == (a: ExactName, b: ExactName) -> Bool {
        a.name.utf8.count == b.name.utf8.count && a.name.utf8.elementsEqual(b.name.utf8)
    }

    func hash(into hasher: inout Hasher) {
        let done: Void? = name.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: .init($0)) }
        if done == nil { for byte in name.utf8 { hasher.combine(byte) } }
    }
}

enum HeaderNames {
    /// What strict mode has against a tensor's name; nil when nothing.
    static func objection(to name: String) -> HeaderError? {
        if name.isEmpty { return .nameEmpty }
        var isPlain = true
        for byte in name.utf8 where byte < 0x20 || byte >= 0x7F || byte == 0x2F || byte == 0x5C {
            isPlain = false
            break
        }
        if isPlain { return name == "." || name == ".." ? .namePathLike(tensor: name) : nil }
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                return .nameInvisible(tensor: name, scalar: scalar.value)
            default: if scalar == "/" || scalar == "\\" { return .namePathLike(tensor: name) }
            }
        }
        return nil
    }
}
