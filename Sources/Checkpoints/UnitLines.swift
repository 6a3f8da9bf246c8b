// Where processes that share a plan meet: a folder inside the folder that the output is built in. It holds the line
// of each sealed unit and the files in the making; nothing is ever changed in place, so that no lock is needed.
// It moves away with the folder around it when the output takes its name: from then on nobody can add to it.

import Diagnostics
import Documents
import Glibc

/// The shared lines of one plan.
struct UnitLines: Sendable {
    static let folderName = ".ingot-units"

    /// `OUTPUT.partial/.ingot-units/PLAN`: work of another plan on the same output cannot get into it.
    let folder: String

    init(partial: String, plan: String) {
        folder = joined(joined(partial, Self.folderName), String(plan.prefix(16)))
    }

    var exists: Bool { FileAccess.kind(folder) == .folder }

    private func path(_ key: String) -> String {
        joined(folder, String(FileDigest.of(key).prefix(32)) + ".json")
    }

    /// Writes the line of a sealed unit: it is absent or whole, and may be written again.
    func write(_ unit: SealedUnit<some UnitDetail>, by worker: WorkerName) throws(Failure) {
        let path = path(unit.key)
        _ = try FileAccess.writeSealed(
            data: CollectionOfOne(Array((unit.document.text(.compact) + "\n").utf8)), to: path,
            temporary: joined(folder, worker.prefix + lastComponent(path)))
    }

    /// Whether a line of a unit stands there, whatever it says.
    func has(_ key: String) -> Bool { FileAccess.kind(path(key)) == .file }

    /// The line of a unit; nil for none, and for one that is not what the plan says.
    func read<Unit: WorkUnit>(_ unit: Unit) throws(Failure) -> SealedUnit<Unit.Detail>? {
        guard let bytes = try? FileAccess.read(path(unit.key), limit: 1 << 31),
            let document = try? JSONValue(parsing: bytes),
            let sealed = try? SealedUnit<Unit.Detail>(document: document),
            try sealed.belongs(to: unit, .cluster)
        else { return nil }
        return sealed
    }

    /// Removes what processes of this machine that are no more have left in the making.
    func removeAbandoned() {
        for name in (try? FileAccess.names(in: folder)) ?? [] where WorkerName.isAbandoned(name) {
            unlink(joined(folder, name))
        }
    }
}
