// Recordings as they come: whole, in part, and broken. A broken one is refused or soundly compared, never a trap.

import Backends
import Checkpoints
import Diagnostics
import Foundation
import Parity
import ReferenceModel
import Tensors
import TestSupport
import Testing
import Tokenisation

struct RecordedRunTests {
    private let folder: TemporaryFolder
    private static let micro = Repository.checkpoint("micro")
    private static let texts = ["len1", "len120", "len7"]

    init() throws { folder = try TemporaryFolder() }

    /// What becomes of a recording.
    enum Outcome: Sendable {
        /// No difference.
        case passes
        /// Refused with this code.
        case refused(DiagnosticCode)
        /// Compared, and this is among the findings.
        case found(DiagnosticCode)
        /// Compared with no error, and this warning.
        case warned(DiagnosticCode)
    }

    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let outcome: Outcome
        let make: @Sendable (inout TensorFile) throws -> Void

        init(
            _ title: String, _ outcome: Outcome, _ make: @escaping @Sendable (inout TensorFile) throws -> Void
        ) {
            testDescription = title
            self.outcome = outcome
            self.make = make
        }
    }

    /// Changes the tensors of all texts whose name ends so.
    private static func each(
        _ file: inout TensorFile, _ suffix: String, _ change: (inout TensorFile.Tensor) -> Void
    ) {
        for text in texts {
            guard var tensor = file["\(text).\(suffix)"] else { continue }
            change(&tensor)
            file["\(text).\(suffix)"] = tensor
        }
    }

    private static func drop(_ file: inout TensorFile, _ isDropped: (String) -> Bool) {
        for name in file.tensors.keys where isDropped(name) { file[name] = nil }
    }

    private static func edit(_ file: inout TensorFile, _ name: String, _ change: (inout [Float]) -> Void) {
        guard var tensor = file[name] else { return }
        var values = tensor.floats
        change(&values)
        tensor.floats = values
        file[name] = tensor
    }

    /// Each row cut, or filled up with a small number.
    private static func widened(_ tensor: TensorFile.Tensor, _ columns: Int) -> TensorFile.Tensor {
        let (rows, width) = (tensor.shape[0], tensor.shape[1])
        let values = tensor.floats
        var result: [Float] = []
        for row in 0..<rows {
            result += values[row * width..<row * width + min(width, columns)]
            result += Array(repeating: -9, count: max(0, columns - width))
        }
        return TensorFile.Tensor(result, [rows, columns])
    }

    /// A tensor in BF16.
    private static func halved(_ tensor: TensorFile.Tensor) -> TensorFile.Tensor {
        var half = TensorFile.Tensor(.bf16, tensor.shape, [])
        half.floats = tensor.floats
        return half
    }

    static let changes: [Change] = [
        Change("as it is", .passes) { _ in },
        // Parts that are missing.
        Change("no margins", .passes) { drop(&$0) { $0.hasSuffix(".margin") } },
        Change("no routing weights", .passes) { drop(&$0) { $0.hasSuffix(".weight") } },
        Change("no router logits", .passes) {
            drop(&$0) { $0.contains(".router.") && $0.hasSuffix(".logits") }
        },
        Change("experts alone", .passes) {
            drop(&$0) { !$0.hasSuffix(".idx") && !$0.hasSuffix(".tokens") }
        },
        Change("logits alone", .passes) {
            drop(&$0) { !($0.hasSuffix(".logits") && !$0.contains("router")) && !$0.hasSuffix(".tokens") }
        },
        Change("no attention", .passes) { drop(&$0) { $0.hasSuffix(".attn") } },
        Change("one layer", .passes) { drop(&$0) { $0.contains(".layer.") && !$0.contains(".layer.1.") } },
        Change("tokens alone", .found(.nothingToCompare)) { drop(&$0) { !$0.hasSuffix(".tokens") } },
        Change("no logits of one text", .warned(.comparisonLimited)) { $0["len7.logits"] = nil },
        Change("no states of one text", .warned(.comparisonLimited)) { $0["len1.layer.2.out"] = nil },
        Change("nothing", .refused(.recordingMalformed)) { drop(&$0) { _ in true } },
        Change("no tokens", .refused(.recordingMalformed)) { drop(&$0) { $0.hasSuffix(".tokens") } },
        // Tokens.
        Change("tokens of floats", .refused(.recordingMalformed)) {
            $0["len7.tokens"] = .init([1, 2, 3, 4, 5, 6, 7] as [Float], [7])
        },
        Change("no token", .refused(.recordingMalformed)) { $0["len7.tokens"] = .init([Int](), [0]) },
        Change("a token below zero", .refused(.recordingMalformed)) {
            $0["len1.tokens"] = .init([-1], [1])
        },
        Change("a token outside the vocabulary", .refused(.tokenIdImpossible)) {
            $0["len1.tokens"] = .init([512], [1])
        },
        Change("an id beyond everything", .refused(.tokenIdImpossible)) {
            $0["len1.tokens"] = .init([Int.max], [1])
        },
        Change("another token", .found(.layerLeavesBand)) { $0["len1.tokens"] = .init([3], [1]) },
        Change("fewer tokens", .refused(.recordingMalformed)) { $0["len7.tokens"] = .init([1, 2, 3], [3]) },
        // Shapes and types.
        Change("logits of another vocabulary", .refused(.nothingToCompare)) {
            each(&$0, "logits") { $0 = widened($0, 500) }
        },
        Change("logits of a larger vocabulary", .refused(.nothingToCompare)) {
            each(&$0, "logits") { $0 = widened($0, 520) }
        },
        Change("logits of two widths", .refused(.recordingMalformed)) {
            $0["len1.logits"] = .init(Array(repeating: 0 as Float, count: 500), [1, 500])
        },
        Change("logits of the last token", .refused(.recordingMalformed)) {
            each(&$0, "logits") { $0 = .init(Array($0.floats.suffix(512)), [1, 512]) }
        },
        Change("logits without width", .refused(.recordingMalformed)) {
            $0["len7.logits"] = .init([Float](), [7, 0])
        },
        Change("logits of integers", .refused(.recordingMalformed)) {
            $0["len1.logits"] = .init(Array(repeating: 1, count: 512), [1, 512])
        },
        Change("logits of three axes", .refused(.recordingMalformed)) {
            each(&$0, "logits") { $0.shape = [1] + $0.shape }
        },
        Change("a single number", .refused(.recordingMalformed)) {
            $0["len7.final_norm"] = .init([1 as Float], [])
        },
        Change("states of another width", .refused(.nothingToCompare)) {
            each(&$0, "layer.1.out") {
                $0.shape = [$0.shape[0], 64]; $0.bytes = Array($0.bytes.prefix($0.bytes.count / 2))
            }
        },
        Change("all in BF16", .found(.layerLeavesBand)) { file in
            for (name, tensor) in file.tensors where tensor.dtype == .f32 { file[name] = halved(tensor) }
        },
        // Routes.
        Change("experts in the order of their scores", .passes) { file in
            for layer in [1, 2] {
                for part in ["idx", "weight"] {
                    each(&file, "router.\(layer).\(part)") {
                        let v = $0.floats
                        $0.floats = v.indices.map { v[$0 ^ 1] }
                    }
                }
            }
        },
        Change("weights of the other expert", .found(.routesDiffer)) {
            each(&$0, "router.1.weight") {
                let v = $0.floats
                $0.floats = v.indices.map { v[$0 ^ 1] }
            }
        },
        Change("an expert twice", .found(.routesDiffer)) {
            each(&$0, "router.1.idx") {
                let v = $0.floats
                $0.floats = v.indices.map { v[$0 & ~1] }
            }
        },
        Change("an expert that is not there", .refused(.recordingMalformed)) {
            edit(&$0, "len7.router.2.idx") { $0[3] = 200 }
        },
        Change("an expert beyond the logits' width", .found(.routesDiffer)) {
            drop(&$0) { $0.contains(".router.") && $0.hasSuffix(".logits") }
            edit(&$0, "len7.router.2.idx") { $0[3] = 200 }
        },
        Change("an expert below zero", .refused(.recordingMalformed)) {
            edit(&$0, "len7.router.2.idx") { $0[3] = -1 }
        },
        Change("an expert beyond everything", .refused(.recordingMalformed)) {
            drop(&$0) { $0.contains(".router.") && $0.hasSuffix(".logits") }
            $0["len1.router.1.idx"] = .init([1, 1 << 62], [1, 2])
        },
        Change("three experts a token", .refused(.nothingToCompare)) { file in
            drop(&file) { $0.hasSuffix(".weight") }
            each(&file, "router.1.idx") {
                $0 = .init((0..<$0.shape[0] * 3).map { $0 % 3 }, [$0.shape[0], 3])
            }
        },
        Change("numbers of experts that only add up", .refused(.recordingMalformed)) { file in
            drop(&file) { $0.hasSuffix(".weight") || $0.hasPrefix("len120") }
            file["len1.router.1.idx"] = .init(Array(0..<9), [1, 9])
            file["len7.router.1.idx"] = .init(Array(repeating: 1, count: 7), [7, 1])
        },
        Change("no experts", .refused(.recordingMalformed)) {
            each(&$0, "router.1.idx") { $0 = .init([Int](), [$0.shape[0], 0]) }
        },
        Change("margins of too many tokens", .refused(.recordingMalformed)) {
            $0["len1.router.1.margin"] = .init([1, 1] as [Float], [2])
            $0["len7.router.1.margin"] = .init([1, 1, 1, 1, 1, 1] as [Float], [6])
        },
        // A recording cannot excuse itself: the model knows how close the choice was.
        Change("another expert, called a tie", .found(.routesDiffer)) {
            each(&$0, "router.1.margin") { $0.floats = $0.floats.map { _ in 0 } }
            each(&$0, "router.1.idx") { tensor in
                let kept = tensor.shape[1]
                let experts: [Int] = (0..<tensor.shape[0] * kept).map { 2 * ($0 % kept) + 1 }
                tensor = .init(experts, tensor.shape)
            }
        },
        Change("margins that are none", .passes) {
            each(&$0, "router.1.margin") { $0.floats = $0.floats.map { _ in .nan } }
        },
        Change("weights that are none", .found(.routesDiffer)) {
            edit(&$0, "len7.router.1.weight") { $0[2] = .nan }
        },
        // Numbers.
        Change("a logit that is none", .found(.notFinite)) { edit(&$0, "len7.logits") { $0[700] = .nan } },
        Change("an infinite logit", .found(.notFinite)) { edit(&$0, "len7.logits") { $0[0] = .infinity } },
        Change("a state that is none", .found(.notFinite)) {
            edit(&$0, "len120.layer.0.out") { $0[0] = .nan }
        },
        Change("a state of zeros", .found(.layerLeavesBand)) {
            edit(&$0, "len7.layer.0.out") { $0 = $0.map { _ in 0 } }
        },
        // Layers.
        Change("layers beyond every number", .passes) { file in
            for text in texts {
                for number in [
                    "9223372036854775807", "99999999999999999999", "-1", "x", "4611686018427387903",
                ] {
                    file["\(text).layer.\(number).out"] = file["\(text).layer.1.out"]
                }
            }
        },
        Change("a layer more", .found(.configsDiffer)) { file in
            for text in texts { file["\(text).layer.3.out"] = file["\(text).layer.2.out"] }
        },
        // Continuations.
        Change("another continuation", .found(.continuationsDiffer)) {
            edit(&$0, "len7.greedy") { $0[5] = $0[5] == 3 ? 4 : 3 }
        },
        Change("a longer continuation", .found(.continuationsDiffer)) {
            $0["len1.greedy"] = .init(Array(repeating: 7, count: 3), [3])
        },
        Change("an impossible continuation", .found(.continuationsDiffer)) {
            $0["len1.greedy"] = .init([100_000], [1])
        },
        Change("a continuation below zero", .refused(.recordingMalformed)) {
            $0["len1.greedy"] = .init([-4], [1])
        },
        Change("a continuation of nothing", .refused(.recordingMalformed)) {
            $0["len1.prompt"] = .init([Int](), [0])
        },
        Change("a prompt outside the vocabulary", .refused(.tokenIdImpossible)) {
            $0["len1.prompt"] = .init([5000], [1])
        },
        // Frequencies.
        Change("the right frequencies", .passes) {
            $0["rope.inv_freq"] = .init((0..<16).map { 1 / Float(pow(600_000, Double($0) / 16)) }, [16])
        },
        Change("no frequencies", .found(.frequenciesDiffer)) { $0["rope.inv_freq"] = .init([Float](), [0]) },
        Change("frequencies that are none", .found(.frequenciesDiffer)) {
            $0["rope.inv_freq"] = .init(Array(repeating: .nan, count: 16), [16])
        },
        Change("another factor", .found(.frequenciesDiffer)) {
            $0["rope.inv_freq"] = .init((0..<16).map { 1 / Float(pow(600_000, Double($0) / 16)) }, [16])
            $0["rope.attention_scaling"] = .init([1.1387 as Float], [1])
        },
    ]

    @Test(arguments: changes) func isReadOrRefused(_ change: Change) throws {
        var file = try TensorFile(Self.micro + "/golden/float32.safetensors")
        try change.make(&file)
        try file.write(folder.path("made.safetensors"))
        let side = ParitySide.model(try model(Self.micro))
        for (isLeft, batchTokens) in [(true, 4096), (false, 4096), (false, 1)] {
            var result: ParityResult?
            let error = failure {
                let recorded = ParitySide.recorded(try RecordedRun.open(folder.path("made.safetensors")))
                let checks: Set<ParityCheck> = [.forward, .greedy]
                result =
                    try isLeft
                    ? compare(recorded, side, checks, batchTokens: batchTokens)
                    : compare(side, recorded, checks, batchTokens: batchTokens)
            }
            let codes = (error?.findings ?? result?.findings ?? []).map(\.code)
            switch change.outcome {
            case .passes: #expect(result?.passed ?? false && codes.isEmpty, "\(codes) \(result?.told ?? "")")
            case .warned(let code):
                #expect(result?.passed ?? false && codes == [code], "\(codes) \(result?.told ?? "")")
            case .refused(let code):
                // Alone in a batch a text is compared with the model, not with the others.
                if batchTokens == 1, codes == [.nothingToCompare] { continue }
                #expect(error != nil && codes == [code], "\(codes) \(result?.told ?? "")")
            case .found(let code):
                #expect(result?.passed == false && codes.contains(code), "\(codes) \(result?.told ?? "")")
            }
        }
    }

    @Test func bf16IsWithinItsProfile() throws {
        var file = try TensorFile(Self.micro + "/golden/float32.safetensors")
        for (name, tensor) in file.tensors where tensor.dtype == .f32 && !name.hasPrefix("rope") {
            file[name] = Self.halved(tensor)
        }
        try file.write(folder.path("bfloat16.safetensors"))
        let recorded = ParitySide.recorded(try RecordedRun.open(folder.path("bfloat16.safetensors")))
        let result = try compare(recorded, .model(try model(Self.micro)), [.forward])
        #expect(result.tolerance.name == "bf16" && result.passed, "\(result.told)")
    }

    /// What a recorder writes says its numerics in the metadata, whatever the file is called.
    @Test(arguments: [("f32", NumberFormat.f32), ("bf16", .bf16), ("910b-f16", .f16)])
    func aRecorderSaysItsFormat(_ numerics: String, _ format: NumberFormat) throws {
        let side = try model(Self.micro)
        let backend = OpenBLASBackend(numerics: try NumericsProfile.named(numerics).numerics, threads: 1)
        let other = ModelSide(folder: Self.micro, weights: side.weights, pass: side.pass.with(backend))
        _ = try RunRecorder(model: other, rows: drawnRows([5])).write(
            to: folder.path("run"), progress: SilentProgress())
        let run = try RecordedRun.open(folder.path("run"))
        #expect(run.format == format)
        let choice = ToleranceChoice.choose(.recorded(run), .model(side))
        #expect(choice.name == (format == .f32 ? "f32" : "bf16"), "\(choice.reason)")
    }

    @Test func aFolderWithoutTensors() throws {
        try "{}".write(toFile: folder.path("golden.json"), atomically: true, encoding: .utf8)
        #expect(RecordedRun.isRecording(folder.path))
        let error = try #require(failure { try RecordedRun.open(folder.path) })
        #expect(error.findings.map(\.code) == [.recordingMalformed])
    }

    @Test func aRecordingOfAnotherModel() throws {
        let other = ParitySide.model(try model(Repository.checkpoint("ling-tiny-icd")))
        let recorded = try golden("micro")
        let error = try #require(failure { try compare(recorded, other, [.forward]) })
        #expect(error.findings.map(\.code) == [.nothingToCompare])
        // The same shapes, another model.
        let yarn = try compare(
            golden("micro"), .model(try model(Repository.checkpoint("micro-yarn"))), [.forward])
        #expect(!yarn.passed && !yarn.findings(.frequenciesDiffer).isEmpty, "\(yarn.told)")
    }

    @Test func twoRecordings() throws {
        let file = try TensorFile(Self.micro + "/golden/float32.safetensors")
        var other = file
        Self.drop(&other) { $0.hasPrefix("len120") || $0.hasSuffix(".margin") }
        try other.write(folder.path("few.safetensors"))
        let few = ParitySide.recorded(try RecordedRun.open(folder.path("few.safetensors")))
        let rows = try #require(few.recording).rows
        for (left, right) in [(try golden("micro"), few), (few, try golden("micro"))] {
            let result = try compare(left, right, [.forward], tolerance: "exact", rows: rows)
            #expect(result.passed && result.differences?.tokens == 8, "\(result.told)")
        }
        Self.edit(&other, "len7.router.1.idx") { $0[0] = 7 - $0[0] }
        try other.write(folder.path("other.safetensors"))
        let changed = ParitySide.recorded(try RecordedRun.open(folder.path("other.safetensors")))
        let result = try compare(few, changed, [.forward], rows: rows)
        #expect(!result.findings(.routesDiffer).isEmpty, "\(result.told)")
    }
}
