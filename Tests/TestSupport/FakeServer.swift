// A small HTTP server inside the test process, on a port of its own: it answers what a test tells it to, good
// or bad, and remembers what it was asked.

import Foundation

/// Answers requests on 127.0.0.1 until it goes away.
package final class FakeServer: @unchecked Sendable {
    /// What was asked.
    package struct Request: Sendable {
        package let method: String
        package let path: String
        /// By lower-case names.
        package let headers: [String: String]
        package let body: [UInt8]
    }

    /// What is answered.
    package struct Reply: Sendable {
        package var status = 200
        package var headers = ["Content-Type": "application/json"]
        package var body: [UInt8] = []
        /// Seconds before the body.
        package var delay = 0.0
        /// What Content-Length says; nil for the truth.
        package var claimedLength: Int?

        package init(_ body: String, status: Int = 200) {
            self.body = Array(body.utf8)
            self.status = status
        }
    }

    package let port: Int
    private let listener: Int32
    private let lock = NSLock()
    private var asked: [Request] = []
    private let answer: @Sendable (Request) -> Reply

    package init(_ answer: @escaping @Sendable (Request) -> Reply) throws {
        self.answer = answer
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        guard listener >= 0, isBound else { throw CannotListen() }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                guard let server = self else {
                    close(connection)
                    return
                }
                Thread.detachNewThread { server.serve(connection) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    package var url: String { "http://127.0.0.1:\(port)" }

    /// Everything that was asked so far.
    package var requests: [Request] { lock.withLock { asked } }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        guard let request = Self.read(connection) else { return }
        lock.withLock { asked.append(request) }
        let reply = answer(request)
        var head = "HTTP/1.1 \(reply.status) X\r\nConnection: close\r\n"
        for (name, value) in reply.headers { head += "\(name): \(value)\r\n" }
        head += "Content-Length: \(reply.claimedLength ?? reply.body.count)\r\n\r\n"
        guard Self.write(connection, Array(head.utf8)) else { return }
        if reply.delay > 0 { usleep(UInt32(reply.delay * 1e6)) }
        _ = Self.write(connection, reply.body)
    }

    private static func write(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let request = parse(bytes) { return request }
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            bytes += chunk[..<count]
        }
    }

    private static func parse(_ bytes: [UInt8]) -> Request? {
        let end = Array("\r\n\r\n".utf8)
        guard bytes.count >= end.count,
            let at = (0...(bytes.count - end.count)).first(where: {
                bytes[$0..<$0 + end.count].elementsEqual(end)
            })
        else { return nil }
        let lines = String(decoding: bytes[..<at], as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        let body = Array(bytes[(at + end.count)...])
        guard words.count >= 2, body.count >= Int(headers["content-length"] ?? "0") ?? 0 else { return nil }
        return Request(method: words[0], path: words[1], headers: headers, body: body)
    }

    struct CannotListen: Error {}
}
