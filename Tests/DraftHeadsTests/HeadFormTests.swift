// The three forms of a head: written, read, converted there and back.

import Checkpoints
import Documents
import DraftHeads
import Foundation
import ReferenceModel
import Tensors
import TestSupport
import Testing

struct HeadFormTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: HeadForm.allCases)
    func whatIsWrittenIsRead(form: HeadForm) throws {
        let path = try Heads.write(form: form, in: folder)
        let head = try HeadFile.open(path)
        #expect(head.document.form == form)
        var configuration = head.configuration
        #expect(configuration.auxiliaryPoints.map(\.afterLayer) == [0, 1, 2])
        configuration.auxiliaryPoints = Heads.micro.auxiliaryPoints
        #expect(configuration == Heads.micro)
        #expect(try head.parameters() == Heads.parameters(Heads.micro, seed: 7))
        #expect(try head.vocabulary == Heads.vocabulary(Heads.micro, seed: 7))
        #expect(head.tensors.embedding == nil)
    }

    /// The published layers of Ling-flash in each way of counting.
    @Test func layerIdsOfLingFlash() throws {
        let head = HeadLayoutTests.lingFlash
        func ids(_ form: HeadForm) throws -> JSONValue? {
            var document = HeadDocument(head, form: form)
            document.speculators = HeadDocument.speculatorsBlock(
                verifier: "a/b", architectures: [], tokens: 3)
            let written = try document.written(dtype: .bf16)
            guard case .object(let nested)? = written["eagle_config"] else {
                return written["eagle_aux_hidden_state_layer_ids"]
            }
            return nested["eagle_aux_hidden_state_layer_ids"]
        }
        #expect(try ids(.specforge) == [1, 15, 28])
        #expect(try ids(.vllm) == [2, 16, 29])
        #expect(try ids(.speculators) == [2, 16, 29])
    }

    /// Every way from one form over another and back gives the same bytes.
    @Test(arguments: HeadForm.allCases, HeadForm.allCases)
    func thereAndBack(from: HeadForm, over: HeadForm) throws {
        let source = try Heads.write(form: from, in: folder)
        let first = try HeadFile.open(source)
        let there = try convert(first, to: over, named: "there")
        let middle = try HeadFile.open(there)
        #expect(middle.configuration.auxiliaryPoints.map(\.afterLayer) == [0, 1, 2])
        let back = try convert(middle, to: from, named: "back")
        for name in [HeadDocument.fileName, HeadContent.tensorsName] {
            let (a, b) = (source + "/" + name, back + "/" + name)
            #expect(
                try Data(contentsOf: URL(fileURLWithPath: a)) == Data(contentsOf: URL(fileURLWithPath: b)))
        }
    }

    /// A head of the whole vocabulary needs no maps; vLLM would stop over them.
    @Test(arguments: HeadForm.allCases) func wholeVocabulary(form: HeadForm) throws {
        var configuration = Heads.micro
        configuration.draftVocabularySize = 512
        let path = try Heads.write(configuration, form: form, in: folder)
        let file = try TensorFile(path + "/model.safetensors")
        #expect((file["d2t"] != nil) == (form == .specforge))
        #expect(try HeadFile.open(path).vocabulary.targetIds == Array(0..<512))
    }

    private func convert(_ head: HeadFile, to form: HeadForm, named name: String) throws -> String {
        let path = folder.path(name)
        let verifier = form == .speculators ? "someone/micro" : nil
        let output = OutputFolder(path: path, policy: .init(resume: false, replace: true), kind: "draft head")
        try HeadConversion(head, to: form, verifier: verifier, tokens: 3, output: output).run()
        return path
    }
}
