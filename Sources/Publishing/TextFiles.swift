// What no text of a release may hold: places on somebody's disk, secrets, names and addresses inside networks.

import Checkpoints
import Diagnostics
import Documents

/// Looks through text files, byte by byte.
struct TextFiles {
    let listing: ReleaseListing
    let profile: CardProfile

    /// Files of words, not of sentences: what they hold was learnt, not written.
    private static let vocabularies = [
        "tokenizer.json", "vocab.json", "merges.txt", CheckpointIndex.fileName,
    ]
    /// A text of a release is read whole; larger ones are data.
    private static let limit = 1 << 26

    static func isText(_ path: String, _ profile: CardProfile) -> Bool {
        let name = lastComponent(path)
        return profile.textEndings.contains { name.hasSuffix($0) } || BaseFiles.isLicence(name)
            || name == GitAttributes.fileName || name == ReleaseSums.fileName
    }

    func findings() -> [Finding] {
        var collector = FindingCollector()
        for entry in listing.files
        where Self.isText(entry.path, profile) && !Self.vocabularies.contains(entry.name)
            && entry.size <= Self.limit
        {
            guard let bytes = try? FileAccess.read(listing.path(of: entry.path), limit: Self.limit) else {
                continue
            }
            for finding in judge(bytes, file: entry.path) { collector.add(finding) }
        }
        return collector.findings
    }

    /// One finding of each kind in a line at most.
    func judge(_ bytes: [UInt8], file: String) -> [Finding] {
        var findings: [Finding] = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let field = "line \(number)"
            if let secret = secret(in: line) {
                findings.append(
                    Finding(
                        .error, .secret, "a secret would be published", file: file, field: field,
                        expected: "no secrets", found: secret,
                        remedy: "revoke it now, then remove it; it was on this disk in the clear"))
            }
            if let path = path(in: line) {
                findings.append(
                    Finding(
                        .error, .absolutePath, "a place on somebody's disk would be published", file: file,
                        field: field, expected: "names of repositories or of files in the folder",
                        found: path,
                        remedy: "replace it by the name of the repository"))
            }
            if let host = host(in: line) {
                findings.append(
                    Finding(
                        .error, .hostName, "a name or address inside a network would be published",
                        file: file,
                        field: field, expected: "public names only", found: host, remedy: "remove it"))
            }
        }
        return findings
    }

    private func secret(in line: ArraySlice<UInt8>) -> String? {
        for secret in profile.secrets {
            for start in Self.places(of: secret.prefix, in: line) {
                // A prefix inside a word is a word.
                if start > line.startIndex, isWord(line[start - 1]), isWord(secret.prefix[0]) { continue }
                let rest = line[(start + secret.prefix.count)...]
                let run = rest.prefix { letter in
                    switch secret.alphabet {
                    case .alphanumeric: isAlphanumeric(letter)
                    case .alphanumericDashes: isAlphanumeric(letter) || letter == 0x2D || letter == 0x5F
                    case .hexadecimalDashes:
                        (0x30...0x39).contains(letter) || (0x61...0x66).contains(letter) || letter == 0x2D
                    }
                }
                guard run.count >= secret.length else { continue }
                // A placeholder such as hf_xxxxxxxx is not one.
                guard secret.length == 0 || Set(run).count >= 6 else { continue }
                return secret.name
            }
        }
        return nil
    }

    private func path(in line: ArraySlice<UInt8>) -> String? {
        for root in profile.paths {
            let mark = Array(root.utf8)
            for start in Self.places(of: mark, in: line) {
                if start > line.startIndex {
                    let before = line[start - 1]
                    // Inside a URL or a longer name: a/home/b, https://host/data/x, ./tmp/x, ~/work/x.
                    if isWord(before) || [0x2F, 0x2E, 0x7E, 0x2D, 0x7D, 0x3E].contains(before) { continue }
                }
                let rest = line[(start + mark.count)...].prefix {
                    isWord($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x2F
                }
                guard rest.first.map(isWord) ?? false else { continue }
                return root + String(decoding: rest.prefix(60), as: UTF8.self)
            }
        }
        return nil
    }

    private func host(in line: ArraySlice<UInt8>) -> String? {
        for ending in profile.hostEndings {
            let mark = Array(ending.utf8)
            for start in Self.places(of: mark, in: line)
            where start > line.startIndex && isWord(line[start - 1]) {
                let after = start + mark.count
                if after < line.endIndex, isWord(line[after]) || line[after] == 0x28 || line[after] == 0x2D {
                    continue
                }
                let before = line[..<start].reversed().prefix { isWord($0) || $0 == 0x2D || $0 == 0x2E }
                // A name inside a network is an address: something stands before it that says so.
                let place = start - before.count
                let lead = line[..<place].suffix(3)
                guard lead.elementsEqual(Array("://".utf8)) || lead.last == UInt8(ascii: "@") else {
                    continue
                }
                return String(decoding: Array(before.reversed()), as: UTF8.self) + ending
            }
        }
        return privateAddress(in: line)
    }

    /// An IPv4 address of a private network.
    ///
    /// - Source: RFC 1918.
    private func privateAddress(in line: ArraySlice<UInt8>) -> String? {
        var index = line.startIndex
        while index < line.endIndex {
            guard (0x30...0x39).contains(line[index]) else {
                index += 1
                continue
            }
            let run = line[index...].prefix { (0x30...0x39).contains($0) || $0 == 0x2E }
            let isFree = index == line.startIndex || !(isWord(line[index - 1]) || line[index - 1] == 0x2D)
            let after = run.endIndex < line.endIndex ? line[run.endIndex] : 0x20
            let text = String(decoding: run, as: UTF8.self)
            let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) ?? 256 }
            if isFree, !isWord(after), parts.count == 4, parts.allSatisfy({ $0 < 256 }),
                parts[0] == 10 || (parts[0] == 192 && parts[1] == 168)
                    || (parts[0] == 172 && (16...31).contains(parts[1]))
            {
                return text
            }
            index = run.endIndex
        }
        return nil
    }

    private func isAlphanumeric(_ letter: UInt8) -> Bool {
        (0x30...0x39).contains(letter) || (0x41...0x5A).contains(letter) || (0x61...0x7A).contains(letter)
    }

    private func isWord(_ letter: UInt8) -> Bool {
        isAlphanumeric(letter) || letter == 0x5F || letter >= 0x80
    }

    /// Where a mark stands in a line.
    private static func places(of mark: [UInt8], in line: ArraySlice<UInt8>) -> [Int] {
        guard let first = mark.first, line.count >= mark.count else { return [] }
        var places: [Int] = []
        var start = line.startIndex
        while let at = line[start...].firstIndex(of: first), at + mark.count <= line.endIndex {
            if line[at..<(at + mark.count)].elementsEqual(mark) { places.append(at) }
            start = at + 1
        }
        return places
    }
}
