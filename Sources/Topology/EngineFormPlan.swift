// The plan of an output form with an engine's names: for every rank its files, written together for the ranks of
// a stage so that each source tensor is read once.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors

extension SplitRules {
    /// The part of a piece that a rank holds, padding included; nil for none.
    func region(
        _ piece: EnginePiece, _ shape: Shape, _ granularity: FP8Layout.Granularity?, _ rank: Rank
    ) -> SliceRegion? {
        guard let region = region(piece.entry, rank) else { return nil }
        guard piece.isScale, let granularity else { return region }
        return region.withoutPadding.scaleRegion(granularity, scale: shape)
    }

    /// A tensor as one rank's file has it; nil when the rank has none of it.
    ///
    /// - Parameter stored: shape and type of a piece as the source has it; nil for one that it has not.
    func description(
        _ tensor: EngineTensor, _ rank: Rank, _ granularity: FP8Layout.Granularity?,
        stored: (EnginePiece) -> (Shape, DType)?
    ) -> TensorDescription? {
        if tensor.scalar != nil { return TensorDescription(name: tensor.name, dtype: .f32, shape: []) }
        var rows = 0
        var held = 0
        var experts: Set<Int> = []
        var shape: Shape = []
        var dtype = DType.f32
        for piece in tensor.pieces {
            guard let (whole, type) = stored(piece), let region = region(piece, whole, granularity, rank)
            else { continue }
            shape = region.shape(of: whole)
            dtype = type
            held += 1
            rows += shape.dimensions.first ?? 0
            if let expert = piece.entry.expert { experts.insert(expert) }
        }
        guard held > 0 else { return nil }
        var dimensions = shape.dimensions
        if tensor.isStacked {
            dimensions[0] = rows / experts.count
            dimensions.insert(experts.count, at: 0)
        } else if !dimensions.isEmpty {
            dimensions[0] = rows
        }
        return TensorDescription(
            name: tensor.name, dtype: tensor.isWidened && dtype == .bf16 ? .f32 : dtype,
            shape: Shape(dimensions))
    }
}

/// A plan to write the ranks' files of an engine.
package struct EngineFormPlan: Sendable {
    let checkpoint: Checkpoint
    let artefact: ArtefactTensors
    let rules: SplitRules
    let form: EngineForm
    let sidecars: [String]

    /// Plans from headers alone; the topology is legal and the form can hold it.
    package init(
        _ checkpoint: Checkpoint, _ artefact: ArtefactTensors, _ rules: SplitRules, _ form: EngineForm
    ) {
        self.checkpoint = checkpoint
        self.artefact = artefact
        self.rules = rules
        self.form = form
        sidecars = checkpoint.sidecars.filter { ![SliceRecord.fileName, "config.json"].contains($0) }
    }

    /// A tensor as one rank's file has it; nil when the rank has none of it.
    func description(_ tensor: EngineTensor, _ rank: Rank) -> TensorDescription? {
        rules.description(tensor, rank, artefact.granularity) { piece in
            checkpoint.tensor(named: piece.name).map { ($0.record.shape, $0.record.dtype) }
        }
    }

    /// The tensors of a stage in parts, each of which is one file of every rank.
    func parts(stage: Int) -> [[EngineTensor]] {
        let tensors = form.tensors(artefact, rules, stage: stage)
        guard let limit = form.partBytes else { return [tensors] }
        let ranks = rules.topology.ranks.filter { $0.stage == stage }
        var parts: [[EngineTensor]] = [[]]
        var used = 0
        for tensor in tensors {
            let size = ranks.compactMap { description(tensor, $0)?.byteCount }.max() ?? 0
            if used + size > limit, used > 0 {
                parts.append([])
                used = 0
            }
            parts[parts.count - 1].append(tensor)
            used += size
        }
        return parts
    }
}

/// One part for some ranks of a stage.
package struct EngineFormUnit: WorkUnit {
    let plan: EngineFormPlan
    let group: [Rank]
    let part: Int
    let tensors: [EngineTensor]

    package var key: String {
        "stage \(group.first?.stage ?? 0) part \(part) rank \(group.first?.index ?? 0)"
    }

    package var sourceByteCount: Int {
        tensors.reduce(0) { sum, tensor in
            sum + tensor.pieces.reduce(0) { $0 + (record($1)?.1.dataRange.count ?? 0) }
        }
    }

    package func sources() throws(Failure) -> [SourceFile] {
        SourceFiles(plan.checkpoint).some(Set(tensors.flatMap(\.pieces).compactMap { record($0)?.0 }))
    }

    package func files() throws(Failure) -> [PlannedFile] { try scatter().files() }

    private func record(_ piece: EnginePiece) -> (Int, TensorRecord)? {
        plan.checkpoint.tensor(named: piece.name).map { ($0.shard, $0.record) }
    }

    package func run(
        into place: UnitPlace, budget: MoveBudget, progress: any ProgressSink
    ) throws(Failure) -> UnitProduct<DigestList> {
        let product = try scatter().run(into: place, budget: budget, progress: progress)
        return UnitProduct(files: product.files, detail: DigestList([]))
    }

    private func scatter() -> ScatterUnit {
        let topology = plan.rules.topology
        let paths = group.map { plan.form.fileName($0, topology, part: part) }
        let laidOut = tensors.map { tensor -> ScatterTensor in
            let outputs = group.enumerated().compactMap { writer, rank in
                plan.description(tensor, rank).map { ScatterTensor.Output(writer: writer, description: $0) }
            }
            var laidOut = ScatterTensor(
                outputs: outputs, strokes: tensor.pieces.compactMap { stroke($0, tensor) })
            if let scalar = tensor.scalar {
                laidOut.constant = withUnsafeBytes(of: scalar.bitPattern.littleEndian) { Array($0) }
            }
            return laidOut
        }
        return ScatterUnit(
            source: SourceFiles(plan.checkpoint), paths: paths,
            tensors: laidOut.filter { !$0.outputs.isEmpty })
    }

    private func stroke(_ piece: EnginePiece, _ tensor: EngineTensor) -> ScatterStroke? {
        guard let (shard, record) = record(piece) else { return nil }
        let takers = group.enumerated().compactMap { writer, rank in
            plan.rules.region(piece, record.shape, plan.artefact.granularity, rank).map {
                // Nobody keeps digests of this form.
                ScatterStroke.Taker(writer: writer, region: $0, repeats: true)
            }
        }
        guard !takers.isEmpty else { return nil }
        return ScatterStroke(
            file: shard, record: record,
            change: tensor.isWidened && record.dtype == .bf16 ? .widened : .none, takers: takers)
    }
}

extension EngineFormPlan: UnitPlan {
    package var stage: String { "shard" }
    package var sourceFolder: String { checkpoint.folder }

    package var byteCount: Int { RankMemory(artefact, rules).total }

    package var units: [EngineFormUnit] {
        (0..<rules.topology.pipeline).flatMap { stage in
            let ranks = rules.topology.ranks.filter { $0.stage == stage }
            let groups = stride(from: 0, to: ranks.count, by: RankSlicePlan.ranksPerUnit).map {
                Array(ranks[$0..<min($0 + RankSlicePlan.ranksPerUnit, ranks.count)])
            }
            return parts(stage: stage).enumerated().flatMap { part, tensors in
                groups.map { EngineFormUnit(plan: self, group: $0, part: part, tensors: tensors) }
            }
        }
    }

    package var digest: String {
        var digest = FileDigest()
        digest.update(
            line: "\(form.rawValue) \(SliceRecord.schema) \(rules.topology.name) \(rules.placement.identity)")
        digest.update(headersOf: checkpoint)
        return digest.finish()
    }

    package func writeFront(
        _ units: [SealedUnit<DigestList>], into output: OutputFolder
    ) throws(Failure) {
        let folder = output.partial
        for name in sidecars { _ = try copyFile(checkpoint.path(of: name), to: joined(folder, name)) }
        let path = joined(folder, "config.json")
        if rules.configuration.predictionLayerCount > 0 {
            _ = try FileAccess.writeSealed(
                JSONValue.object(configWithoutPrediction).text() + "\n", to: path)
        } else {
            _ = try copyFile(checkpoint.path(of: "config.json"), to: path)
        }
        let record: JSONValue = [
            "schema": .integer(SliceRecord.schema), "form": .string(form.rawValue),
            "plan_sha256": .string(digest), "source": .string(lastComponent(checkpoint.folder)),
            "topology": .string(rules.topology.name),
            "placement": .string(rules.placement.name.rawValue),
            "files": .array(
                units.flatMap(\.files).map(\.document)),
        ]
        _ = try FileAccess.writeSealed(record.text() + "\n", to: joined(folder, SliceRecord.fileName))
    }
}

extension EngineFormPlan {
    /// The config of what is written where the prediction layer is left out: a reader must not look for it, and
    /// the lists of modules that are not quantised must not name it.
    private var configWithoutPrediction: JSONObject {
        var config = rules.configuration.document
        config["num_nextn_predict_layers"] = 0
        guard case .object(var quantisation)? = config["quantization_config"] else { return config }
        let inventory = artefact.inventory
        for key in SkipList.keys {
            guard case .array(let names)? = quantisation[key] else { continue }
            quantisation[key] = .array(
                names.filter { name in
                    guard case .string(let module) = name, let index = inventory.index(ofSkipped: module)
                    else { return true }
                    return !inventory.isPrediction(inventory.entries[index])
                })
        }
        config["quantization_config"] = .object(quantisation)
        return config
    }
}
