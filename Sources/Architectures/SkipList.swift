// The modules that a quantization_config leaves alone. Engines match the entries differently, so each entry
// is judged: a full module name is read alike everywhere, anything else is reported.

import Diagnostics

/// A list of modules to leave alone, as written.
package struct SkipList: Equatable, Sendable {
    /// The entries, in their order.
    package let entries: [String]
    /// Whether an entry may also be consecutive parts of a module name (SGLang, transformers, slime); without,
    /// only whole names and `re:` patterns count (compressed-tensors).
    package let acceptsParts: Bool

    /// A list as written; empty skips nothing.
    package init(_ entries: [String] = [], acceptsParts: Bool = true) {
        self.entries = entries
        self.acceptsParts = acceptsParts
    }

    /// The members of a `quantization_config` that are such lists.
    package static let keys = ["modules_to_not_convert", "ignored_layers", "ignore"]

    /// Each pattern costs a pass over the inventory; released lists have fewer than ten.
    private static let patternLimit = 256

    /// What a list says about an inventory.
    struct Matches {
        /// For each inventory entry, whether the list leaves it alone.
        var skipped: [Bool]
        var findings: [Finding] = []
    }

    /// Matches the list against an inventory.
    ///
    /// - Complexity: one lookup an entry when all entries are full names; one pass over the inventory for
    ///   each pattern.
    func matches(_ inventory: TensorInventory, file: String) -> Matches {
        var matches = Matches(skipped: [Bool](repeating: false, count: inventory.entries.count))
        var parts: Set<Substring> = []
        var patterns = 0
        for entry in entries {
            if entry.hasPrefix("re:") {
                patterns += 1
                guard patterns <= Self.patternLimit else { continue }
                match(pattern: entry, inventory, &matches, file: file)
            } else if let index = inventory.index(ofSkipped: entry) {
                matches.skipped[index] = true
            } else if acceptsParts {
                parts.insert(entry[...])
            } else {
                matches.findings.append(unmatched(entry, file))
            }
        }
        if patterns > Self.patternLimit {
            matches.findings.append(
                Finding(
                    .error, .skipListAmbiguous,
                    "more patterns than a list of this family needs; the rest is not judged",
                    file: file, field: "quantization_config",
                    expected: "at most \(Self.patternLimit) patterns",
                    found: grouped(patterns)))
        }
        if !parts.isEmpty { match(parts: parts, inventory, &matches, file: file) }
        return matches
    }

    private func match(
        parts: Set<Substring>, _ inventory: TensorInventory, _ matches: inout Matches, file: String
    ) {
        var hits: [Substring: Bool] = [:]  // value: whether a quantisable tensor was hit
        for (index, entry) in inventory.entries.enumerated() {
            let module = entry.module
            var bounds = [module.startIndex]
            for position in module.indices where module[position] == "." {
                bounds.append(module.index(after: position))
            }
            for start in bounds.indices {
                for end in bounds[(start + 1)...].map({ module.index(before: $0) }) + [module.endIndex] {
                    let part = module[bounds[start]..<end]
                    guard parts.contains(part) else { continue }
                    matches.skipped[index] = true
                    hits[part] = hits[part, default: false] || entry.role.isQuantisable
                }
            }
        }
        for part in parts.sorted() {
            switch hits[part] {
            case nil: matches.findings.append(unmatched(String(part), file))
            case true?:
                matches.findings.append(
                    Finding(
                        .warning, .skipListAmbiguous,
                        "vLLM takes skip entries as whole module names and would not skip what this one means",
                        file: file, field: "quantization_config", expected: "full names, one an entry",
                        found: "\"\(part)\"",
                        remedy: "write each module in full, or quantise again with --target"))
            case false?: break
            }
        }
    }

    private func match(
        pattern entry: String, _ inventory: TensorInventory, _ matches: inout Matches, file: String
    ) {
        guard let pattern = NamePattern(String(entry.dropFirst(3))) else {
            matches.findings.append(
                Finding(
                    .warning, .skipListAmbiguous,
                    "a pattern that Ingot does not read; it is judged as matching nothing",
                    file: file, field: "quantization_config",
                    expected: "letters, ., .*, \\., \\d, +, (a|b), ^ and $", found: "\"\(entry)\"",
                    remedy: "write the modules in full"))
            return
        }
        var hit = false
        for (index, candidate) in inventory.entries.enumerated() where pattern.matches(candidate.module) {
            matches.skipped[index] = true
            hit = true
        }
        if !hit { matches.findings.append(unmatched(entry, file)) }
    }

    private func unmatched(_ entry: String, _ file: String) -> Finding {
        Finding(
            .warning, .skipListAmbiguous,
            "an entry of the skip list names no module of this model and skips nothing",
            file: file, field: "quantization_config", expected: "a full module name", found: "\"\(entry)\"",
            remedy: acceptsParts ? nil : "an entry is a whole name, or a pattern with re: in front")
    }
}

extension TensorInventory {
    /// The entry that a full name in a skip list means; nil for parts of names and for patterns.
    package func index(ofSkipped name: String) -> Int? {
        index(of: name + ".weight") ?? index(of: "model.\(name).weight") ?? index(of: name)
    }
}
