// Files of the repository that travel inside the program: profiles and diagnostics pages.

import CEmbedded

/// The files embedded when the program was built, by their path in the repository.
package enum EmbeddedFiles {
    /// All paths, sorted.
    package static let paths: [String] = (0..<ingot_embedded_count()).map {
        String(cString: ingot_embedded_at($0).path)
    }

    /// The bytes of a file; nil when it is not embedded.
    package static func bytes(_ path: String) -> [UInt8]? {
        guard let index = paths.firstIndex(of: path) else { return nil }
        let file = ingot_embedded_at(index)
        return Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    }
}
