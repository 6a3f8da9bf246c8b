// The hubs' enumerations, the front matter they are written in, and the rules for large files.

import Diagnostics
import Documents
import Foundation
import Publishing
import TestSupport
import Testing
import Yams

@Suite struct HubProfileTests {
    @Test(arguments: Hub.allCases) func everyValueHasASourceAndADay(_ hub: Hub) throws {
        let profile = try HubProfile.read(hub)
        #expect(profile.checked.wholeMatch(of: /20\d\d-\d\d-\d\d/) != nil)
        #expect(profile.sources.count == 18)
        for (key, source) in profile.sources { #expect(source.count > 8, "\(key)") }
        for list in [profile.licences, profile.tasks, profile.relations, profile.languages, profile.keys] {
            #expect(Set(list).count == list.count && !list.contains(""), "\(list)")
        }
        #expect(profile.advisedFileBytes <= profile.fileBytes)
        for key in profile.requiredKeys { #expect(profile.keys.contains(key)) }
        #expect(profile.upload.contains("REPOSITORY") && profile.upload.contains("FOLDER"))
    }

    @Test func aProfileOfAnotherKindIsRefused() {
        let library = ProfileLibrary(document: { _ in Array("{\"schema\": 1}".utf8) }, names: { _ in [] })
        for read in [
            { _ = try HubProfile.read(.huggingFace, library) }, { _ = try CardProfile.read(library) },
        ] as [() throws -> Void] {
            let failure = #expect(throws: Failure.self) { try read() }
            #expect(failure?.findings.map(\.code.name) == ["PUB-105"])
        }
    }

    @Test func theEnumerationsHoldWhatPublishersUse() throws {
        let hub = try HubProfile.read(.huggingFace)
        for licence in ["mit", "apache-2.0", "other", "llama3.3", "gemma"] {
            #expect(hub.licences.contains(licence))
        }
        #expect(hub.licences.count >= 75 && hub.languages.count >= 180)
        #expect(
            hub.tasks.contains("text-generation")
                && hub.relations == ["adapter", "merge", "quantized", "finetune"])
        let other = try HubProfile.read(.modelScope)
        #expect(other.licenceNames["Apache License 2.0"] == "apache-2.0")
        for (_, id) in other.licenceNames { #expect(other.licences.contains(id)) }
        #expect(other.tasks.contains("text-generation") && other.neverLarge.contains("configuration.json"))
    }

    /// What one YAML library writes another one reads: here the values are read back by the library itself, in
    /// the judges by PyYAML.
    @Test func frontMatterSurvivesItsWriter() throws {
        var values = JSONObject()
        values["license"] = "apache-2.0"
        values["language"] = ["en", "no", "zh"]
        values["version"] = "1.10"
        values["date"] = "2026-01-01"
        values["yes"] = "on"
        values["colon"] = "a: b # c"
        values["chinese"] = "医疗模型"
        values["number"] = 3
        values["share"] = .real(0.25)
        values["flag"] = true
        values["nothing"] = nil
        values["empty"] = ""
        values["dash"] = "- x"
        values["lines"] = "a\nb"
        values["nested"] = [["id": "x", "list": [1, 2]]]
        let text = FrontMatter.render(values, body: "\n# Title\n")
        let card = try FrontMatter(text)
        #expect(card.values == values)
        #expect(card.body == "\n# Title\n")
        let node = try #require(
            try Yams.compose(
                yaml: String(text.dropFirst(4).prefix { $0 != "\u{0}" })
                    .components(separatedBy: "\n---\n")[0]))
        #expect(node["language"]?.array().map(\.string) == ["en", "no", "zh"])
        #expect(node["version"]?.string == "1.10" && node["flag"]?.bool == true)
    }

    @Test(arguments: [
        "# no head\n", "---\na: 1\na: 2\n---\n", "---\n- a\n---\n",
        "---\na: [\n---\n",
        "---\na: 1\n", "---\n? [x]\n: 1\n---\n",
    ]) func whatIsNoFrontMatter(_ text: String) {
        #expect((try? FrontMatter(text)) == nil)
    }

    @Test func rulesForLargeFiles() throws {
        let rules = GitAttributes(
            "*.safetensors filter=lfs diff=lfs\n*.json filter=lfs\nconfig.json -filter\nsaved/**/* filter=lfs\n# x\n"
        )
        for (path, isLarge) in [
            ("model.safetensors", true), ("a/b.safetensors", true), ("tokenizer.json", true),
            ("config.json", false),
            ("README.md", false), ("saved/x", true), ("saved/x/y", true), ("other/saved/x", false),
        ] { #expect(rules.isLarge(path) == isLarge, "\(path)") }
        for (path, pattern, matches) in [
            ("x.bin", "*.bin", true), ("x.bin.txt", "*.bin", false), ("a/x.bin", "/*.bin", false),
            ("modeltfevents1", "*tfevents*", true), ("abc", "a?c", true), ("a/c", "a?c", false),
            ("x", "**", true),
        ] { #expect(GitAttributes.matches(path, pattern) == matches, "\(path) \(pattern)") }
        var hubs: [HubProfile] = []
        for hub in Hub.allCases { hubs.append(try HubProfile.read(hub)) }
        let own = GitAttributes(GitAttributes.text(hubs))
        for name in hubs.flatMap(\.neverLarge) { #expect(!own.isLarge(name)) }
        #expect(own.isLarge("model-00001-of-00002.safetensors"))
    }

    @Test func licenceTextsAreRecognised() throws {
        #expect(LicenceText(try Repository.text("LICENSE"))?.id == "apache-2.0")
        #expect(
            LicenceText("Permission is hereby granted, free of charge, to any person\nobtaining a copy")?.id
                == "mit")
        #expect(LicenceText("All rights reserved.") == nil)
    }

    @Test func evaluationResultsAreWhatTheHubReads() throws {
        let text = EvaluationResults.text([
            .init(dataset: "acme/icd", task: "default", value: 97.5, notes: "no: tools")
        ])
        #expect(EvaluationResults.fault(in: text) == nil)
        for (wrong, what) in [
            ("a: 1\n", "no list"), ("- value: 1\n", "no dataset"),
            ("- dataset: {id: icd, task_id: d}\n  value: 1\n", "OWNER/NAME"),
            ("- dataset: {id: a/b, task_id: d}\n", "no value"),
            ("- dataset: {id: a/b, task_id: d}\n  value: 1\n  source: {name: x}\n", "URL"),
        ] { #expect(EvaluationResults.fault(in: wrong)?.contains(what) ?? false, "\(wrong)") }
    }

    @Test func templates() throws {
        let template = try CardTemplate(
            "# {{a}}\n{{#b}}\nhas {{b}}\n{{/b}}\n{{^b}}\nnone\n{{/b}}\nend\n", file: "t")
        #expect(try template.render(["a": "x", "b": "y"]) == "# x\nhas y\nend\n")
        #expect(try template.render(["a": "x", "b": ""]) == "# x\nnone\nend\n")
        for wrong in ["{{a", "{{#a}}x", "x{{/a}}"] { #expect((try? CardTemplate(wrong, file: "t")) == nil) }
        #expect((try? CardTemplate("{{titel}}", file: "t").render(["title": "x"])) == nil)
    }
}
