// What lies in the folder of a checkpoint, sorted into shards, sidecars and what is not carried.

import Diagnostics

/// What stands beside files that were written for ranks: the layout, from which a checkpoint is made again.
package let topologyFileName = "topology.json"

/// The entries of a folder that was given as a checkpoint.
struct FolderListing {
    let folder: String
    /// Every `*.safetensors` file at the top of the folder, sorted.
    private(set) var safetensors: [String] = []
    private(set) var sidecars: [String] = []
    private(set) var hasIndex = false
    /// What is not carried.
    private(set) var findings: [Finding] = []

    /// Lists a folder.
    ///
    /// - Throws: a finding when the path is missing, a file, or an empty folder.
    init(_ folder: String) throws(Failure) {
        self.folder = folder
        if FileAccess.kind(folder) == .file { throw Failure(Self.fileFinding(folder)) }
        let names = try FileAccess.names(in: folder)
        guard !names.isEmpty else {
            throw Failure(
                Finding(
                    .error, .folderEmpty, "folder is empty", file: folder,
                    expected: "a checkpoint: safetensors shards, their index and config.json",
                    found: "no files",
                    remedy: "check the path, or download the checkpoint again"))
        }
        for name in names where !name.hasPrefix(".") { sort(name) }
    }

    private mutating func sort(_ name: String) {
        let path = joined(folder, name)
        switch FileAccess.kind(path) {
        case .file:
            if name == CheckpointIndex.fileName {
                hasIndex = true
            } else if name.hasSuffix(".safetensors") {
                safetensors.append(name)
            } else {
                sidecars.append(name)
            }
        case .folder:
            findings.append(
                Finding(
                    .note, .folderNotCarried, "a folder inside the checkpoint is not carried to outputs",
                    file: path, expected: "files at the top of the folder", found: "a folder",
                    remedy: "copy it by hand where it is needed"))
        default:
            // A shard behind a broken link is reported as missing by the index; without one nothing else would.
            let isShard = name.hasSuffix(".safetensors") || name == CheckpointIndex.fileName
            let isLink = FileAccess.kind(path, followingLinks: false) == .symbolicLink
            findings.append(
                Finding(
                    isShard ? .error : .warning, .entryNotCarried,
                    "an entry of the checkpoint cannot be read",
                    file: path, expected: "a regular file, or a link to one",
                    found: isLink ? "a link that leads nowhere" : "neither a file nor a folder",
                    remedy: "download the checkpoint again, or remove the entry"))
        }
    }

    /// The shards to read: those that the index names, or the only one.
    func shardNames(index: CheckpointIndex?) -> [String] { index?.shards.sorted() ?? safetensors }

    /// Throws when the folder holds no checkpoint that can be read.
    func requireShards(index: CheckpointIndex?) throws(Failure) {
        guard index == nil else { return }
        if safetensors.isEmpty { throw Failure(foreign + broken) }
        if safetensors.count > 1 {
            throw Failure(
                Finding(
                    .error, .indexMissing, "several shards have no index", file: folder,
                    expected: CheckpointIndex.fileName + ", or a single shard",
                    found: "\(safetensors.count) shards: \(shortened(safetensors))",
                    remedy: "copy \(CheckpointIndex.fileName) from the source of the checkpoint; files of an "
                        + "engine's ranks become a checkpoint by: \(Self.gathering(folder))"))
        }
    }

    private var broken: [Finding] { findings.filter { $0.level == .error } }

    /// The finding for a folder without safetensors files: what it holds instead, and what would read that.
    private var foreign: [Finding] {
        let pickles = [".bin", ".pt", ".pth", ".ckpt"]
        let kinds: [(what: String, names: [String], remedy: String)] = [
            (
                "GGUF files", sidecars.filter { $0.hasSuffix(".gguf") },
                "use the checkpoint that the GGUF was made from"
            ),
            (
                "pickled PyTorch files",
                sidecars.filter { name in pickles.contains { name.hasSuffix($0) } },
                "save it again with save_pretrained(…, safe_serialization=True)"
            ),
        ]
        for kind in kinds where !kind.names.isEmpty {
            return [
                Finding(
                    .error, .folderOtherFormat, "folder holds a model of another format", file: folder,
                    expected: "safetensors shards", found: "\(kind.what): \(shortened(kind.names))",
                    remedy: kind.remedy)
            ]
        }
        let areRanks = sidecars.contains(topologyFileName)
        return [
            Finding(
                .error, .folderWithoutShards, "folder holds no shard", file: folder,
                expected: "model.safetensors, or shards and \(CheckpointIndex.fileName)",
                found: areRanks
                    ? "\(topologyFileName): files of ranks"
                    : sidecars.isEmpty ? "no files" : shortened(sidecars),
                remedy: areRanks
                    ? "make a checkpoint of them: \(Self.gathering(folder))"
                    : "give the folder that holds the *.safetensors files")
        ]
    }

    private static func gathering(_ folder: String) -> String {
        "ingot shard gather \(folder) --output DIR"
    }

    private static func fileFinding(_ path: String) -> Finding {
        let parent = parentFolder(path)
        return Finding(
            .error, .folderIsFile, "a file stands where a checkpoint folder is expected", file: path,
            expected: "a folder", found: "a file",
            remedy: path.hasSuffix(".safetensors") || path.hasSuffix(".json")
                ? "give the folder that holds it: \(parent)" : "give the folder of a checkpoint")
    }

    private func shortened(_ names: [String]) -> String { abridged(names, limit: 3) }
}
