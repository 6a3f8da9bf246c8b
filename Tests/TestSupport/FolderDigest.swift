// What is in a folder, as one value to compare: every file by its name and SHA-256.

import Checkpoints
import Foundation

/// Every file of a folder and its digest.
package func folderDigest(_ folder: String) throws -> [String: String] {
    var digests: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
        digests[name] = try digestFile(folder + "/" + name).digest
    }
    return digests
}

/// The names in a folder, sorted.
package func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
}
