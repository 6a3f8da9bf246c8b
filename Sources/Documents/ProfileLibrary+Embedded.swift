// The profiles built into the program, as a library.

extension ProfileLibrary {
    /// The profiles that travel inside the program.
    package static let embedded = ProfileLibrary(
        document: { EmbeddedFiles.bytes(root + $0) },
        names: { folder in
            let prefix = root + folder + "/"
            return EmbeddedFiles.paths.compactMap { path in
                guard path.hasPrefix(prefix), path.hasSuffix(".json") else { return nil }
                let name = path.dropFirst(prefix.count).dropLast(5)
                return name.contains("/") ? nil : String(name)
            }
        })

    private static let root = "Profiles/"
}
