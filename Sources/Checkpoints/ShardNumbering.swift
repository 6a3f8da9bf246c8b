// The numbers in the names of shards: model-00007-of-00022.safetensors.

/// `model-00001-of-00022.safetensors`, from an index counted from 0; a single shard needs no number.
package func shardName(_ index: Int, of count: Int) -> String {
    count == 1
        ? "model.safetensors" : "model-\(fiveDigits(index + 1))-of-\(fiveDigits(count)).safetensors"
}

/// A number with five digits at least.
package func fiveDigits(_ value: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
}

/// The place and the count that a shard's name announces.
struct ShardNumbering: Equatable {
    /// Everything before `-00007-of-00022`.
    let stem: String
    let number: Int
    let count: Int

    /// Reads the numbers of a name; nil when it has none.
    ///
    /// - Source: huggingface.js `parse-safetensors-metadata.ts`: five or six digits each.
    init?(_ name: String) {
        let suffix = ".safetensors"
        guard name.hasSuffix(suffix) else { return nil }
        let parts = name.dropLast(suffix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[parts.count - 2] == "of",
            let number = Self.number(parts[parts.count - 3]), let count = Self.number(parts[parts.count - 1])
        else { return nil }
        stem = parts.dropLast(3).joined(separator: "-")
        self.number = number
        self.count = count
    }

    private static func number(_ text: Substring) -> Int? {
        (5...6).contains(text.utf8.count) && text.utf8.allSatisfy { $0 &- 0x30 < 10 } ? Int(text) : nil
    }
}
