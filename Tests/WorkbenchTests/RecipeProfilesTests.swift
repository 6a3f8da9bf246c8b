// The program's own recipes: each reads strictly, says where each value comes from, and plans against a full-size
// checkpoint of holes: nothing but what this machine and these files lack is held against it.

import Architectures
import Diagnostics
import Documents
import DraftHeads
import Foundation
import TestSupport
import Testing
import Workbench

struct RecipeProfilesTests {
    private static let names = Recipe.names

    @Test func allDeploymentsAreThere() {
        #expect(
            Set(Self.names) == [
                "a100x4-bf16", "a100x2-fp8", "h20-fp8-eagle3", "h200-fp8", "910bx8-float16",
                "a100x4-bf16-128k",
                "a100x2-fp8-128k", "h20-fp8-eagle3-128k", "h200-fp8-128k", "910bx8-float16-128k",
            ])
    }

    /// Every value but words about the recipe itself has a source, and every source a value.
    @Test(arguments: names) func everyValueHasItsSource(_ name: String) throws {
        let recipe = try Recipe.read(name, settings: [])
        #expect(recipe.name == name)
        guard case .object(let document) = recipe.document, case .object(let sources)? = document["sources"]
        else {
            Issue.record("\(name): no sources")
            return
        }
        var values: Set<String> = ["target"]
        for (section, choices) in recipe.sections {
            for choice in choices { values.insert("\(section).\(choice.key)") }
        }
        // Whether both hubs are prepared for is nobody's measurement.
        values.remove("publish.hub")
        #expect(Set(sources.keys) == values)
    }

    /// The long variants differ from the others in the context alone.
    @Test(arguments: names.filter { $0.hasSuffix("-128k") }) func longVariantsAreVariants(_ name: String)
        throws
    {
        let long = try Recipe.read(name, settings: [])
        let plain = try Recipe.read(String(name.dropLast(5)), settings: [])
        #expect(long.value("shard", "context") == "131072" && plain.value("shard", "context") == "32768")
        for (section, choices) in plain.sections {
            #expect(
                long.sections[section]?.filter { $0.key != "context" }
                    == choices.filter { $0.key != "context" })
        }
        #expect(long.target == plain.target)
    }

    /// A full-size checkpoint of holes with what a release carries, a head and prompts.
    private func place(_ folder: TemporaryFolder, isLong: Bool) throws {
        let yarn: [String: JSONValue?] = [
            "max_position_embeddings": 131_072,
            "rope_scaling": ["type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768],
        ]
        var maker = try CheckpointMaker("Fixtures/configs/ling-flash-2.0.json", isLong ? yarn : [:])
        maker.isSparse = true
        try maker.write(folder.path("Ling-flash-2.0"), shards: 22)
        try "{\"prompt\": \"What?\"}\n".write(
            toFile: folder.path("prompts.jsonl"), atomically: true, encoding: .utf8)
        try FileManager.default.createDirectory(
            atPath: folder.path("eagle3-head"), withIntermediateDirectories: true)
    }

    @Test(arguments: names) func thePlanOfAFullSizeModelIsLegal(_ name: String) throws {
        let folder = try TemporaryFolder()
        try place(folder, isLong: name.hasSuffix("-128k"))
        let run = try ProgramRun.ingot(
            "run", name, "--checkpoint", "Ling-flash-2.0", "--output", "run", "--plan", "--json", "--quiet",
            in: folder.path)
        let document = try JSONValue(parsing: Array(run.output.utf8))
        let findings = try StrictReader(document).objects("findings")
        let errors = try findings.filter { try $0.string("level") == "error" }.map { try $0.string("code") }
        // The disk of a test machine, the licence, sidecars and head that a checkpoint of holes lacks.
        let excused: Set<String> = ["RUN-009"]
        #expect(Set(errors).isSubset(of: excused), "\(name): \(errors)\n\(run.output.prefix(6000))")
    }

    /// A topology that the target cannot serve is refused by the plan, before any work.
    @Test func anIllegalTopologyIsRefused() throws {
        let folder = try TemporaryFolder()
        try place(folder, isLong: false)
        let run = try ProgramRun.ingot(
            "run", "a100x2-fp8", "--checkpoint", "Ling-flash-2.0", "--output", "run", "--plan", "--set",
            "shard.topology=tp16", in: folder.path)
        #expect(run.exit != 0)
        #expect(run.errors.contains("TOPO-003"), "\(run.errors)")
    }
}
