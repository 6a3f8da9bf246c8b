// Joining and judging path texts.

import Documents
import Glibc

/// Joins a folder and a name.
package func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : folder + "/" + name
}

/// The last component of a path, without trailing slashes.
package func lastComponent(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
    return trimmed.split(separator: "/").last.map(String.init) ?? String(trimmed)
}

/// The folder that holds a path.
package func parentFolder(_ path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
}

/// The absolute path with links resolved; nil when nothing stands there.
package func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}

/// The folder in which the program was started, with links resolved.
package func workingFolder() -> String { resolved(".") ?? "." }

/// Whether a name from a file is a plain file name: it stays in its folder whatever it says.
package func isPlainFileName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
        && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 || $0.value == 0x7F }
}

/// An existing sibling whose name is near to the last component of a missing path.
func neighbour(of path: String) -> String? {
    let parent = parentFolder(path)
    guard let names = try? FileAccess.names(in: parent) else { return nil }
    return nearMiss(lastComponent(path), among: names).map { parent == "." ? $0 : joined(parent, $0) }
}
