// Whether the shards of a checkpoint, its index and its folder say the same.

import Diagnostics

/// The checks between the parts of a checkpoint.
struct Consistency {
    let folder: String
    let listing: FolderListing
    let index: CheckpointIndex?
    /// In the order of their names; nil where a shard could not be read.
    let shards: [Checkpoint.ReadShard]

    private var indexPath: String { joined(folder, CheckpointIndex.fileName) }

    /// Runs all checks and gives the map of tensors.
    func check(_ collector: inout FindingCollector) -> TensorPlaces {
        checkNumbering(&collector)
        let places = collect(&collector)
        if let index {
            checkStrayFiles(index, &collector)
            checkEntries(index, places, &collector)
            if !collector.hasErrors { checkTotals(index, &collector) }
        }
        return places
    }

    /// Every tensor is in one shard only.
    private func collect(_ collector: inout FindingCollector) -> TensorPlaces {
        var places = TensorPlaces(capacity: shards.reduce(0) { $0 + ($1.shard?.header.tensors.count ?? 0) })
        for (number, read) in shards.enumerated() {
            for (place, record) in (read.shard?.header.tensors ?? []).enumerated() {
                guard let earlier = places.add(record.name, .init(shard: number, record: place)) else {
                    continue
                }
                collector.add(
                    Finding(
                        .error, .tensorInTwoShards, "a tensor stands in two shards",
                        file: joined(folder, read.name), tensor: record.name, expected: "each tensor once",
                        found: "in \(shards[earlier.shard].name) too",
                        remedy: "remove the file that does not belong to this checkpoint"))
            }
        }
        return places
    }

    /// Every shard file of the folder is named: an engine without the index would load the others too.
    private func checkStrayFiles(_ index: CheckpointIndex, _ collector: inout FindingCollector) {
        let named = Set(index.shards)
        for name in listing.safetensors where !named.contains(name) {
            collector.add(
                Finding(
                    .error, .shardStray, "a shard is not named by the index", file: joined(folder, name),
                    expected: "one of the \(grouped(named.count)) files that the index names",
                    found: "a file that some readers load and others leave out",
                    remedy: "move the file out of the folder, or restore the index"))
        }
    }

    /// The index and the headers name the same tensors in the same shards.
    ///
    /// What a shard that could not be read holds is not judged.
    private func checkEntries(
        _ index: CheckpointIndex, _ places: TensorPlaces, _ collector: inout FindingCollector
    ) {
        let numberOf = Dictionary(uniqueKeysWithValues: shards.enumerated().map { ($1.name, $0) })
        var indexed = shards.map { [Bool](repeating: false, count: $0.shard?.header.tensors.count ?? 0) }
        for entry in index.entries {
            let name = index.shards[entry.shard]
            guard let number = numberOf[name] else { continue }
            guard let place = places[entry.tensor] else {
                if shards[number].shard != nil { collector.add(missing(entry.tensor, from: name)) }
                continue
            }
            indexed[place.shard][place.record] = true
            if place.shard != number {
                collector.add(
                    Finding(
                        .error, .tensorElsewhere, "a tensor is in another shard than the index says",
                        file: indexPath, tensor: entry.tensor, expected: name,
                        found: shards[place.shard].name, remedy: "restore the index from its source"))
            }
        }
        for (number, marks) in indexed.enumerated() {
            for (place, mark) in marks.enumerated() where !mark {
                guard let record = shards[number].shard?.header.tensors[place],
                    places[record.name] == .init(shard: number, record: place)
                else { continue }
                collector.add(
                    Finding(
                        .error, .tensorNotIndexed, "a tensor is not named by the index",
                        file: joined(folder, shards[number].name), tensor: record.name,
                        expected: "an entry in \(CheckpointIndex.fileName)", found: "no entry",
                        remedy: "restore the index and this shard from one source"))
            }
        }
    }

    private func missing(_ tensor: String, from shard: String) -> Finding {
        Finding(
            .error, .tensorMissing, "a tensor that the index names is in no shard", file: indexPath,
            tensor: tensor, expected: "in \(shard)",
            found: "no such tensor in \(grouped(shards.count)) shards",
            remedy: "restore the index and this shard from one source")
    }

    /// The totals of the index are those of the headers.
    ///
    /// They are hints to readers, and upstream's own exporter writes wrong ones: so a difference is said and
    /// not refused. What Ingot writes has the right ones.
    private func checkTotals(_ index: CheckpointIndex, _ collector: inout FindingCollector) {
        let headers = shards.compactMap(\.shard?.header)
        let bytes = headers.reduce(0) { $0 + $1.dataBytes }
        if let said = index.totalSize, said != bytes {
            collector.add(
                Finding(
                    .warning, .totalSizeDiffers, "total size in the index is wrong", file: indexPath,
                    field: "metadata.total_size", expected: "\(grouped(bytes)) bytes in the shards",
                    found: "\(grouped(said)) bytes",
                    remedy: "nothing: shards and index agree in all else, and outputs get the right total"))
        }
        let elements = headers.reduce(0) { sum, header in
            sum + header.tensors.reduce(0) { $0 + ($1.shape.elementCount ?? 0) }
        }
        if let said = index.totalParameters, said != elements {
            collector.add(
                Finding(
                    .note, .totalParametersDiffer,
                    "total of parameters in the index is not that of the headers",
                    file: indexPath, field: "metadata.total_parameters",
                    expected: "\(grouped(elements)) elements in the shards", found: grouped(said),
                    remedy: "nothing: packed elements may be counted one by one"))
        }
    }

    /// `model-00007-of-00022.safetensors` says that there are 22 shards, each number once.
    private func checkNumbering(_ collector: inout FindingCollector) {
        let numbered = shards.compactMap { read in ShardNumbering(read.name).map { (read.name, $0) } }
        for (stem, group) in Dictionary(grouping: numbered, by: \.1.stem).sorted(by: { $0.key < $1.key }) {
            let numbers = group.map(\.1.number).sorted()
            let counts = Set(group.map(\.1.count)).sorted()
            if counts == [group.count], numbers == Array(1...group.count) { continue }
            let absent = Set(1...max(1, counts.last ?? 1)).subtracting(numbers)
            collector.add(
                Finding(
                    .error, .shardCountDiffers, "number of shards is not what their names announce",
                    file: joined(folder, group[0].0),
                    expected: "shards 1…\(counts.last ?? 0) of \(stem), each once",
                    found: "\(grouped(group.count)) shards"
                        + (absent.isEmpty ? "" : ", without \(ranges(Array(absent)))")
                        + (counts.count > 1 ? ", announcing counts \(ranges(counts))" : ""),
                    remedy: "copy the missing shards, and an index that names them all"))
        }
    }
}
