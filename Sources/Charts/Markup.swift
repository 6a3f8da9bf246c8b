// The one place where text becomes markup. Everything a caller gives passes through `escaped`, and every
// element is closed, so that a page parses as XML as well as HTML.

/// Text as it may stand in markup, between tags or inside a quoted attribute.
///
/// Characters that XML forbids, and those that turn the writing direction (a label could otherwise rearrange
/// the verdict beside it), become U+FFFD.
package func escaped(_ text: String) -> String {
    var output = ""
    output.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
        switch scalar.value {
        case 0x26: output += "&amp;"
        case 0x3C: output += "&lt;"
        case 0x3E: output += "&gt;"
        case 0x22: output += "&quot;"
        case 0x27: output += "&#39;"
        case 0x09, 0x0A: output.unicodeScalars.append(scalar)
        case 0..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF: output += "\u{FFFD}"
        default: output.unicodeScalars.append(scalar)
        }
    }
    return output
}

/// Markup under construction.
struct Markup {
    private(set) var text = ""

    /// An element with text inside, or an empty one.
    ///
    /// Attributes without a value are left out.
    mutating func element(
        _ name: String, _ attributes: KeyValuePairs<String, String?> = [:], text content: String? = nil
    ) {
        open(name, attributes)
        if let content {
            text += ">" + escaped(content) + "</\(name)>"
        } else {
            text += "/>"
        }
    }

    /// An element with elements inside.
    mutating func element(
        _ name: String, _ attributes: KeyValuePairs<String, String?> = [:], _ content: (inout Markup) -> Void
    ) {
        open(name, attributes)
        text += ">"
        content(&self)
        text += "</\(name)>"
    }

    /// Text between elements.
    mutating func add(_ content: String) { text += escaped(content) }

    /// Markup that was made by this type.
    mutating func raw(_ markup: String) { text += markup }

    private mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String?>) {
        text += "<" + name
        for case (let key, let value?) in attributes { text += " \(key)=\"\(escaped(value))\"" }
    }
}
