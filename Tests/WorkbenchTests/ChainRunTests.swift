// A chain does each stage once, stops at the first gate that fails, and goes on where it was killed.

import Foundation
import TestSupport
import Testing

@Suite(.serialized)
struct ChainRunTests {
    @Test func aStageThatIsDoneAndUnchangedIsNotDoneAgain() throws {
        let chain = try SmallChain()
        let first = try chain.perform()
        #expect(first.exit == 0, "\(first.errors)\(first.output)")
        var ends = try chain.ends()
        #expect(ends.count == 13)
        #expect(ends.values.allSatisfy { $0 == "done" }, "\(ends)")
        let digests = try chain.digests()
        #expect(FileManager.default.fileExists(atPath: chain.run + "/report.html"))

        #expect(try chain.perform().exit == 0)
        #expect(try chain.ends().values.allSatisfy { $0 == "reused" })

        // A new date is no new content; another pace gives the same bytes.
        let rows = chain.folder.path("evaluation.jsonl")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: rows)
        #expect(try chain.perform("--jobs", "2").exit == 0)
        #expect(try chain.ends().values.allSatisfy { $0 == "reused" })

        // Another row to measure on: what reads it is done again, and what reads that; nothing else.
        var text = try String(contentsOfFile: rows, encoding: .utf8)
        text = text.split(separator: "\n").dropLast().joined(separator: "\n") + "\n"
        try text.write(toFile: rows, atomically: true, encoding: .utf8)
        let third = try chain.perform()
        #expect(third.exit == 0, "\(third.errors)\(third.output)")
        ends = try chain.ends()
        for stage in ["draft-measure", "verify", "publish-prepare"] {
            #expect(ends[stage] == "done")
        }
        for stage in ["validate", "calibrate", "quantise", "draft-train", "shard"] {
            #expect(ends[stage] == "reused")
        }

        // Something that was made is damaged: it is made again, with the same bytes.
        try Data("x".utf8).write(to: URL(fileURLWithPath: chain.run + "/artefact/config.json"))
        #expect(try chain.perform().exit == 0)
        ends = try chain.ends()
        #expect(ends["quantise"] == "done")
        #expect(ends["shard"] == "reused")
        #expect(
            try chain.digests().filter { $0.key.hasPrefix("artefact") }
                == digests.filter { $0.key.hasPrefix("artefact") })
    }

    @Test func theFirstGateThatFailsEndsTheChain() throws {
        let chain = try SmallChain { recipe in
            var draft = recipe["draft"] as? [String: Any] ?? [:]
            draft["measure"] =
                ["data": "evaluation.jsonl", "rows": 2, "tokens": 12, "at_least": 3.9] as [String: Any]
            recipe["draft"] = draft
        }
        let run = try chain.perform()
        #expect(run.exit == 1)
        for text in ["DRAFT-054", "RUN-005", "at least 3.9", "draft-measure", "ingot draft measure"] {
            #expect(run.errors.contains(text), "\(run.errors)")
        }
        let ends = try chain.ends()
        #expect(ends["draft-measure"] == "failed")
        #expect(ends["verify"] == "not run")
        // The gate is lowered: what was done stays done.
        let text = try String(contentsOfFile: chain.recipe, encoding: .utf8).replacing("3.9", with: "1")
        try text.write(toFile: chain.recipe, atomically: true, encoding: .utf8)
        let second = try chain.perform()
        #expect(second.exit == 0, "\(second.errors)")
        #expect(try chain.ends()["draft-train"] == "reused")
        #expect(try chain.ends()["draft-measure"] == "done")
    }

    @Test func killedThirtyTimesItEndsWithTheSameBytes() throws {
        let undisturbed = try SmallChain()
        let clock = ContinuousClock()
        let start = clock.now
        let whole = try undisturbed.perform()
        #expect(whole.exit == 0, "\(whole.errors)")
        let seconds = (clock.now - start) / .seconds(1)
        let expected = try undisturbed.digests()

        var random = SeededGenerator(seed: 8)
        var kills = 0
        var chain = try SmallChain()
        var attempts = 0
        while kills < 30, attempts < 200 {
            attempts += 1
            let run = try chain.start()
            // Up to a third of a whole run: the next one goes on from there.
            usleep(UInt32(Double.random(in: 0.02..<0.35, using: &random) * seconds * 1e6))
            run.send(SIGKILL)
            let end = try run.wait()
            if end.exit == 128 + SIGKILL {
                kills += 1
            } else {
                #expect(end.exit == 0, "\(end.errors)")
                #expect(try chain.digests() == expected)
                chain = try SmallChain()
            }
        }
        #expect(kills == 30)
        let last = try chain.perform()
        #expect(last.exit == 0, "\(last.errors)")
        #expect(try chain.digests() == expected)
    }

    @Test func aRequestToStopKeepsWhatIsSealed() throws {
        let chain = try SmallChain()
        let run = try chain.start()
        // Once the first stages are done: the training is at work or about to be.
        let record = chain.run + "/stages/draft-train/log.txt"
        while run.isRunning, !FileManager.default.fileExists(atPath: record) { usleep(10_000) }
        run.send(SIGINT)
        let end = try run.wait()
        #expect(end.exit == 75, "\(end.errors)")
        #expect(end.errors.contains("RUN-008"))
        #expect(end.errors.contains("ingot run "))
        #expect(try chain.perform().exit == 0)
        #expect(try chain.ends()["quantise"] == "reused")
    }

    @Test func anotherFolderIsNotTaken() throws {
        let chain = try SmallChain()
        try FileManager.default.createDirectory(atPath: chain.run, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: chain.run + "/thesis.tex"))
        let run = try chain.perform()
        #expect(run.exit == 73)
        #expect(run.errors.contains("RUN-004"))
        #expect(try names(in: chain.run) == ["thesis.tex"])
    }

    @Test func whatStagesWouldRefuseIsToldBeforeAnyWork() throws {
        let chain = try SmallChain { recipe in
            recipe["shard"] = ["topology": "tp2"]
            recipe["verify"] = ["data": "evalution.jsonl"]
        }
        let run = try chain.perform()
        #expect(run.exit != 0)
        #expect(run.errors.contains("evalution.jsonl"))
        #expect(!FileManager.default.fileExists(atPath: chain.run))

        let second = try SmallChain { $0["shard"] = ["topology": "tp2"] }
        let refused = try second.perform()
        #expect(refused.exit == 1)
        #expect(refused.errors.contains("TOPO-003"))
        #expect(!FileManager.default.fileExists(atPath: second.run))
    }

    /// A scheme, a tolerance or a training's profile in a file is read, and changes what comes of it.
    @Test func aChangedSchemeFileIsAnotherArtefact() throws {
        let chain = try SmallChain { recipe in
            for section in ["draft", "verify", "shard", "publish", "calibrate"] { recipe[section] = nil }
            recipe["quantise"] = ["scheme": "./scheme.json"]
        }
        func quantised(_ scheme: String) throws -> String {
            try? FileManager.default.removeItem(atPath: chain.folder.path("scheme.json"))
            try FileManager.default.copyItem(
                atPath: Repository.path("Profiles/schemes/\(scheme).json"),
                toPath: chain.folder.path("scheme.json"))
            let run = try chain.perform()
            #expect(run.exit == 0, "\(run.errors)")
            return try String(contentsOfFile: chain.run + "/artefact/config.json", encoding: .utf8)
        }
        let block = try quantised("fp8-block")
        #expect(try quantised("fp8-channel") != block)
        #expect(try quantised("fp8-block") == block)
    }

    /// Words of every stage are judged before the first one works.
    @Test(arguments: [
        ("verify.checks=weight", "did you mean weights?"), ("verify.tolerance=nope", "nope"),
        ("verify.backend=x", "CLI-006"),
        ("verify.tokens=0", "--tokens"), ("draft.measure.numerics=x", "NUMERICS-001"),
        ("draft.measure.tokens=-5", "--tokens"), ("draft.attach.steps=0", "--steps"),
        ("calibrate.observe=x", "x"),
    ]) func wordsThatAStageRefusesAreToldFirst(_ setting: String, _ says: String) throws {
        let chain = try SmallChain()
        let run = try chain.perform("--plan", "--set", setting)
        #expect(run.exit != 0 && run.errors.contains(says), "\(setting): \(run.exit) \(run.errors)")
    }

    /// The card is made last, and what its check would say is known first: but for what an earlier stage measures.
    @Test(arguments: [
        ("a model for doctors and no notice", ["PUB-054"]), ("a comparison that nobody makes", ["PUB-051"]),
        ("nothing", []),
    ]) func aCardThatWouldNotPassIsToldBeforeAnyWork(_ fault: String, _ codes: [String]) throws {
        let chain = try SmallChain { recipe in
            guard var publish = recipe["publish"] as? [String: Any] else { return }
            if codes == ["PUB-054"] {
                publish["base_model"] = "acme/ling-medical"
                publish["medical"] = false
            }
            recipe["publish"] = publish
            if codes == ["PUB-051"] { recipe["verify"] = nil }
        }
        let run = try chain.perform("--plan")
        #expect(run.exit == (codes.isEmpty ? 0 : 1), "\(fault): \(run.errors)")
        for code in ["PUB-051", "PUB-054"] {
            #expect(run.errors.contains(code) == codes.contains(code), "\(fault): \(run.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: chain.run))
    }

    @Test func aRecipeToStartFromIsARecipe() throws {
        let folder = try TemporaryFolder()
        let made = try ProgramRun.ingot(
            "run", "--init", Repository.checkpoint("ling-tiny-icd"), "--target", "vllm-0.33.0/h20-96g")
        #expect(made.exit == 0, "\(made.errors)")
        let path = folder.path("recipe.json")
        try made.output.write(toFile: path, atomically: true, encoding: .utf8)
        let plan = try ProgramRun.ingot("run", path, "--plan", "--output", folder.path("run"))
        #expect(plan.exit == 0, "\(plan.errors)")
        for text in ["quantise", "verify", "shard-plan", "needed", "free at"] {
            #expect(plan.output.contains(text))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }
}
