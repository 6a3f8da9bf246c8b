// The head's forward pass and its drafts, against a PyTorch statement that recomputes every step, and against what
// vLLM drafted with the same heads.

import Backends
import Checkpoints
import Documents
import DraftHeads
import ReferenceModel
import TestSupport
import Testing

struct HeadPassTests {
    static let vectors = Repository.path("Fixtures/vectors/eagle3")

    /// One of the heads; how the first counts layers is said nowhere in its files.
    static func head(_ kind: String) throws -> HeadFile {
        try HeadFile.open(vectors + "/" + kind, layers: kind == "plain" ? .after : nil)
    }

    struct Step: Sendable {
        let context: [Int]
        let drafted: [Int]
    }

    /// Drafts a head makes after a context, read by the target at once.
    static func drafts(
        _ head: HeadFile, _ step: Step, _ backend: any Backend, weights: CheckpointWeights
    ) throws -> [Int] {
        let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
        let drafter = HeadDrafter(try HeadPass(head, target: weights, backend: backend))
        let states = AuxiliaryStates(drafter.points)
        try pass.run([TokenSequence(Array(step.context.dropLast()))], logits: .none, taps: [states])
        let request = DraftRequest(
            memory: drafter.memory(), states: try #require(states.joined),
            tokens: Array(step.context.dropFirst()), limit: 100)
        let tree = try drafter.draft([request], shape: .chain(step.drafted.count), temperature: 0)[0]
        return tree.nodes.map(\.token)
    }

    @Test(arguments: ["plain", "joined", "flagged"], [true, false])
    func draftsOfTorch(kind: String, fused: Bool) throws {
        let weights = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 1 << 30)
        let head = try Self.head(kind)
        let file = try TensorFile(Self.vectors + "/drafts.safetensors")
        let backend: any Backend =
            fused ? FusedBackend(numerics: .f32, threads: 1) : ReferenceBackend(numerics: .f32)
        for index in 0..<5 {
            let context = try #require(file["\(kind).\(index).context"]).floats.map { Int($0) }
            let drafted = try #require(file["\(kind).\(index).drafted"]).floats.map { Int($0) }
            let found = try Self.drafts(
                head, Step(context: context, drafted: drafted), backend, weights: weights)
            #expect(found == drafted, "\(kind), context \(index)")
        }
    }

    /// What vLLM 0.32.0 on a CPU drafted in F32.
    @Test(arguments: ["joined", "flagged"]) func draftsOfVLLM(kind: String) throws {
        let weights = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 1 << 30)
        let head = try Self.head(kind)
        let text = try Repository.text("Fixtures/vectors/eagle3/vllm-\(kind).json")
        guard case .array(let rows) = try JSONValue(parsing: Array(text.utf8)) else { return }
        #expect(rows.count >= 28)
        for row in rows {
            let reader = try StrictReader(row)
            let step = Step(
                context: try reader.integers("context"), drafted: try reader.integers("drafted"))
            #expect(
                try Self.drafts(head, step, FusedBackend(numerics: .f32, threads: 1), weights: weights)
                    == step.drafted)
        }
    }

    /// A copy of the target's embedding in the head's own file changes nothing.
    @Test func anEmbeddingOfItsOwn() throws {
        let folder = try TemporaryFolder()
        let path = try folder.copy(of: Self.vectors + "/joined", named: "head")
        let weights = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 1 << 30)
        let target = try TensorFile(Repository.checkpoint("micro") + "/model.safetensors")
        var file = try TensorFile(path + "/model.safetensors")
        file["embed_tokens.weight"] = target["model.word_embeddings.weight"]
        try file.write(path + "/model.safetensors")
        let head = try HeadFile.open(path)
        #expect(head.tensors.embedding != nil)
        let vectors = try TensorFile(Self.vectors + "/drafts.safetensors")
        let context = try #require(vectors["joined.3.context"]).floats.map { Int($0) }
        let drafted = try #require(vectors["joined.3.drafted"]).floats.map { Int($0) }
        let backend = FusedBackend(numerics: .f32, threads: 1)
        let found = try Self.drafts(head, Step(context: context, drafted: drafted), backend, weights: weights)
        #expect(found == drafted)
    }
}
