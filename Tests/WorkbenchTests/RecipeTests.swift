// Recipes are read strictly: every slip has an answer that says where and what.

import Checkpoints
import Diagnostics
import Documents
import TestSupport
import Testing
import Workbench

struct RecipeTests {
    static func recipe(_ text: String) throws -> Recipe {
        try Recipe(JSONValue(parsing: Array(text.utf8)), folder: "/recipes")
    }

    private func fault(_ text: String) -> DocumentError? {
        do { _ = try Self.recipe(text) } catch let error as DocumentError { return error } catch {}
        return nil
    }

    @Test func pathsAreRelativeToTheRecipe() throws {
        let recipe = try Self.recipe(
            #"{"format": 1, "name": "a", "checkpoint": "model", "verify": {"data": "/x/y.jsonl", "tokens": 12}}"#
        )
        #expect(recipe.checkpoint == "/recipes/model")
        #expect(recipe.value("verify", "data") == "/x/y.jsonl")
        #expect(recipe.value("verify", "tokens") == "12")
    }

    @Test func theSchemaMayBeNamed() throws {
        let recipe = try Self.recipe(
            #"{"$schema": "https://example.org/recipe.schema.json", "format": 1, "name": "a"}"#)
        #expect(recipe.name == "a")
        #expect(fault(#"{"$schema": 1, "format": 1, "name": "a"}"#)?.path == "$schema")
    }

    @Test(arguments: [
        (#"{"name": "a"}"#, "format", "a required key is missing", nil),
        (#"{"format": 2, "name": "a"}"#, "format", "a value of the wrong kind", nil),
        (#"{"format": 1, "name": "../a"}"#, "name", "a value of the wrong kind", nil),
        (
            #"{"format": 1, "name": "a", "quantize": {}}"#, "quantize", "this key is not known here",
            "quantise"
        ),
        (
            #"{"format": 1, "name": "a", "quantise": {"schema": "x"}}"#, "quantise.schema",
            "this key is not known here", "scheme"
        ),
        (
            #"{"format": 1, "name": "a", "calibrate": {"dat": "x"}}"#, "calibrate.data",
            "a required key is missing",
            "dat"
        ),
        (
            #"{"format": 1, "name": "a", "draft": {"train": {"data": "x", "steps": 1.5}}}"#,
            "draft.train.steps",
            "a value of the wrong kind", nil
        ),
        (
            #"{"format": 1, "name": "a", "draft": {"head": "h", "measure": {"data": "x", "step": 3}}}"#,
            "draft.measure.step", "this key is not known here", "steps"
        ),
        (#"{"format": 1, "name": "a", "draft": {}}"#, "draft", "there is no head", nil),
        (
            #"{"format": 1, "name": "a", "draft": {"head": "h", "train": {"data": "x"}}}"#, "draft",
            "a head is given and trained", nil
        ),
        (
            #"{"format": 1, "name": "a", "quantise": {"keep": "attention-qkv"}}"#, "quantise.keep",
            "a value of the wrong kind", nil
        ),
        (
            #"{"format": 1, "name": "a", "publish": {"base_model": "a/b", "bom": 1}}"#, "publish.bom",
            "a value of the wrong kind", nil
        ),
    ])
    func slipsAreTold(_ text: String, _ path: String, _ what: String, _ hint: String?) throws {
        let error = try #require(fault(text))
        #expect(error.path == path)
        #expect(error.what == what)
        if let hint { #expect((error.remedy ?? "").contains(hint)) }
    }

    @Test func settingsReachIntoSections() throws {
        let setting = try #require(RecipeSetting("draft.measure.at_least=2.5"))
        #expect(setting.path == ["draft", "measure", "at_least"])
        #expect(RecipeSetting("publish.base_model=a/b")?.value == .string("a/b"))
        #expect(RecipeSetting("x") == nil)
        #expect(RecipeSetting("a..b=1") == nil)
        let recipe = try Recipe.read(
            Repository.path("Fixtures/recipes/ling-tiny-icd.json"),
            settings: [
                setting, try #require(RecipeSetting("verify.data=rows.jsonl")),
                try #require(RecipeSetting(#"draft.audit={"data": "rows.jsonl", "tokens": 64}"#)),
            ])
        #expect(recipe.value("draft.audit", "data") == joined(workingFolder(), "rows.jsonl"))
        #expect(recipe.value("draft.measure", "at_least") == "2.5")
        #expect(recipe.value("verify", "data") == joined(workingFolder(), "rows.jsonl"))
    }

    @Test func nearMissesOfNamesAreHinted() throws {
        var failure: Failure?
        do throws(Failure) { _ = try Recipe.read("h20-fp", settings: []) } catch { failure = error }
        #expect(failure?.findings.first?.code == .unknownRecipe)
    }

    /// A profile of one's own is a file like any other: relative to the recipe, and read by its stage.
    @Test func profilesAreNamesOrFiles() throws {
        let text = #"""
            {"format": 1, "name": "a", "checkpoint": "/m", "calibrate": {"data": "c", "scheme": ["fp8-block", "s.json"]},
             "quantise": {"scheme": "mine/s.json"}, "draft": {"train": {"data": "t", "profile": "p.json"}},
             "verify": {"tolerance": "fp8"}}
            """#
        let recipe = try Recipe(try JSONValue(parsing: Array(text.utf8)), folder: "/recipes")
        #expect(recipe.value("quantise", "scheme") == "/recipes/mine/s.json")
        #expect(recipe.value("draft.train", "profile") == "/recipes/p.json")
        #expect(recipe.value("verify", "tolerance") == "fp8")
        #expect(
            recipe.sections["calibrate"]?.first { $0.key == "scheme" }?.values
                == ["fp8-block", "/recipes/s.json"])
    }

    @Test(arguments: ["quantise.scheme.x=1", "name.x=1"]) func aValueIsNoSection(_ word: String) throws {
        let failure = #expect(throws: Failure.self) {
            _ = try Recipe.read(
                Repository.path("Fixtures/recipes/ling-tiny-icd.json"),
                settings: [try #require(RecipeSetting(word))])
        }
        #expect(failure?.findings.first?.text.contains("a value is no section") == true)
    }

    /// What a section allows is what its command takes: a key without an option would fail hours later.
    @Test func everyKeyIsAnOptionOfItsCommands() throws {
        for section in RecipeSection.all {
            for stage in StageName.allCases {
                let keys = section.keys.filter {
                    $0.stages?.contains(stage) ?? section.stages.contains(stage)
                }
                guard !keys.isEmpty else { continue }
                let help = try ProgramRun(Repository.program("ingot"), stage.command + ["--help"]).output
                for key in keys {
                    let option = key.option
                    let isThere = help.contains(option + " ") || help.contains(option + "\n")
                    #expect(isThere, "\(section.path).\(key.name): \(stage.command) has no \(option)")
                }
            }
        }
    }

    @Test func theSchemaNamesEveryKey() {
        let text = Recipe.schema.text()
        for section in RecipeSection.all {
            for key in section.keys { #expect(text.contains("\"\(key.name)\"")) }
        }
    }
}
