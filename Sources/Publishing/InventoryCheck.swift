// What must be in the folder, what must not, and what a hub's limits say about it.

import Checkpoints
import Diagnostics
import Documents

/// The checks of the folder's entries.
struct InventoryCheck {
    let release: Release
    let hubs: [HubProfile]
    let profile: CardProfile

    private var listing: ReleaseListing { release.listing }

    func findings() -> [Finding] {
        var collector = FindingCollector()
        collector.add(presence())
        for entry in listing.entries { collector.add(judge(entry)) }
        collector.add(limits())
        collector.add(sidecars())
        return collector.findings
    }

    // MARK: What must be there

    private func presence() -> [Finding] {
        var findings: [Finding] = []
        for name in ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
        where !listing.has(name) {
            findings.append(
                Finding(
                    .error, .releaseFileMissing, "a file that every user of the model needs is not there",
                    file: name, expected: "the base model's \(name)", found: "no such file",
                    remedy: "copy it from the base model"))
        }
        if !listing.has(Release.cardName) {
            findings.append(
                Finding(
                    .error, .cardMissing, "the folder has no model card", file: Release.cardName,
                    expected: "a card with front matter", found: "no such file",
                    remedy: "ingot publish prepare writes one"))
        }
        if !listing.entries.contains(where: {
            $0.isAtTop && BaseFiles.isLicence($0.name) && $0.name != "NOTICE"
        }) {
            findings.append(
                Finding(
                    .error, .licenceFileMissing, "the folder has no licence text", file: "LICENSE",
                    expected: "the text of the licence that the card names", found: "no such file",
                    remedy: "copy the base model's LICENSE"))
        }
        if !listing.has(GitAttributes.fileName) {
            findings.append(
                Finding(
                    .error, .attributesMissing,
                    "nothing says which files are stored as large ones", file: GitAttributes.fileName,
                    expected: "a rule for *.safetensors", found: "no such file",
                    remedy: "ingot publish check DIR --fix writes it"))
        }
        return findings
    }

    // MARK: What must not

    private func judge(_ entry: ReleaseListing.Entry) -> [Finding] {
        switch entry.kind {
        case .symbolicLink:
            return [
                Finding(
                    .error, .symbolicLink, "a link would be uploaded as what it is, or not at all",
                    file: entry.path, expected: "a regular file", found: "a symbolic link",
                    remedy: "put the file itself there: cp -L")
            ]
        case .folder:
            return entry.isAtTop && !Self.knownFolders.contains(entry.name)
                ? [
                    Finding(
                        .error, .folderStray, "a folder that a model of this family does not have",
                        file: entry.path, expected: "files at the top, .eval_results and assets",
                        found: "a folder", remedy: "move it out of the release")
                ] : []
        case .file: return judgeFile(entry)
        default:
            return [
                Finding(
                    .error, .litter, "neither a file nor a folder", file: entry.path,
                    expected: "regular files", found: "a device, a socket or a pipe", remedy: "remove it")
            ]
        }
    }

    /// - Source: `.eval_results` is hub-docs docs/hub/eval-results.md; `assets` is where this program puts charts;
    ///   the others are those of public repositories of models.
    private static let knownFolders = [".eval_results", "assets", "figures", "images", "docs", "eagle3"]

    private func judgeFile(_ entry: ReleaseListing.Entry) -> [Finding] {
        var findings: [Finding] = []
        if let stray = profile.strays.first(where: { entry.name.hasSuffix($0.ending) }) {
            findings.append(
                stray.kind == .weights
                    ? Finding(
                        .error, .strayWeights, "a weight file that is not safetensors", file: entry.path,
                        expected: "safetensors shards only", found: stray.source,
                        remedy: "move it out: hubs scan for pickles and engines may load it")
                    : Finding(
                        .error, .litter, "a file that is no part of a model", file: entry.path,
                        expected: "files that a user needs", found: stray.source, remedy: "remove it"))
        } else if isPickle(entry) {
            findings.append(
                Finding(
                    .error, .strayWeights, "a pickle under another name", file: entry.path,
                    expected: "safetensors shards only",
                    found: "the first bytes of a pickle or of a zip of pickles",
                    remedy: "move it out of the release"))
        }
        if entry.size == 0 {
            findings.append(
                Finding(
                    .error, .fileEmpty, "a file with nothing in it", file: entry.path, expected: "content",
                    found: "0 bytes", remedy: "copy it again, or remove it"))
        }
        let odd = entry.path.unicodeScalars.first {
            $0.value < 0x21 || $0.value > 0x7E || "\\:*?\"<>|".unicodeScalars.contains($0)
        }
        if let odd {
            findings.append(
                Finding(
                    .error, .nameUnportable, "a name that not every system and client can write",
                    file: entry.path, expected: "printable ASCII without spaces and \\ : * ? \" < > |",
                    found: "U+" + String(odd.value, radix: 16, uppercase: true), remedy: "rename it"))
        }
        for hub in hubs where entry.size > hub.fileBytes {
            findings.append(
                Finding(
                    .error, .fileTooLargeForHub, "\(hub.title) does not take a file of this size",
                    file: entry.path, expected: "at most \(grouped(hub.fileBytes)) bytes",
                    found: "\(grouped(entry.size)) bytes",
                    remedy: "ingot publish prepare --shard-size 5GB cuts shards anew"))
        }
        if let advised = hubs.map(\.advisedFileBytes).min(), entry.size > advised,
            !findings.contains(where: { $0.code == .fileTooLargeForHub })
        {
            findings.append(
                Finding(
                    .warning, .fileTooLargeForHub, "clients without the hub's own transfer stop at this file",
                    file: entry.path, expected: "at most \(grouped(advised)) bytes",
                    found: "\(grouped(entry.size)) bytes",
                    remedy: "ingot publish prepare --shard-size 5GB cuts shards anew"))
        }
        return findings
    }

    /// The first bytes of a file that no extension gives away: a pickle's protocol mark, or a zip.
    private func isPickle(_ entry: ReleaseListing.Entry) -> Bool {
        guard entry.size > 4, !entry.name.hasSuffix(".safetensors"), !entry.name.hasSuffix(".png"),
            let head = try? FileAccess.read(listing.path(of: entry.path), range: 0..<4)
        else { return false }
        return head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || (head[0] == 0x80 && (2...5).contains(head[1]))
    }

    private func limits() -> [Finding] {
        var findings: [Finding] = []
        let folders = Dictionary(grouping: listing.entries) { parentFolder($0.path) }
        let fullest = folders.max { $0.value.count < $1.value.count }
        for hub in hubs {
            let count = listing.files.count
            if count > hub.fileCount || listing.isCut {
                findings.append(
                    Finding(
                        .error, .tooManyFiles, "\(hub.title) does not take as many files",
                        expected: "at most \(grouped(hub.fileCount)) files", found: "\(grouped(count)) files")
                )
            }
            if let fullest, fullest.value.count > hub.folderEntries {
                findings.append(
                    Finding(
                        .error, .tooManyFiles, "\(hub.title) does not take as many entries in one folder",
                        file: fullest.key, expected: "at most \(grouped(hub.folderEntries)) entries",
                        found: "\(grouped(fullest.value.count)) entries"))
            }
            let shards = listing.files.count { $0.name.hasSuffix(".safetensors") }
            if shards > hub.shardCount {
                findings.append(
                    Finding(
                        .error, .tooManyFiles, "\(hub.title) does not read as many shards",
                        expected: "at most \(grouped(hub.shardCount)) shards",
                        found: "\(grouped(shards)) shards",
                        remedy: "ingot publish prepare --shard-size 5GB cuts shards anew"))
            }
        }
        return findings
    }

    // MARK: JSON and text

    private func sidecars() -> [Finding] {
        var findings: [Finding] = []
        for entry in listing.files where entry.size > 0 {
            let name = entry.name
            if name.hasSuffix(".json"), name != CheckpointIndex.fileName, entry.size <= 1 << 26,
                let bytes = try? FileAccess.read(listing.path(of: entry.path), limit: 1 << 26)
            {
                do throws(JSONError) { _ = try JSONValue(parsing: bytes) } catch {
                    findings.append(Finding(error, code: .sidecarNotJSON, file: entry.path))
                }
            } else if TextFiles.isText(entry.path, profile), entry.size <= 1 << 26,
                let bytes = try? FileAccess.read(listing.path(of: entry.path), limit: 1 << 26)
            {
                let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
                guard hasMark || String(validating: bytes, as: UTF8.self) == nil else { continue }
                findings.append(
                    Finding(
                        .error, .textNotUTF8, "a text that readers take for something else", file: entry.path,
                        expected: "UTF-8 without a byte order mark",
                        found: hasMark ? "a byte order mark" : "bytes that are no UTF-8",
                        remedy: "save it as UTF-8"))
            }
        }
        return findings
    }
}
