// --units, and where a plan may be written.

import ArgumentParser
import Checkpoints
import Diagnostics
import Glibc

/// The option of every command whose work several processes can share.
struct UnitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Do nothing but open the output and write the plan for `ingot unit run` and `ingot unit merge`.",
            valueName: "plan.json"), completion: .record)
    var units: String?
}

/// A plan must not get into an artefact, nor in the place of another file.
func checkPlanPlace(_ path: String, source: String, output: OutputFolder) throws(Failure) {
    func refuse(_ what: String, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .unitPlanPlace, what, file: path, expected: expected, found: found,
                remedy: "--units with a path beside the output, such as \(output.path).plan.json"))
    }
    let parent = parentFolder(path)
    guard let folder = resolved(parent) else {
        throw refuse("the plan has no folder to go to", "a folder \(parent)", "no such folder")
    }
    for place in [source, output.path, output.partial] {
        // What does not stand yet is known by the folder that it will stand in.
        let whole = resolved(place) ?? resolved(parentFolder(place)).map { joined($0, lastComponent(place)) }
        guard let whole, folder == whole || folder.hasPrefix(whole + "/") else { continue }
        throw refuse("the plan would be carried along or lost there", "a folder apart from \(place)", folder)
    }
    guard FileAccess.kind(path, followingLinks: false) != .nothing else { return }
    do throws(Failure) { _ = try UnitPlanFile.read(path) } catch {
        throw refuse(
            "something that is no plan stands there", "no such path, or an earlier plan", "another file")
    }
}
