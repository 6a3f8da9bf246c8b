// A strict reader of markup for tests: every element closed, every attribute quoted, every entity known.

/// What a page consists of.
package struct MarkupReader {
    package struct Element: Equatable {
        package let name: String
        package let attributes: [String: String]
    }

    /// A rule that the markup breaks, and the text around it.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    package private(set) var elements: [Element] = []
    package private(set) var texts: [String] = []
    private var rest: Substring

    package init(_ markup: String) throws {
        rest = markup[...]
        if rest.hasPrefix("<!DOCTYPE html>\n") { rest.removeFirst("<!DOCTYPE html>\n".count) }
        var open: [String] = []
        var roots = 0
        while !rest.isEmpty {
            let text = rest.prefix { $0 != "<" }
            rest = rest[text.endIndex...]
            if !text.isEmpty { texts.append(try Self.decoded(text)) }
            guard !rest.isEmpty else { break }
            let tag = rest.prefix { $0 != ">" }
            guard tag.endIndex < rest.endIndex else {
                throw Fault(description: "open end: \(tag.prefix(60))")
            }
            rest = rest[rest.index(after: tag.endIndex)...]
            if tag.hasPrefix("</") {
                let name = String(tag.dropFirst(2))
                guard open.popLast() == name else { throw Fault(description: "unexpected </\(name)>") }
                continue
            }
            if open.isEmpty { roots += 1 }
            let element = try Self.element(tag.dropFirst())
            elements.append(element)
            if !tag.hasSuffix("/") { open.append(element.name) }
        }
        guard open.isEmpty, roots == 1 else {
            throw Fault(description: "\(roots) roots, left open: \(open)")
        }
    }

    private static func element(_ tag: Substring) throws -> Element {
        var rest = tag.hasSuffix("/") ? tag.dropLast() : tag
        let name = rest.prefix { $0.isLetter || $0.isNumber }
        guard !name.isEmpty else { throw Fault(description: "no name: <\(tag.prefix(60))") }
        rest = rest[name.endIndex...]
        var attributes: [String: String] = [:]
        while !rest.isEmpty {
            guard rest.first == " ", let equals = rest.firstIndex(of: "=") else {
                throw Fault(description: "no attribute: \(rest.prefix(60))")
            }
            let key = String(rest[rest.index(after: rest.startIndex)..<equals])
            rest = rest[rest.index(after: equals)...]
            guard rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") else {
                throw Fault(description: "not quoted: \(rest.prefix(60))")
            }
            let value = try decoded(rest[rest.index(after: rest.startIndex)..<end])
            guard attributes.updateValue(value, forKey: key) == nil else {
                throw Fault(description: "\(key) twice")
            }
            rest = rest[rest.index(after: end)...]
        }
        return Element(name: String(name), attributes: attributes)
    }

    private static func decoded(_ text: Substring) throws -> String {
        var output = ""
        var rest = text
        while let at = rest.firstIndex(of: "&") {
            output += rest[..<at]
            let known = [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'")]
            guard let (entity, character) = known.first(where: { rest[at...].hasPrefix($0.0) }) else {
                throw Fault(description: "entity: \(rest[at...].prefix(20))")
            }
            output += character
            rest = rest[rest.index(at, offsetBy: entity.count)...]
        }
        return output + rest
    }

    /// Throws when a coordinate is not a number or stands far outside its view box.
    package func checkGeometry() throws {
        var size = (width: 0.0, height: 0.0)
        for element in elements {
            if let box = element.attributes["viewBox"] {
                let numbers = box.split(separator: " ").compactMap { Double($0) }
                guard numbers.count == 4, numbers[2] > 0, numbers[3] > 0 else {
                    throw Fault(description: "view box \(box)")
                }
                size = (numbers[2], numbers[3])
            }
            for (key, limit) in [("x", size.width), ("y", size.height)] {
                guard let text = element.attributes[key] else { continue }
                guard let value = Double(text), value >= -2, value <= limit + 2 else {
                    throw Fault(description: "\(element.name) \(key)=\(text) outside \(size)")
                }
            }
            for key in ["width", "height"] {
                guard let text = element.attributes[key] else { continue }
                guard let value = Double(text), value >= 0 else {
                    throw Fault(description: "\(element.name) \(key)=\(text)")
                }
            }
            guard let path = element.attributes["d"] else { continue }
            let allowed = Set("MLHVZahvz0123456789.- ")
            guard path.allSatisfy({ allowed.contains($0) }), !path.isEmpty, path.hasPrefix("M") else {
                throw Fault(description: "path \(path.prefix(80))")
            }
            // Each absolute move or line stays in the view box.
            for part in path.split(whereSeparator: { "MLHVZahvz".contains($0) && !"hva".contains($0) }) {
                let point = part.prefix { !"hva".contains($0) }.split(separator: " ").compactMap {
                    Double($0)
                }
                guard point.count == 2 else { continue }
                guard point[0] >= -8, point[0] <= size.width + 8, point[1] >= -8, point[1] <= size.height + 8
                else { throw Fault(description: "point \(point) outside \(size)") }
            }
        }
    }
}
