// One request and its answer, over libcurl: no redirection is followed, no answer grows beyond its limit, and
// none is waited for longer than it may take.

import CCurl
import Checkpoints

/// What an engine answered.
struct HTTPAnswer: Sendable {
    let status: Int
    let contentType: String
    /// Where a redirection leads.
    let location: String?
    let body: [UInt8]
}

/// A request that can be sent more than once.
struct HTTPExchange: Sendable {
    let url: String
    /// Posted as JSON; nil asks with GET.
    let body: String?
    let key: APIKey?
    /// Bytes of an answer.
    let limit: Int
    /// From the start to the last byte received.
    let seconds: Double

    /// What went wrong on the way.
    enum Trouble: Error, Sendable {
        /// Nothing listens; worth another try.
        case refused(String)
        case broken(String)
        case late
        case tooLarge
        case stopped
    }

    /// Sends the request and waits for the whole answer.
    func send() throws(Trouble) -> HTTPAnswer {
        // An empty Expect: large requests are sent at once.
        var headers = ["Accept: application/json", "Expect:"]
        if body != nil { headers.append("Content-Type: application/json") }
        if let key { headers.append("Authorization: Bearer " + key.secret) }
        var answer = withPointers(headers) { headers in
            url.withCString { url in
                withOptionalCString(body) { body in
                    var request = ingot_http_request(
                        url: url, body: body, headers: headers, limit: limit,
                        milliseconds: Int(seconds * 1000), is_stopped: { StopFlag.isRaised ? 1 : 0 })
                    return ingot_http_send(&request)
                }
            }
        }
        defer { ingot_http_free(&answer) }
        let message = text(&answer.message)
        switch answer.end {
        case INGOT_HTTP_ANSWERED: break
        case INGOT_HTTP_REFUSED: throw .refused(message)
        case INGOT_HTTP_LATE: throw .late
        case INGOT_HTTP_TOO_LARGE: throw .tooLarge
        case INGOT_HTTP_STOPPED: throw .stopped
        default: throw .broken(message)
        }
        let location = text(&answer.location)
        return HTTPAnswer(
            status: answer.status, contentType: text(&answer.content_type),
            location: location.isEmpty ? nil : location,
            body: Array(UnsafeBufferPointer(start: answer.body, count: answer.size)))
    }
}

/// The text of a C array of characters that ends with a zero.
private func text<Characters>(_ characters: inout Characters) -> String {
    withUnsafeBytes(of: &characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

private func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result
{
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}

/// Lends C strings as an array that ends with a null pointer.
private func withPointers<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
) -> Result {
    let copies = texts.map { text in
        let bytes = Array(text.utf8CString)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    var pointers = copies.map { UnsafePointer<CChar>?($0) }
    pointers.append(nil)
    return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
}
