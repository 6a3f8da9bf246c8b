// docs/scale/units-job.yaml: it is read, what the API server asks beyond the schema holds, and its commands are run
// as the Job controller would, one pod after another, on folders in the place of its claims. The schema itself is
// judged by Tests/Judges/judge_manifest.sh.

import Diagnostics
import Foundation
import TestSupport
import Testing
import Yams

/// A Job of the manifest.
private struct Job {
    let name: String
    let step: String
    let spec: [String: Any]
    let pod: [String: Any]
    let container: [String: Any]

    init(_ document: Any) throws {
        let job = try #require(document as? [String: Any])
        #expect(job["apiVersion"] as? String == "batch/v1")
        #expect(job["kind"] as? String == "Job")
        let metadata = try #require(job["metadata"] as? [String: Any])
        name = try #require(metadata["name"] as? String)
        step = try #require((metadata["labels"] as? [String: Any])?["step"] as? String)
        spec = try #require(job["spec"] as? [String: Any])
        pod = try #require((spec["template"] as? [String: Any])?["spec"] as? [String: Any])
        let containers = try #require(pod["containers"] as? [[String: Any]])
        #expect(containers.count == 1)
        container = try #require(containers.first)
    }

    /// The words the container runs.
    var words: [String] {
        (container["command"] as? [String] ?? []) + (container["args"] as? [String] ?? [])
    }

    static func all() throws -> [Job] {
        try Yams.load_all(yaml: try Repository.text("docs/scale/units-job.yaml")).map(Job.init)
    }
}

struct ManifestTests {
    @Test func planThenUnitsThenMerge() throws {
        let jobs = try Job.all()
        #expect(jobs.map(\.step) == ["plan", "units", "merge"])
        let comment = try Repository.text("docs/scale/units-job.yaml")
        for job in jobs {
            #expect(job.name == "ingot-\(job.step)")
            let isApplied = comment.contains("kubectl apply -f units-job.yaml --selector step=\(job.step)\n")
            #expect(isApplied, "the comment does not say how to apply \(job.step)")
        }
    }

    /// Rules of the API server that its schema does not state.
    @Test func theApiServersRulesHold() throws {
        for job in try Job.all() {
            #expect(job.pod["restartPolicy"] as? String == "Never", "\(job.name)")
            let volumes = try #require(job.pod["volumes"] as? [[String: Any]]).compactMap {
                $0["name"] as? String
            }
            let mounts = try #require(job.container["volumeMounts"] as? [[String: Any]])
            #expect(Set(mounts.compactMap { $0["name"] as? String }).isSubset(of: volumes), "\(job.name)")
            let paths = mounts.compactMap { $0["mountPath"] as? String }
            #expect(paths.contains(try #require(job.container["workingDir"] as? String)), "\(job.name)")
        }
        let units = try #require(try Job.all().first { $0.step == "units" })
        // Failures by index, and FailIndex, are for indexed Jobs alone.
        #expect(units.spec["completionMode"] as? String == "Indexed")
        let completions = try #require(units.spec["completions"] as? Int)
        #expect(try #require(units.spec["parallelism"] as? Int) <= completions)
        #expect(try #require(units.spec["maxFailedIndexes"] as? Int) <= completions)
        #expect(units.spec["backoffLimitPerIndex"] is Int)
        let place = try #require(units.words.firstIndex(of: "--count"))
        #expect(units.words[place + 1] == "\(completions)")
    }

    /// Exit statuses that no repeat mends end the share or the Job; all others are tried again.
    @Test func theFailurePolicyKnowsOurExitStatuses() throws {
        let units = try #require(try Job.all().first { $0.step == "units" })
        let policy = try #require(units.spec["podFailurePolicy"] as? [String: Any])
        var ends: [String: [Int32]] = [:]
        for rule in try #require(policy["rules"] as? [[String: Any]]) {
            let action = try #require(rule["action"] as? String)
            guard let codes = rule["onExitCodes"] as? [String: Any] else {
                #expect(action == "Ignore")
                continue
            }
            #expect(codes["containerName"] as? String == units.container["name"] as? String)
            #expect(codes["operator"] as? String == "In")
            ends[action] = try #require(codes["values"] as? [Int]).map(Int32.init)
        }
        func statuses(_ all: Diagnostics.ExitStatus...) -> [Int32] { all.map(\.rawValue) }
        #expect(
            ends == [
                "FailJob": statuses(.usage, .badProfile), "FailIndex": statuses(.badData, .inputMissing),
            ])
        let inShell = statuses(.usage, .badData, .inputMissing, .badProfile).map(String.init).joined(
            separator: " | ")
        #expect(try Repository.text("docs/scale/units.sbatch").contains("\n\(inShell))"))
    }

    @Test func itsCommandsConvert() throws {
        let site = try Site(source: "models/ling")
        let expected = try site.single()
        try FileManager.default.createDirectory(
            atPath: site.folder.path("work"), withIntermediateDirectories: true)
        for job in try Job.all() {
            // Claims are folders here; a pod has them at the root.
            let words = job.words.map { word in
                word.hasPrefix("/models/") || word.hasPrefix("/work/") ? site.folder.path + word : word
            }
            #expect(words.first == "ingot")
            let place = site.folder.path + (try #require(job.container["workingDir"] as? String))
            for index in 0..<(job.spec["completions"] as? Int ?? 1) {
                let run = try ProgramRun(
                    Repository.program("ingot"), Array(words.dropFirst()), in: place,
                    environment: job.step == "units" ? ["JOB_COMPLETION_INDEX": "\(index)"] : [:])
                #expect(run.exit == 0, "\(job.name) \(index): \(run.errors)")
            }
        }
        #expect(try folderDigest(site.folder.path("work/ling-fp8")) == expected)
    }
}
