// Where profiles come from: the table built into the program, or a folder. Readers of profiles take a
// library and do not know which.

import Glibc

/// Profile documents by path, such as `engines/vllm-0.11.0.json`.
package struct ProfileLibrary: Sendable {
    private let find: @Sendable (String) -> [UInt8]?
    private let list: @Sendable (String) -> [String]

    /// - Parameters:
    ///   - document: the bytes of a path; nil when there is no such profile.
    ///   - names: the names in a folder, without `.json`; empty when there is no such folder.
    package init(
        document: @escaping @Sendable (String) -> [UInt8]?, names: @escaping @Sendable (String) -> [String]
    ) {
        find = document
        list = names
    }

    /// The bytes of a profile; nil when there is none at the path.
    package func document(at path: String) -> [UInt8]? { find(path) }

    /// The names of the profiles in a folder, without `.json`, sorted.
    package func names(in folder: String) -> [String] { list(folder).sorted() }

    /// The profiles in a folder of files.
    package static func folder(_ root: String) -> ProfileLibrary {
        ProfileLibrary(
            document: { readFile("\(root)/\($0)") },
            names: { jsonNames("\(root)/\($0)") })
    }

    /// A profile is a page of text; anything larger is something else.
    private static let sizeLimit = 1 << 20

    private static func readFile(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: sizeLimit + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0, count <= sizeLimit else { return nil }
        return Array(bytes.prefix(count))
    }

    private static func jsonNames(_ path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".json") { names.append(String(name.dropLast(5))) }
        }
        return names
    }
}
