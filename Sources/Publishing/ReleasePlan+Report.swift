// What prepare prints: the plan before, the commands that upload after.

import Checkpoints
import Diagnostics
import Documents

extension ReleasePlan {
    package var shardCount: Int { reshard.shards.count }

    /// A few lines for people.
    package func summary(output: String) -> String {
        let hubs = request.hubs.map(\.rawValue).joined(separator: " and ")
        var lines = [
            "release of \(lastComponent(request.checkpoint)) for \(hubs)",
            "  \(grouped(judged.judgement.found.parameterCount)) parameters, \(layoutTitle)",
            "  \(grouped(shardCount)) shard\(shardCount == 1 ? "" : "s") of up to "
                + "\(Diagnostics.byteCount(request.shardBytes)), \(Diagnostics.byteCount(reshard.bytes)) in all",
            "  carried: " + abridged(carried.map(\.name), limit: 12),
        ]
        if !leftOut.isEmpty { lines.append("  left out: " + abridged(leftOut, limit: 12)) }
        lines.append("  \(output)")
        return lines.joined(separator: "\n")
    }

    package var document: JSONValue {
        [
            "plan_sha256": .string(digest), "hubs": .array(request.hubs.map { .string($0.rawValue) }),
            "shards": .array(
                reshard.shards.map {
                    [
                        "name": .string($0.name), "bytes": .integer($0.fileBytes),
                        "tensors": .integer($0.pieces.count),
                    ]
                }),
            "carried": .array(carried.map { .string($0.name) }),
            "left_out": .array(leftOut.map(JSONValue.string)),
        ]
    }

    /// The command for each hub.
    package func uploadCommands(_ folder: String) throws(Failure) -> [String] {
        var commands: [String] = []
        for hub in request.hubs {
            commands.append(
                try HubProfile.read(hub).upload
                    .replacing("REPOSITORY", with: request.repository ?? "OWNER/\(lastComponent(folder))")
                    .replacing("FOLDER", with: folder))
        }
        return commands
    }
}
