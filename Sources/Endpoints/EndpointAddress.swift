// Where an engine listens: scheme, host, port and perhaps a path before /v1.

import Diagnostics

/// The address of an engine.
package struct EndpointAddress: Equatable, Sendable, CustomStringConvertible {
    /// Without a slash at the end, and without `/v1`.
    package let description: String

    /// Reads what a user gives: `http://host:8000`, with or without `/v1`.
    ///
    /// - Throws: END-001 for anything but http and https, and for a name or a password inside the URL.
    package init(_ text: String) throws(Failure) {
        let example = "give it as http://127.0.0.1:8000"
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) })
        else { throw Self.refuse(text, "this is not the URL of an engine", example) }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else {
            throw Self.refuse(
                "…" + text[(text.lastIndex(of: "@") ?? text.startIndex)...],
                "a URL must not hold a name or a password", "give the key with --api-key-file")
        }
        guard Self.isHost(authority), !rest.contains(where: { "?#\"<>\\".contains($0) }) else {
            throw Self.refuse(text, "this is not the URL of an engine", example)
        }
        var path = rest.dropFirst(authority.count)
        func trim() { while path.hasSuffix("/") { path.removeLast() } }
        trim()
        if path.hasSuffix("/v1") { path.removeLast(3) }
        trim()
        description = scheme + authority + path
    }

    /// `host`, `host:port` or `[address]:port`.
    private static func isHost(_ text: Substring) -> Bool {
        var (host, port) = (text, Substring("80"))
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            host = text[...end]
            let after = text[text.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { return false }
            if !after.isEmpty { port = after.dropFirst() }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        return !host.isEmpty && (1...65535).contains(Int(port) ?? 0)
    }

    private static func refuse(_ text: String, _ what: String, _ remedy: String) -> Failure {
        Failure(
            Finding(
                .error, .endpointAddress, what, option: "--endpoint",
                expected: "http://HOST:PORT or https://HOST:PORT", found: text, remedy: remedy))
    }
}
