// `.gitattributes`: which files a hub stores as large ones. A card or config stored so renders empty; a shard
// not stored so is refused.

import Checkpoints
import Diagnostics

/// The rules of a `.gitattributes`, and what follows for a path.
package struct GitAttributes: Sendable {
    package static let fileName = ".gitattributes"

    private struct Rule {
        let pattern: String
        /// Whether the line sets `filter=lfs`, unsets it, or says nothing of it.
        let filters: Bool?
    }

    private let rules: [Rule]

    /// Reads the lines of a file.
    package init(_ text: String) {
        rules = text.lines.compactMap { line in
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).map(String.init)
            guard let pattern = words.first, !pattern.hasPrefix("#") else { return nil }
            var filters: Bool?
            for word in words.dropFirst() {
                if word == "filter=lfs" { filters = true }
                if word == "-filter" || word == "!filter"
                    || (word.hasPrefix("filter=") && word != "filter=lfs")
                {
                    filters = false
                }
            }
            return Rule(pattern: pattern, filters: filters)
        }
    }

    /// Whether a path is stored as a large file: the last rule that matches decides.
    package func isLarge(_ path: String) -> Bool {
        rules.last { $0.filters != nil && Self.matches(path, $0.pattern) }?.filters ?? false
    }

    /// Whether a path matches a pattern.
    ///
    /// - Source: gitattributes(5) and gitignore(5): a pattern without a slash is matched against the last
    ///   component; `**` crosses folders, `*` and `?` do not.
    package static func matches(_ path: String, _ pattern: String) -> Bool {
        var pattern = pattern
        if pattern.hasPrefix("/") {
            pattern.removeFirst()
        } else if !pattern.contains("/") {
            return glob(Array(lastComponent(path).utf8)[...], Array(pattern.utf8)[...])
        }
        return glob(Array(path.utf8)[...], Array(pattern.utf8)[...])
    }

    private static func glob(_ text: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var text = text
        var pattern = pattern
        while let letter = pattern.first {
            switch letter {
            case UInt8(ascii: "*"):
                let crosses = pattern.dropFirst().first == UInt8(ascii: "*")
                var rest = pattern.drop { $0 == UInt8(ascii: "*") }
                // `**/` may also stand for no folder at all.
                if crosses, rest.first == UInt8(ascii: "/"), glob(text, rest.dropFirst()) { return true }
                if crosses, rest.isEmpty { return true }
                if crosses, rest.first != UInt8(ascii: "/") {
                    rest = pattern.drop { $0 == UInt8(ascii: "*") }
                }
                var tail = text
                while true {
                    if glob(tail, rest) { return true }
                    guard let next = tail.first, crosses || next != UInt8(ascii: "/") else { return false }
                    tail = tail.dropFirst()
                }
            case UInt8(ascii: "?"):
                guard let next = text.first, next != UInt8(ascii: "/") else { return false }
            default:
                guard text.first == letter else { return false }
            }
            text = text.dropFirst()
            pattern = pattern.dropFirst()
        }
        return text.isEmpty
    }

    /// The text for hubs: patterns of weights, then the files that must stay readable, said last so that it holds.
    package static func text(_ hubs: [HubProfile], large: [String] = []) -> String {
        var lines: [String] = []
        for pattern in hubs.flatMap(\.largePatterns) + large {
            let line = "\(pattern) filter=lfs diff=lfs merge=lfs -text"
            if !lines.contains(line) { lines.append(line) }
        }
        for name in hubs.flatMap(\.neverLarge) where !lines.contains("\(name) -filter -diff -merge text") {
            lines.append("\(name) -filter -diff -merge text")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// The check of the rules against the files that are there.
struct GitAttributesCheck {
    let listing: ReleaseListing
    let hubs: [HubProfile]

    func findings() -> [Finding] {
        guard let text = listing.text(GitAttributes.fileName) else { return [] }
        let rules = GitAttributes(text)
        let never = Set(hubs.flatMap(\.neverLarge))
        // The other hub's client makes large files of what is above its own, lower limit by itself.
        let inline = hubs.map(\.inlineBytes).max() ?? Int.max
        var findings: [Finding] = []
        for entry in listing.files {
            let isLarge = rules.isLarge(entry.path)
            if isLarge, never.contains(entry.name) {
                findings.append(
                    Finding(
                        .error, .attributesHideText,
                        "a file that the hub reads itself would be stored as a pointer",
                        file: GitAttributes.fileName, field: entry.path, expected: "no filter=lfs for it",
                        found: "a rule that matches it", remedy: "end the file with `\(entry.name) -filter`"))
            } else if !isLarge, entry.size > inline || entry.name.hasSuffix(".safetensors") {
                findings.append(
                    Finding(
                        .error, .attributesMissLarge, "the hub refuses this file as an ordinary one",
                        file: GitAttributes.fileName, field: entry.path,
                        expected: "a rule with filter=lfs for \(grouped(entry.size)) bytes", found: "no rule",
                        remedy: "add `\(entry.name.hasSuffix(".safetensors") ? "*.safetensors" : entry.path)"
                            + " filter=lfs diff=lfs merge=lfs -text`"))
            }
        }
        return findings
    }
}
