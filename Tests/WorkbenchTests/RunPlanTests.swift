// The chain that follows from a recipe is what a person would type.

import Diagnostics
import TestSupport
import Testing
import Workbench

struct RunPlanTests {
    private func lines(_ text: String, pace: RunPlan.Pace = .init()) throws -> [String] {
        let plan = try RunPlan(try RecipeTests.recipe(text), pace: pace)
        return plan.stages.map { $0.line(in: "/run") }
    }

    @Test func aSourceAloneIsValidated() throws {
        #expect(try lines(#"{"format": 1, "name": "a", "checkpoint": "/m"}"#) == ["ingot validate /m --deep"])
        #expect(
            try lines(
                #"{"format": 1, "name": "a", "checkpoint": "/m", "target": "t/d", "validate": {"deep": false}}"#
            )
                == ["ingot validate /m --target t/d"])
    }

    @Test func stagesReadWhatEarlierOnesMade() throws {
        let all = try lines(
            #"""
            {"format": 1, "name": "a", "checkpoint": "/m", "target": "vllm-0.33.0/h20-96g",
             "calibrate": {"data": "/c.jsonl"}, "quantise": {"scheme": "fp8-tensor-static"},
             "draft": {"train": {"data": "/t.jsonl"}, "measure": {"data": "/e.jsonl"}, "attach": {}, "layers": "after"},
             "verify": {"numerics": "h20-w8a8"}, "shard": {"topology": "tp4", "context": 32768},
             "publish": {"base_model": "a/b", "tag": ["x", "y"]}}
            """#, pace: .init(threads: 2, memory: 1000, jobs: 3))
        #expect(
            all == [
                "ingot validate /m --deep",
                "ingot calibrate run /m --data /c.jsonl --threads 2 --memory 1000 --report /run/pages/calibration.html --output /run/calibration",
                "ingot quantise /m --scheme fp8-tensor-static --target vllm-0.33.0/h20-96g --calibration /run/calibration --jobs 3 --output /run/artefact",
                "ingot validate /run/artefact --deep --target vllm-0.33.0/h20-96g",
                "ingot draft train /m --data /t.jsonl --threads 2 --memory 1000 --output /run/head",
                "ingot draft audit /run/head /run/artefact --layers after --threads 2 --memory 1000 --report /run/pages/head-audit.html",
                "ingot draft measure /run/artefact /run/head --layers after --data /e.jsonl --threads 2 --memory 1000 --report /run/pages/acceptance.html",
                "ingot draft attach /run/artefact /run/head --layers after --target vllm-0.33.0/h20-96g --output /run/draft",
                "ingot verify /m /run/artefact --numerics h20-w8a8 --threads 2 --memory 1000 --report /run/pages/parity.html",
                "ingot shard plan /run/artefact --topology tp4 --context 32768 --target vllm-0.33.0/h20-96g --report /run/pages/topology.html",
                "ingot shard write /run/artefact --topology tp4 --target vllm-0.33.0/h20-96g --jobs 3 --output /run/sharded",
                "ingot publish prepare /run/artefact --base-model a/b --tag x --tag y --target vllm-0.33.0/h20-96g --parity /run/stages/verify/record.json --topology /run/stages/shard-plan/record.json --draft /run/stages/draft-measure/record.json --base /m --jobs 3 --output /run/release",
                "ingot publish check /run/release --base /m",
            ])
    }

    @Test func withoutQuantisingTheSourceIsTheArtefact() throws {
        let all = try lines(
            #"""
            {"format": 1, "name": "a", "checkpoint": "/m", "target": "vllm-0.33.0/a100-80g",
             "draft": {"head": "/h"}, "shard": {"topology": "tp4", "form": "hf"}}
            """#)
        #expect(
            all == [
                "ingot validate /m --deep --target vllm-0.33.0/a100-80g",
                "ingot draft audit /h /m --report /run/pages/head-audit.html",
                "ingot shard plan /m --topology tp4 --target vllm-0.33.0/a100-80g --report /run/pages/topology.html",
                "ingot shard write /m --topology tp4 --form hf --target vllm-0.33.0/a100-80g --output /run/sharded",
            ])
    }

    @Test(arguments: [
        (#"{"format": 1, "name": "a"}"#, "checkpoint"),
        (#"{"format": 1, "name": "a", "checkpoint": "/m", "shard": {"topology": "tp4"}}"#, "target"),
        (#"{"format": 1, "name": "a", "checkpoint": "/m", "quantise": {"kv_scales": true}}"#, "calibrate"),
        (
            #"{"format": 1, "name": "a", "checkpoint": "/m", "quantise": {"clip": "second-moment"}}"#,
            "calibrate"
        ),
    ])
    func whatIsLeftOutIsTold(_ text: String, _ field: String) throws {
        let recipe = try RecipeTests.recipe(text)
        var failure: Failure?
        do throws(Failure) { _ = try RunPlan(recipe, pace: .init()) } catch { failure = error }
        let finding = try #require(failure?.findings.first)
        #expect(finding.code == .recipeIncomplete)
        #expect(finding.subjects.contains(.init(label: "field", value: field)))
    }

    @Test func wordsAreQuotedAsAShellReadsThem() {
        #expect(shellWord("a b") == "'a b'")
        #expect(shellWord("it's") == #"'it'\''s'"#)
        #expect(shellWord("") == "''")
        #expect(shellWord("/a-b_c.d=e:f,g@h+i%") == "/a-b_c.d=e:f,g@h+i%")
    }
}
