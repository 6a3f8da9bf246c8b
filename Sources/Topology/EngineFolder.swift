// Opens the files that an engine's workers write or that were written for them: the topology follows from
// topology.json, or from file names and shapes, the tensors from the same rules that sliced them. A folder that holds
// anything else than these rules say is refused: its bytes would be taken for what they are not.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A folder of an engine's rank files, opened.
struct EngineFolder: Sendable {
    /// A tensor in a file of a rank.
    typealias Place = (file: Int, record: TensorRecord)
    /// A file with what its name says.
    typealias RankedFile = (name: String, rank: EngineFileRank)

    let folder: String
    let form: EngineForm
    let artefact: ArtefactTensors
    let rules: SplitRules
    let files: SourceFiles
    /// By number of the file, what topology.json says of it; empty without one.
    let sealed: [Int: WriteBehind.Sealed]
    /// By rank, the tensors of all its files.
    let held: [[String: Place]]
    /// Scales that are not stored as their container's writers do, by name.
    let scales: [String: StoredForm]
    let sidecars: [String]

    /// Shape and type of a tensor as a source had it.
    struct StoredForm: Equatable, Sendable {
        let shape: Shape
        let dtype: DType
    }
}

extension EngineFolder {
    /// Opens a folder; nil when it holds no files of an engine's ranks.
    ///
    /// - Throws: `TOPO-016` for files or a record that make no sense together, `TOPO-017` for ranks that are not
    ///   there, `TOPO-018` for tensors that the topology does not ask for; header and config faults of their own
    ///   codes.
    static func open(_ folder: String) throws(Failure) -> EngineFolder? {
        let names = try FileAccess.names(in: folder).sorted()
        let ranked = names.compactMap { name in EngineFileRank(name).map { (name: name, rank: $0) } }
        guard let form = ranked.first?.rank.form else { return nil }
        try strays(names, ranked, folder).throwErrors()
        let record = try EngineRecord.read(folder, form)
        let stages = record?.topology.pipeline ?? (ranked.map(\.rank.stage).max() ?? 0) + 1
        let tensor =
            record?.topology.tensor ?? ranked.compactMap(\.rank.count).max()
            ?? (ranked.map(\.rank.tensor).max() ?? 0) + 1
        try missing(ranked.map(\.rank), folder, stages: stages, tensor: tensor).throwErrors()
        if let record { try record.findings(ranked, folder).throwErrors() }

        let (files, held) = try headers(ranked, folder, stages: stages, tensor: tensor)
        let artefact = try artefact(folder)
        let rules = rules(artefact, form, held, record, stages: stages, tensor: tensor)
        let digests = Dictionary(record?.files.map { ($0.name, $0.sealed) } ?? []) { first, _ in first }
        var sealed: [Int: WriteBehind.Sealed] = [:]
        for (number, file) in ranked.enumerated() { sealed[number] = digests[file.name] }
        // An index beside these files is of the checkpoint they were made from.
        let known = Set(ranked.map(\.name) + [SliceRecord.fileName, CheckpointIndex.fileName])
        let opened = EngineFolder(
            folder: folder, form: form, artefact: artefact, rules: rules, files: SourceFiles(files),
            sealed: sealed, held: held, scales: scales(artefact, form, rules, held),
            sidecars: names.filter {
                !known.contains($0) && !$0.hasPrefix(".") && FileAccess.kind(joined(folder, $0)) == .file
            })
        try opened.findings().throwErrors()
        return opened
    }

    /// The stretch of ranks: stage by stage, in each tensor rank by tensor rank.
    func place(_ rank: Rank) -> Int { rank.stage * rules.topology.tensor + rank.tensor }

    // MARK: Files

    /// Files of tensors that are not of the ranks that the others are of.
    private static func strays(_ names: [String], _ ranked: [RankedFile], _ folder: String) -> [Finding] {
        guard let first = ranked.first else { return [] }
        let ranks = Dictionary(ranked.map { ($0.name, $0.rank) }) { first, _ in first }
        var collector = FindingCollector()
        for name in names where name.hasSuffix(".safetensors") {
            if let rank = ranks[name], rank.form == first.rank.form, rank.count == first.rank.count {
                continue
            }
            collector.add(
                Finding(
                    .error, .rankRecordMalformed, "a file of tensors is not of these ranks",
                    file: joined(folder, name), expected: "files of ranks such as \(first.name)",
                    found: ranks[name] == nil ? "a name of no rank" : "a name of other ranks",
                    remedy: "move this file away, or the others"))
        }
        return collector.findings
    }

    private static func missing(
        _ ranks: [EngineFileRank], _ folder: String, stages: Int, tensor: Int
    ) -> [Finding] {
        let present = Set(ranks.map { $0.stage * tensor + $0.tensor })
        // A name can announce millions of ranks: what is missing of them is named up to a few.
        let missing = (0..<stages * tensor).lazy.filter { !present.contains($0) }
        return missing.prefix(FindingCollector.keptPerCode).map { place in
            let (stage, rank) = place.quotientAndRemainder(dividingBy: tensor)
            return Finding(
                .error, .rankMissing, "the files of a rank are not there", file: folder,
                expected: "files of \(stages * tensor) ranks",
                found: stages > 1
                    ? "none of stage \(stage), tensor rank \(rank)" : "none of rank \(rank)",
                remedy: "copy this rank's files again")
        }
    }

    private static func headers(
        _ ranked: [RankedFile], _ folder: String, stages: Int, tensor: Int
    ) throws(Failure) -> (files: [SourceFile], held: [[String: Place]]) {
        var collector = FindingCollector()
        var files: [SourceFile] = []
        var held = [[String: Place]](repeating: [:], count: stages * tensor)
        for (number, file) in ranked.enumerated() {
            let path = joined(folder, file.name)
            files.append(SourceFile(path: path, identity: try FileAccess.identity(path)))
            let place = file.rank.stage * tensor + file.rank.tensor
            for record in try ShardHeader.read(path: path).tensors {
                if let other = held[place][record.name] {
                    collector.add(
                        Finding(
                            .error, .sliceAltered, "a tensor stands in two files of a rank", file: path,
                            tensor: record.name, expected: "each tensor of a rank once",
                            found: "also in \(ranked[other.file].name)",
                            remedy: "move the file away that is not of this rank"))
                }
                held[place][record.name] = (number, record)
            }
        }
        try collector.findings.throwErrors()
        return (files, held)
    }

    // MARK: Rules

    /// The tensors that the config asks for, as the sources of the files had them.
    private static func artefact(_ folder: String) throws(Failure) -> ArtefactTensors {
        let bytes = try FileAccess.read(joined(folder, "config.json"), limit: Sidecars.sizeLimit)
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .rankRecordMalformed, file: joined(folder, "config.json")))
        }
        let reading = BailingMoeV2Configuration.read(value)
        guard let configuration = reading.configuration else { throw Failure(reading.findings) }
        return ArtefactTensors(expectedOf: QuantisedInventory(TensorInventory(configuration)))
    }

    /// Without a record, expert parallelism shows in the stack of a rank, which has fewer experts than the model.
    private static func rules(
        _ artefact: ArtefactTensors, _ form: EngineForm, _ held: [[String: Place]], _ record: EngineRecord?,
        stages: Int, tensor: Int
    ) -> SplitRules {
        let c = artefact.configuration
        var expert = form == .deepSeekMP ? tensor : 1
        let stack = EngineTensorBuilder.expertStack(layer: c.denseLayerCount)
        if let found = held.lazy.compactMap({ $0[stack] }).first?.record.shape.dimensions.first,
            found < c.expertCount
        {
            expert = tensor
        }
        return SplitRules(
            c,
            record?.topology ?? ParallelTopology(tensor: tensor, expert: expert, pipeline: stages),
            family: .vllm, remainder: .middle, vocabularyMultiple: form.vocabularyMultiple,
            placement: record?.placement ?? .linear)
    }

    /// Scales stand as their source had them, in one of the types that readers take.
    private static func scales(
        _ artefact: ArtefactTensors, _ form: EngineForm, _ rules: SplitRules, _ held: [[String: Place]]
    ) -> [String: StoredForm] {
        guard let fp8 = artefact.quantised.layout.fp8 else { return [:] }
        var scales: [String: StoredForm] = [:]
        for stage in 0..<rules.topology.pipeline {
            for tensor in form.tensors(artefact, rules, stage: stage) {
                guard tensor.pieces.first?.isScale == true,
                    let found = held.lazy.compactMap({ $0[tensor.name] }).first?.record,
                    fp8.scaleDTypes.contains(found.dtype)
                else { continue }
                for piece in tensor.pieces {
                    let usual = fp8.scaleShape(of: piece.entry.shape)
                    let isScalar = fp8.granularity == .tensor && found.shape.rank == 0
                    scales[piece.name] = StoredForm(shape: isScalar ? [] : usual, dtype: found.dtype)
                }
            }
        }
        return scales
    }
}

extension EngineFolder {
    /// Shape and type of a piece in the checkpoint that is put back.
    func stored(_ piece: EnginePiece) -> StoredForm {
        if let scale = scales[piece.name] { return scale }
        let quantised = artefact.quantised
        guard let index = quantised.inventory.index(of: piece.entry.name) else {
            return StoredForm(shape: piece.entry.shape, dtype: piece.entry.dtype)
        }
        if piece.isScale, let scale = quantised.scale(at: index) {
            return StoredForm(shape: scale.shape, dtype: scale.dtypes[0])
        }
        return StoredForm(shape: piece.entry.shape, dtype: quantised.storedDType(at: index))
    }

    /// What the ranks hold otherwise than their topology asks for.
    private func findings() -> [Finding] {
        var collector = FindingCollector()
        for stage in 0..<rules.topology.pipeline {
            let tensors = form.tensors(artefact, rules, stage: stage)
            for rank in rules.topology.ranks where rank.stage == stage {
                check(tensors, rank, &collector)
            }
        }
        return collector.findings
    }

    private func check(_ tensors: [EngineTensor], _ rank: Rank, _ collector: inout FindingCollector) {
        var unasked = held[place(rank)]
        for tensor in tensors {
            let wanted = rules.description(tensor, rank, artefact.granularity) { piece in
                let form = stored(piece)
                return (form.shape, form.dtype)
            }
            guard let wanted else { continue }
            guard let found = unasked.removeValue(forKey: tensor.name) else {
                collector.add(missing(tensor.name, "none of it in rank \(rank.index)"))
                continue
            }
            guard found.record.dtype != wanted.dtype || found.record.shape != wanted.shape else { continue }
            collector.add(
                altered(
                    "a tensor of a rank is not as its topology asks for", found,
                    "\(wanted.shape) \(wanted.dtype.rawValue) in \(rules.topology.name)"))
        }
        for (_, found) in unasked.sorted(by: { $0.key < $1.key }) {
            collector.add(
                altered(
                    "a tensor of a rank is none that its topology asks for", found,
                    "the tensors of rank \(rank.index) in \(rules.topology.name)"))
        }
    }

    private func altered(_ what: String, _ found: Place, _ expected: String) -> Finding {
        Finding(
            .error, .sliceAltered, what, file: files.files[found.file].path, tensor: found.record.name,
            expected: expected, found: "\(found.record.shape) \(found.record.dtype.rawValue)",
            remedy: "gather reads what \(form.rawValue) writes, before weights are repacked")
    }

    /// Something of a tensor that no rank holds.
    func missing(_ name: String, _ held: String) -> Finding {
        Finding(
            .error, .rankMissing, "the ranks do not hold all of a tensor", file: folder, tensor: name,
            expected: "all of it in \(rules.topology.name)", found: held,
            remedy: "gather reads what \(form.rawValue) writes, before weights are repacked")
    }
}
