// The outline of an artefact that is not made yet: its headers, index, config and sidecars, with files as long as they
// will be and no data in them. What judges an artefact by its headers, a topology plan above all, can be asked before
// hours of work.

import Checkpoints
import Diagnostics
import Documents
import Glibc

extension ConversionPlan {
    /// Writes the outline to a folder that is there; its files hold no blocks where the file system can leave them out.
    package func writeOutline(to folder: String) throws(Failure) {
        for shard in shards {
            let path = joined(folder, shard.name)
            _ = try FileAccess.writeSealed(data: [try shard.layout().headerBytes], to: path)
            guard truncate(path, off_t(shard.byteCount)) == 0 else {
                throw FileAccess.failure(.writeFailed, path)
            }
        }
        for name in sidecars {
            _ = try copyFile(joined(source.folder, name), to: joined(folder, name))
        }
        _ = try FileAccess.writeSealed(
            JSONValue.object(config).text() + "\n", to: joined(folder, "config.json"))
        if needsIndex {
            _ = try FileAccess.writeSealed(try index(), to: joined(folder, CheckpointIndex.fileName))
        }
    }
}
