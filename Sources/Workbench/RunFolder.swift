// The folder of a run: what each stage made, its record and its log, and the report of the whole.

import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// Where things stand in a run folder.
package struct RunFolder: Sendable {
    package let path: String

    /// The file that makes a folder a run folder.
    package static let marker = "run.json"
    package static let reportName = "report.json"
    package static let pageName = "report.html"
    package static let recipeName = "recipe.json"
    package static let planName = "plan.json"

    package init(_ path: String) {
        var trimmed = absolute(path, from: workingFolder())
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.path = trimmed
    }

    /// What a stage printed as JSON, by its path in the folder.
    package static func record(of stage: StageName) -> String { "stages/\(stage.rawValue)/record.json" }

    /// What a stage said on the way, by its path in the folder.
    package static func log(of stage: StageName) -> String { "stages/\(stage.rawValue)/log.txt" }

    package func file(_ name: String) -> String { joined(path, name) }

    /// Makes the folder or takes the one of an earlier run.
    ///
    /// - Throws: `RUN-004` when something else stands there.
    package func open(_ resolved: ResolvedPlan) throws(Failure) -> Journal {
        let recipe = resolved.plan.recipe
        switch FileAccess.kind(path) {
        case .nothing: try FileAccess.createFolder(path)
        case .folder:
            let names = try FileAccess.names(in: path)
            guard names.isEmpty || names.contains(Self.marker) || names.contains(Journal.fileName) else {
                throw taken("a folder with \(abridged(names))")
            }
        default: throw taken("a file")
        }
        let journal = try Journal(folder: path)
        for folder in ["stages", "pages"] { try FileAccess.createFolder(file(folder)) }
        _ = try FileAccess.writeSealed(recipe.document.text() + "\n", to: file(Self.recipeName))
        _ = try FileAccess.writeSealed(resolved.document.text() + "\n", to: file(Self.planName))
        let head: JSONValue = [
            "format": 1, "name": .string(recipe.name), "program": .string(ingotVersion),
        ]
        _ = try FileAccess.writeSealed(head.text() + "\n", to: file(Self.marker))
        return journal
    }

    private func taken(_ found: String) -> Failure {
        Failure(
            Finding(
                .error, .notARunFolder, "this is not the folder of a run", file: path,
                expected: "no such path, an empty folder, or one with \(Self.marker)", found: found,
                remedy: "choose another --output"))
    }
}
