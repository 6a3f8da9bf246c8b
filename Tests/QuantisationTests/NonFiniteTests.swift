// A NaN or an infinity anywhere ends the run with its tensor and its place, and leaves nothing behind.

import Foundation
import TestSupport
import Testing

struct NonFiniteTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let tensor: String
        let row: Int
        let column: Int
        let columns: Int
        var testDescription: String { tensor }
    }

    static let cases = [
        Case(tensor: "model.layers.0.mlp.gate_proj.weight", row: 255, column: 127, columns: 128),
        Case(tensor: "model.layers.2.mlp.experts.7.down_proj.weight", row: 3, column: 0, columns: 128),
        Case(tensor: "model.word_embeddings.weight", row: 511, column: 126, columns: 128),
        Case(tensor: "model.layers.1.input_layernorm.weight", row: 0, column: 17, columns: 128),
        Case(tensor: "model.layers.1.mlp.gate.expert_bias", row: 0, column: 5, columns: 8),
    ]

    @Test(arguments: cases, [false, true]) func isNamed(_ place: Case, _ infinity: Bool) throws {
        let folder = try TemporaryFolder()
        var maker = try CheckpointMaker.micro()
        maker.fill = { entry in
            guard entry.name == place.tensor else { return nil }
            let width = entry.dtype.bits / 8
            var bytes = [UInt8](repeating: 0, count: entry.byteCount)
            let at = (place.row * place.columns + place.column) * width
            bytes[at + width - 1] = infinity ? 0xFF : 0x7F
            bytes[at + width - 2] = infinity ? 0x80 : 0xC0
            return bytes
        }
        let source = try maker.write(folder.path("source"))
        let run = try ProgramRun.ingot("quantise", source, "--output", folder.path("out"))
        #expect(run.exit == 65)
        #expect(run.errors.contains("SCHEME-005"), "\(run.errors)")
        #expect(run.errors.contains(place.tensor), "\(run.errors)")
        #expect(run.errors.contains("row \(place.row), column \(place.column)\n"), "\(run.errors)")
        #expect(try names(in: folder.path) == ["source"])
    }

    /// In an artefact: a code, and a stored scale.
    @Test(arguments: [true, false]) func inAnArtefact(_ code: Bool) throws {
        let folder = try TemporaryFolder()
        let artefact = try quantise(
            Repository.checkpoint("micro"), scheme("fp8-block"), to: folder.path("fp8"))
        let name = "model.layers.0.mlp.gate_proj.weight" + (code ? "" : "_scale_inv")
        let record = try #require(artefact.record(name))
        let file = try FileHandle(
            forUpdating: URL(fileURLWithPath: artefact.folder + "/model.safetensors"))
        try file.seek(toOffset: UInt64(record.dataRange.lowerBound + (code ? 130 : 4)))
        try file.write(contentsOf: Data(code ? [0x7F] : [0, 0, 0x80, 0x7F]))
        try file.close()
        let run = try ProgramRun.ingot("dequantise", artefact.folder, "--output", folder.path("out"))
        #expect(run.exit == 65)
        #expect(run.errors.contains("SCHEME-005"), "\(run.errors)")
        #expect(run.errors.contains(name + " "), "\(run.errors)")
        #expect(run.errors.contains(code ? "row 1, column 2\n" : "row 1, column 0\n"), "\(run.errors)")
        #expect(try names(in: folder.path) == ["fp8"])
    }
}
