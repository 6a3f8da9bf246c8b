// A checkpoint as a folder of shards, an index and sidecars, opened with every claim checked that can be
// checked without reading tensor data.

import Diagnostics
import Glibc
import Tensors

/// An opened checkpoint: its headers are sound and agree with its index.
package struct Checkpoint: Sendable {
    /// One safetensors file of the checkpoint.
    package struct Shard: Sendable {
        /// The file's name in the folder.
        package let name: String
        package let header: ShardHeader
        /// What the file was when its header was read; readers of its data compare.
        package let identity: FileIdentity
    }

    /// The path as it was given.
    package let folder: String
    package let mode: HeaderMode
    package let hasIndex: Bool
    /// In the order of their names.
    package let shards: [Shard]
    /// Names of all other regular files at the top of the folder, the index excepted; sorted, hidden ones
    /// left out.
    package let sidecars: [String]
    /// Warnings and notes.
    package let findings: [Finding]
    private let places: TensorPlaces

    /// Opens a folder.
    ///
    /// - Parameters:
    ///   - folder: a path; files in it may be links to regular files, as in the cache of the hub's client.
    ///   - mode: which headers are taken.
    /// - Throws: all errors that were found, with the warnings and notes between them.
    /// - Complexity: one pass over the headers; no tensor data is read.
    package static func open(_ folder: String, mode: HeaderMode = .strict) throws(Failure) -> Checkpoint {
        let listing = try FolderListing(folder)
        var collector = FindingCollector()
        collector.add(listing.findings)
        let index = try readIndex(listing, &collector)
        try listing.requireShards(index: index)

        let shards = readShards(listing.shardNames(index: index), in: folder, mode: mode, &collector)
        let consistency = Consistency(folder: folder, listing: listing, index: index, shards: shards)
        let places = consistency.check(&collector)
        try collector.findings.throwErrors()
        return Checkpoint(
            folder: folder, mode: mode, hasIndex: index != nil, shards: shards.compactMap(\.shard),
            sidecars: listing.sidecars, findings: collector.findings, places: places)
    }

    /// Where a tensor is: an index into `shards`, and its record; nil when the checkpoint has no such tensor.
    package func tensor(named name: String) -> (shard: Int, record: TensorRecord)? {
        guard let place = places[name] else { return nil }
        return (place.shard, shards[place.shard].header.tensors[place.record])
    }

    /// The path of a shard.
    package func path(ofShard shard: Int) -> String { joined(folder, shards[shard].name) }

    /// The path of a sidecar, or of another file of the folder.
    package func path(of name: String) -> String { joined(folder, name) }

    /// The number of tensors in all shards.
    package var tensorCount: Int { shards.reduce(0) { $0 + $1.header.tensors.count } }

    /// Bytes of tensor data in all shards.
    package var dataBytes: Int { shards.reduce(0) { $0 + $1.header.dataBytes } }

    // MARK: Reading

    /// The index of the folder, nil when it has none.
    ///
    /// One that cannot be read ends the matter: nothing else says which files belong together.
    private static func readIndex(
        _ listing: FolderListing, _ collector: inout FindingCollector
    ) throws(Failure) -> CheckpointIndex? {
        guard listing.hasIndex else { return nil }
        let (index, findings) = try CheckpointIndex.read(
            path: joined(listing.folder, CheckpointIndex.fileName))
        collector.add(findings)
        return index
    }

    /// A shard that should be there, and what was read of it.
    struct ReadShard {
        let name: String
        let shard: Shard?
    }

    private static func readShards(
        _ names: [String], in folder: String, mode: HeaderMode, _ collector: inout FindingCollector
    ) -> [ReadShard] {
        var shards: [ReadShard] = []
        var faults: [Finding] = []
        for name in names {
            do throws(Failure) {
                shards.append(ReadShard(name: name, shard: try readShard(name, in: folder, mode: mode)))
            } catch {
                shards.append(ReadShard(name: name, shard: nil))
                faults += error.findings
            }
        }
        let sound = shards.count { $0.shard != nil }
        for var fault in faults {
            if fault.code == .shardTruncated, sound == names.count - 1, sound > 0 {
                let others = sound == 1 ? "the other one is" : "the other \(sound) are"
                fault.remedy = "copy this shard again; \(others) complete"
            }
            collector.add(fault)
        }
        return shards
    }

    private static func readShard(
        _ name: String, in folder: String, mode: HeaderMode
    ) throws(Failure) -> Shard {
        let path = joined(folder, name)
        guard FileAccess.kind(path) != .nothing else {
            throw Failure(
                Finding(
                    .error, .shardMissing, "a shard that the index names is not there", file: path,
                    expected: "a file of this name", found: "nothing there", remedy: "copy this shard again"))
        }
        let descriptor = try FileAccess.openForReading(path)
        defer { close(descriptor) }
        let identity = try FileIdentity(descriptor: descriptor, path: path)
        let header = try ShardHeader.read(
            descriptor: descriptor, fileSize: identity.size, path: path, mode: mode)
        return Shard(name: name, header: header, identity: identity)
    }
}
