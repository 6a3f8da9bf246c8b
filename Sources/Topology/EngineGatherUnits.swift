// The work of gathering an engine's rank files: for each output file, where the pieces of its tensors stand.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

extension EngineGatherPlan: UnitPlan {
    package var stage: String { "gather" }
    package var sourceFolder: String { source.folder }

    package var byteCount: Int { source.files.files.reduce(0) { $0 + $1.identity.size } }

    package var units: [EngineGatherUnit] {
        // Every rank file is compared with its digest once, by one of the units.
        files.enumerated().map { index, file in
            EngineGatherUnit(
                source: source, name: file.name, wanted: file.tensors,
                compared: source.sealed.keys.filter { $0 % files.count == index }.sorted())
        }
    }

    package var digest: String {
        var lines = ["gather \(source.form.rawValue) \(source.rules.topology.name)"]
        for rank in source.held {
            lines += rank.sorted { $0.key < $1.key }.map {
                "\($0.key) \($0.value.record.dtype.rawValue) \($0.value.record.shape)"
            }
        }
        lines += source.sealed.sorted { $0.key < $1.key }.map(\.value.digest)
        return FileDigest.of(lines.joined(separator: "\n"))
    }

    package func writeFront(
        _ units: [SealedUnit<DigestList>], into output: OutputFolder
    ) throws(Failure) {
        let folder = output.partial
        for name in source.sidecars {
            _ = try copyFile(joined(source.folder, name), to: joined(folder, name))
        }
        guard files.count > 1 else { return }
        var shards: [(name: String, header: ShardHeader)] = []
        for file in files {
            shards.append((file.name, try ShardHeader.read(path: joined(folder, file.name))))
        }
        _ = try FileAccess.writeSealed(
            CheckpointIndex(of: shards).text, to: joined(folder, CheckpointIndex.fileName))
    }
}

/// One output file.
package struct EngineGatherUnit: WorkUnit {
    let source: EngineFolder
    let name: String
    let wanted: [String]
    /// Numbers of the rank files that this unit compares with their digests.
    let compared: [Int]

    package var key: String { name }
    package var sourceByteCount: Int {
        let inventory = source.artefact.inventory
        return compared.reduce(0) { $0 + source.files.files[$1].identity.size }
            + wanted.reduce(0) { $0 + (inventory[name: $1]?.byteCount ?? 0) }
    }

    package func sources() throws(Failure) -> [SourceFile] { source.files.files }

    package func files() throws(Failure) -> [PlannedFile] {
        [PlannedFile(name: name, bytes: try gather().header().fileSize)]
    }

    package func run(
        into place: UnitPlace, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        try compare(progress)
        return try gather().run(into: place, budget: budget, progress: progress)
    }

    /// Reads rank files from front to back: the digests are of whole files, and tensors are read in pieces.
    private func compare(_ progress: any ProgressSink) throws(Failure) {
        for number in compared {
            try StopFlag.check()
            guard let expected = source.sealed[number] else { continue }
            // Opened as the plan saw it, before and after: what the units read is what is compared.
            _ = try source.files.open([number])
            let path = source.files.files[number].path
            let found = try digestFile(path)
            _ = try source.files.open([number])
            guard found == expected else {
                throw Failure(
                    Finding(
                        .error, .sliceAltered, "a file of a rank is not what was written", file: path,
                        expected: "SHA-256 \(expected.digest)", found: found.digest,
                        remedy: "copy this file again from where it was made"))
            }
            progress.advance(bytes: found.bytes)
        }
    }

    /// A stored tensor with everything found of it.
    private struct Found {
        let piece: EnginePiece
        let shape: Shape
        let dtype: DType
        let isWidened: Bool
        var holders: [SliceHolder] = []
    }

    private func gather() throws(Failure) -> GatherUnit {
        var found: [String: Found] = [:]
        let wantedNames = Set(wanted)
        for stage in 0..<source.rules.topology.pipeline {
            let tensors = source.form.tensors(source.artefact, source.rules, stage: stage).filter { tensor in
                tensor.pieces.contains { wantedNames.contains($0.name) }
            }
            for rank in source.rules.topology.ranks where rank.stage == stage {
                for tensor in tensors { try collect(tensor, rank, wantedNames, &found) }
            }
        }
        var tensors: [GatherTensor] = []
        for name in wanted {
            guard let entry = found[name] else {
                throw Failure(source.missing(name, "none of it in any rank"))
            }
            let rows = entry.shape.dimensions.first ?? 1
            let bits = entry.isWidened ? 32 : entry.dtype.bits
            let rowBytes = rows == 0 ? 0 : (entry.shape.elementCount ?? 0) / rows * bits / 8
            do throws(AssemblyGap) {
                tensors.append(
                    GatherTensor(
                        description: TensorDescription(name: name, dtype: entry.dtype, shape: entry.shape),
                        segments: try SliceAssembly.segments(
                            entry.shape, rowBytes: rowBytes, entry.holders,
                            purpose: entry.isWidened ? .narrow : .write)))
            } catch { throw Failure(source.missing(name, error.text)) }
        }
        let order = ShardHeader.fileOrder(tensors.map(\.description))
        return GatherUnit(
            path: name, source: source.files, tensors: order.map { tensors[$0] }, expected: [])
    }

    /// Finds the pieces of one of a rank's tensors.
    private func collect(
        _ tensor: EngineTensor, _ rank: Rank, _ wanted: Set<String>, _ found: inout [String: Found]
    ) throws(Failure) {
        let place = source.held[source.place(rank)][tensor.name]
        var offset = 0
        for piece in tensor.pieces {
            let form = source.stored(piece)
            let (shape, dtype) = (form.shape, form.dtype)
            guard
                let region = source.rules.region(piece, shape, source.artefact.granularity, rank)
            else { continue }
            guard let place else {
                throw Failure(source.missing(tensor.name, "none of it in rank \(rank.index)"))
            }
            let isWidened = tensor.isWidened && dtype == .bf16
            let bytes = region.byteCount(of: shape, isWidened ? .f32 : dtype)
            if wanted.contains(piece.name) {
                var entry =
                    found[piece.name]
                    ?? Found(piece: piece, shape: shape, dtype: dtype, isWidened: isWidened)
                let holder = SliceHolder(
                    region: region.withoutPadding, file: place.file,
                    offset: place.record.dataRange.lowerBound + offset, slice: nil)
                if !entry.holders.contains(where: { $0.region == holder.region }) {
                    entry.holders.append(holder)
                }
                found[piece.name] = entry
            }
            offset += bytes
        }
    }
}
