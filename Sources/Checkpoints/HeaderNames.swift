// Tensor names as keys: compared byte by byte as the format does, and judged as strict mode does.

/// A name that equals another only when their bytes are the same.
///
/// Swift's strings also equal when they differ in how accents are composed; the reference reader's do not.
struct ExactName: Hashable {
    let name: String

    init(_ name: String) { self.name = name }

    static func == (a: ExactName, b: ExactName) -> Bool {
        // Equal in Swift's sense first, which for ASCII is one comparison of memory and decides.
        guard a.name == b.name, a.name.utf8.count == b.name.utf8.count else { return false }
        return a.name.utf8.elementsEqual(b.name.utf8)
    }

    func hash(into hasher: inout Hasher) {
        let done: Void? = name.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: .init($0)) }
        if done == nil { for byte in name.utf8 { hasher.combine(byte) } }
    }
}

/// Finds the place of a name among those before it: an open table of hashes, so that a name is compared only
/// with one of the same hash, and no string is held a second time.
struct NameTable {
    /// Upper half: bits of the hash; lower half: the place plus one, 0 where the slot is free.
    private var slots: [UInt64]
    private var count = 0

    init(capacity: Int) {
        var size = 64
        while size < capacity * 2 { size *= 2 }
        slots = [UInt64](repeating: 0, count: size)
    }

    /// The place of an equal name, or nil after giving this name the next place.
    mutating func place(of name: String, named nameAt: (Int) -> String) -> Int? {
        if count * 2 >= slots.count { grow() }
        // Hasher is seeded for each process: names cannot be chosen so that they collide.
        var hasher = Hasher()
        ExactName(name).hash(into: &hasher)
        let hash = UInt64(UInt(bitPattern: hasher.finalize())) >> 32
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let place = Int(slots[slot] & 0xFFFF_FFFF) - 1
            if slots[slot] >> 32 == hash, ExactName(nameAt(place)) == ExactName(name) { return place }
            slot = (slot + 1) & (slots.count - 1)
        }
        count += 1
        slots[slot] = hash << 32 | UInt64(count)
        return nil
    }

    private mutating func grow() {
        let old = slots
        slots = [UInt64](repeating: 0, count: old.count * 2)
        for entry in old where entry != 0 {
            var slot = Int(entry >> 32) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = entry
        }
    }
}

/// Whether any of eight bytes is a control character, not ASCII, `/` or `\`.
///
/// - Source: the zero-byte test of H. S. Warren, Hacker's Delight, 6-1, on the word less 0x20s and on its
///   differences from the two slashes.
private func holdsOddByte(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    func holdsZero(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }
    let controls = (word &- ones &* 0x20) & ~word & tops
    let highs = (word | (word &+ ones)) & tops
    return controls | highs | holdsZero(word ^ ones &* 0x2F) | holdsZero(word ^ ones &* 0x5C) != 0
}

enum HeaderNames {
    /// Whether a name is printable ASCII without slashes, as all names of real models are.
    static func isPlain(_ name: String) -> Bool {
        func plain(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
            let raw = UnsafeRawBufferPointer(bytes)
            var index = 0
            while index + 8 <= raw.count {
                if holdsOddByte(raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)) { return false }
                index += 8
            }
            while index < raw.count {
                let byte = raw[index]
                if byte < 0x20 || byte >= 0x7F || byte == 0x2F || byte == 0x5C { return false }
                index += 1
            }
            return true
        }
        // Strings made from bytes are contiguous; walking them through string indices is ten times slower.
        return name.utf8.withContiguousStorageIfAvailable(plain) ?? false
    }

    /// What strict mode has against a tensor's name; nil when nothing.
    static func objection(to name: String, isPlain: Bool) -> HeaderError? {
        if isPlain {
            if name.isEmpty { return .nameEmpty }
            return name == "." || name == ".." ? .namePathLike(tensor: name) : nil
        }
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
