// Puts a checkpoint back from the files that an engine's workers write or that were written for them: the
// topology follows from file names and shapes, the tensors from the same rules that sliced them.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

/// A folder of an engine's rank files, opened.
struct EngineFolder: Sendable {
    let folder: String
    let form: EngineForm
    let artefact: ArtefactTensors
    let rules: SplitRules
    let files: SourceFiles
    /// By rank, the tensors of all its files.
    let held: [[String: (file: Int, record: TensorRecord)]]
    let sidecars: [String]
}

extension EngineFolder {
    /// Opens a folder; nil when it holds no files of an engine's ranks.
    ///
    /// - Throws: `TOPO-017` for ranks that are not there; header and config faults of their own codes.
    static func open(_ folder: String) throws(Failure) -> EngineFolder? {
        let names = try FileAccess.names(in: folder).sorted()
        let ranked = names.compactMap { name in EngineFileRank(name).map { (name: name, rank: $0) } }
        guard let form = ranked.first?.rank.form else { return nil }
        let stages = (ranked.map(\.rank.stage).max() ?? 0) + 1
        let tensor = ranked.compactMap(\.rank.count).max() ?? (ranked.map(\.rank.tensor).max() ?? 0) + 1
        try missing(ranked.map(\.rank), folder, stages: stages, tensor: tensor).throwErrors()

        var files: [SourceFile] = []
        var held = [[String: (file: Int, record: TensorRecord)]](repeating: [:], count: stages * tensor)
        for (number, file) in ranked.enumerated() {
            let path = joined(folder, file.name)
            files.append(SourceFile(path: path, identity: try FileAccess.identity(path)))
            for record in try ShardHeader.read(path: path).tensors {
                held[file.rank.stage * tensor + file.rank.tensor][record.name] = (number, record)
            }
        }
        let artefact = try artefact(folder)
        let rules = rules(artefact, form, held, stages: stages, tensor: tensor, folder: folder)
        let weights = Set(ranked.map(\.name) + [SliceRecord.fileName])
        return EngineFolder(
            folder: folder, form: form, artefact: artefact, rules: rules, files: SourceFiles(files),
            held: held,
            sidecars: names.filter {
                !weights.contains($0) && !$0.hasPrefix(".") && FileAccess.kind(joined(folder, $0)) == .file
            })
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

    /// The tensors that the config asks for, as the sources of the files had them.
    private static func artefact(_ folder: String) throws(Failure) -> ArtefactTensors {
        let bytes = try FileAccess.read(joined(folder, "config.json"), limit: Sidecars.sizeLimit)
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .rankRecordMalformed, file: joined(folder, "config.json")))
        }
        let reading = BailingMoeV2Configuration.read(value)
        guard let configuration = reading.configuration else { throw Failure(reading.findings) }
        let quantised = QuantisedInventory(TensorInventory(configuration))
        var headers: [TensorHeader] = []
        for (index, entry) in quantised.inventory.entries.enumerated() {
            headers.append(
                TensorHeader(
                    name: entry.name, dtype: quantised.storedDType(at: index), shape: entry.shape, shard: 0))
            if let scale = quantised.scale(at: index) {
                headers.append(TensorHeader(name: scale.name, dtype: .f32, shape: scale.shape, shard: 0))
            }
        }
        return ArtefactTensors(
            InventoryMatch(quantised, HeaderView(shards: ["model.safetensors"], tensors: headers)))
    }

    /// Expert parallelism shows in the stack of a rank, which has fewer experts than the model.
    private static func rules(
        _ artefact: ArtefactTensors, _ form: EngineForm,
        _ held: [[String: (file: Int, record: TensorRecord)]], stages: Int, tensor: Int, folder: String
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
            c, ParallelTopology(tensor: tensor, expert: expert, pipeline: stages), family: .vllm,
            remainder: .middle, vocabularyMultiple: form.vocabularyMultiple,
            placement: recordedPlacement(folder, expert))
    }

    /// topology.json beside the files says when experts were dealt out in turn.
    private static func recordedPlacement(_ folder: String, _ expert: Int) -> ExpertPlacement {
        guard expert > 1,
            let bytes = try? FileAccess.read(joined(folder, SliceRecord.fileName), limit: 1 << 28),
            case .object(let record)? = try? JSONValue(parsing: bytes),
            record["placement"] == .string(ExpertPlacement.Name.roundRobin.rawValue)
        else { return .linear }
        return .roundRobin
    }
}

/// A plan to gather such a folder into a standard checkpoint.
package struct EngineGatherPlan: Sendable {
    let source: EngineFolder
    /// Stored names of each output file.
    let files: [(name: String, tensors: [String])]

    /// Plans the files; nil for a folder without an engine's rank files.
    package init?(_ folder: String, fileBytes: Int = StandardLayoutPlan.fileBytes) throws(Failure) {
        guard let source = try EngineFolder.open(folder) else { return nil }
        self.source = source
        var parts: [[String]] = [[]]
        var used = 0
        let suffix = source.artefact.quantised.layout.fp8?.scaleSuffix ?? ""
        for tensor in source.artefact.tensors {
            let entry = source.artefact.inventory.entries[tensor.entry]
            guard !source.artefact.inventory.isPrediction(entry) else { continue }
            let kind = source.artefact.kinds[tensor.kind]
            let size = kind.shape.byteCount(kind.dtype) ?? 0
            if used + size > fileBytes, used > 0 {
                parts.append([])
                used = 0
            }
            parts[parts.count - 1].append(entry.name)
            if kind.scaleShape != nil { parts[parts.count - 1].append(entry.name + suffix) }
            used += size
        }
        let count = parts.count
        files = parts.enumerated().map { (shardName($0, of: count), $1) }
    }
}
